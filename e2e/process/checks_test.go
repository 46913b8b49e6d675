package process

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/e2e/gate"
	"sluice.dev/sluice/e2e/ports"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

// shared is the namespace of a MetricTemplate that the shop uses.
const shared = "shared"

// ownCheck writes a policy called standard, which the Deployment names, with a check that uses a MetricTemplate of a namespace.
func (s *shop) ownCheck(namespace string) {
	s.t.Helper()
	spec := v1alpha1.PolicySpec{Analysis: &v1alpha1.AnalysisSpec{Metrics: []v1alpha1.Metric{{Name: "own",
		TemplateRef: &v1alpha1.ObjectRef{Name: "latency", Namespace: namespace}, ThresholdRange: &v1alpha1.ThresholdRange{Max: ptr.To(100.0)}}}}}
	s.Expect(s.client.Create(s.t.Context(), &v1alpha1.CanaryPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: shopNamespace, Name: "standard"}, Spec: spec})).To(Succeed())
	s.patch(`{"metadata":{"annotations":{"sluice.dev/policy":"standard"}}}`)
}

// behind makes a server of this machine answer for all hosts that users name, as the proxy of a process that starts afterwards.
// The process itself does not send users' requests to an address of its own machine.
func (c *cluster) behind(proxy string) {
	c.environment = append(c.environment, "HTTP_PROXY="+proxy, "NO_PROXY=", "no_proxy=")
}

// ownServer creates a MetricTemplate in a namespace with its own server, which requires a token. The server counts the clients
// that have it. Only a process that starts afterwards reaches it.
func (s *shop) ownServer(namespace string) (known *atomic.Int32) {
	s.t.Helper()
	known = &atomic.Int32{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer opensesame" {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		known.Add(1)
		s.answer(w, r)
	}))
	s.t.Cleanup(server.Close)
	s.behind(server.URL)
	named := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: namespace, Name: name} }
	labelled := named("credentials")
	labelled.Labels = map[string]string{config.LabelCredentials: "true"}
	s.Expect(s.client.Create(s.t.Context(), &corev1.Secret{ObjectMeta: labelled, StringData: map[string]string{"token": "opensesame"}})).To(Succeed())
	s.Expect(s.client.Create(s.t.Context(), &v1alpha1.MetricTemplate{ObjectMeta: named("latency"), Spec: v1alpha1.MetricTemplateSpec{Query: `up{pod=~"{{ target }}-.*"}`,
		Provider: v1alpha1.MetricProvider{Address: "http://prometheus.test", SecretRef: &v1alpha1.LocalObjectRef{Name: "credentials"}}}})).To(Succeed())
	return known
}

// ready starts the process so that its webhooks can be reached, and opts the shop in.
func (s *shop) ready(flags ...string) *process {
	s.t.Helper()
	port := ports.Free(s.t)
	s.reach(port)
	p := s.start(append(flags, fmt.Sprintf("--webhook-port=%d", port))...)
	s.Eventually(p.readyz, patience, glance).Should(Equal("ok"), p.lines)
	s.optedIn(true)
	return p
}

func (s *shop) waitForMessage(p *process, says string) {
	s.t.Helper()
	s.waitFor(p, says, func(status v1alpha1.CanaryStatus) bool { return strings.Contains(status.Message, says) })
}

func TestSecretsOfMetricTemplatesAreReadOnlyWhereThatIsAllowed(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	s := c.newShop()
	c.Expect(c.client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: shared}})).To(Succeed())
	chart := []string{"sluice", "../../charts/sluice", "--create-namespace", "--set=prometheusUrl=" + s.prometheus}
	c.run(append([]string{"install"}, chart...)...)
	known := s.ownServer(shared)

	p := s.ready("--no-cross-namespace-refs")
	s.ownCheck(shared)
	s.waitForMessage(p, "cannot be used: it is in another namespace, which the chart value noCrossNamespaceRefs forbids")
	p.stop()
	p = s.ready()
	s.waitForPhase(p, v1alpha1.PhaseInitialized)
	s.setImage("podinfo:v2")
	s.waitForMessage(p, "Sluice may not read Secret shared/credentials: install the chart with metricTemplates.secrets=true")

	c.run(append([]string{"upgrade"}, append(chart, "--set=metricTemplates.secrets=true")...)...)
	s.waitFor(p, "a rollout by the check", func(status v1alpha1.CanaryStatus) bool {
		return len(status.Checks) == 1 && status.Checks[0].Verdict == v1alpha1.VerdictPass
	})
	c.Expect(known.Load()).To(BeNumerically(">", 0))
	c.Expect(p.lines()).NotTo(ContainSubstring("opensesame"))
}

func TestHooksAreAskedAndTold(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	s := c.newShop()
	gates := gate.New()
	server := httptest.NewServer(gates.Handler())
	t.Cleanup(server.Close)
	c.behind(server.URL)
	var hooks []v1alpha1.Webhook
	for _, hook := range []struct {
		kind v1alpha1.HookType
		path string
	}{
		{v1alpha1.HookPreRollout, "/smoke-test/check"}, {v1alpha1.HookConfirmPromotion, "/approval/check"},
		{v1alpha1.HookPostRollout, "/ended/note"}, {v1alpha1.HookEvent, "/events/note"},
	} {
		hooks = append(hooks, v1alpha1.Webhook{Name: string(hook.kind), Type: hook.kind, URL: "http://gate.test" + hook.path, Metadata: map[string]string{"cmd": "curl"}})
	}
	policy := &v1alpha1.CanaryPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: shopNamespace, Name: "standard"},
		Spec: v1alpha1.PolicySpec{Analysis: &v1alpha1.AnalysisSpec{Threshold: ptr.To(int32(1000)), Webhooks: hooks}}}
	c.run("install", "sluice", "../../charts/sluice", "--create-namespace", "--set=prometheusUrl="+s.prometheus)
	c.Expect(c.client.Create(t.Context(), policy)).To(Succeed())
	p := s.ready()
	s.patch(`{"metadata":{"annotations":{"sluice.dev/policy":"standard","sluice.dev/threshold":null}}}`)
	s.waitFor(p, "the policy", func(status v1alpha1.CanaryStatus) bool {
		return status.Policy != nil && status.Policy.Name == "CanaryPolicy/standard"
	})
	s.setImage("podinfo:v2")

	s.waitFor(p, "the smoke test failing", func(status v1alpha1.CanaryStatus) bool {
		return status.Gate != nil && status.Gate.Type == v1alpha1.HookPreRollout && status.FailedChecks > 0 && status.CanaryWeight == 0
	})
	gates.Set("smoke-test", true)
	s.waitForPhase(p, v1alpha1.PhaseWaitingPromotion)
	s.waitForMessage(p, "Waiting for hook confirm-promotion (confirm-promotion) to approve; it has refused since")
	candidate := observed.IDOf(s.canary().Status)
	gates.Set("approval", true)
	s.waitForEnd(p, v1alpha1.PhaseSucceeded, 1)

	at := func(path string, phase v1alpha1.Phase) gate.Seen {
		return gate.Seen{Path: path, Payload: gate.Payload{Name: "podinfo", Namespace: shopNamespace, Phase: string(phase), Checksum: strings.ReplaceAll(candidate.String(), " ", "-"), Metadata: map[string]string{"cmd": "curl"}}}
	}
	c.Eventually(gates.Seen, patience, glance).Should(ContainElements(at("/smoke-test/check", v1alpha1.PhaseProgressing),
		at("/approval/check", v1alpha1.PhaseWaitingPromotion), at("/ended/note", v1alpha1.PhaseSucceeded)), p.lines)
	c.Eventually(func() []string {
		var told []string
		for _, seen := range gates.Seen() {
			if seen.Path == "/events/note" && seen.Payload.Metadata["timestamp"] != "" && seen.Payload.Metadata["cmd"] == "curl" {
				told = append(told, seen.Payload.Metadata["eventType"]+" "+seen.Payload.Metadata["eventMessage"])
			}
		}
		return told
	}, patience, glance).Should(ContainElements(ContainSubstring("Normal Waiting for the confirm-promotion hooks to approve"),
		ContainSubstring("Warning hook pre-rollout (pre-rollout) refused: 403 Forbidden the gate is closed"), ContainSubstring("Normal Promotion of "+workload.Short(candidate.Hash))), p.lines)
}
