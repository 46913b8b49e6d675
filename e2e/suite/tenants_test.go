package suite

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/app"
	"sluice.dev/sluice/e2e/traffic"
	"sluice.dev/sluice/rollout/observed"
)

// tenant is another application of the cluster. Its owner is a ServiceAccount that may edit its namespace, and nothing else. The
// spec itself looks at everything as an administrator.
type tenant struct {
	*rollout
	owner *app.App
}

// editor is who owns the namespace. The role edit has Sluice's parts by aggregation.
const editor = `apiVersion: v1
kind: ServiceAccount
metadata: {name: ci, namespace: $NAMESPACE}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: ci, namespace: $NAMESPACE}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{kind: ServiceAccount, name: ci, namespace: $NAMESPACE}]
`

// routesToo lets the owner change routes of the namespace too, as one with a role of Sluice's cluster for that.
const routesToo = `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: routes, namespace: $NAMESPACE}
rules: [{apiGroups: [gateway.networking.k8s.io], resources: [httproutes], verbs: [get, list, create, update, patch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: routes, namespace: $NAMESPACE}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: routes}
subjects: [{kind: ServiceAccount, name: ci, namespace: $NAMESPACE}]
`

// beside deploys another tenant with version b1, which uses a policy called standard, and waits until a rollout could begin.
func (r *rollout) beside(ctx context.Context, namespace string, annotations map[string]string, manifests ...string) tenant {
	GinkgoHelper()
	a, err := app.Connect(ctx, namespace)
	Expect(err).NotTo(HaveOccurred())
	Expect(a.Delete(ctx)).To(Succeed())
	other := &rollout{App: a, run: r.run}
	DeferCleanup(func(ctx SpecContext) {
		if CurrentSpecReport().Failed() {
			other.explain(ctx)
		}
		other.kubectl(ctx, "delete", "namespace", namespace, "--ignore-not-found", "--wait=false")
	})
	By("another tenant runs b1, opted in")
	options := app.Options{Replicas: 1, Annotations: annotations}
	Expect(a.Apply(ctx, append([]string{
		strings.Replace(app.Manifest(namespace, options), `"v1"`, `"b1"`, 1), strings.ReplaceAll(editor, "$NAMESPACE", namespace)}, manifests...)...)).To(Succeed())
	other.kubectl(ctx, "rollout", "status", "deployment/podinfo", timeout())
	owner, err := a.AsServiceAccount("ci")
	Expect(err).NotTo(HaveOccurred())
	t := tenant{rollout: other, owner: owner}
	Eventually(ctx, func() error { return owner.Apply(ctx, policy(namespace, "{}")) }, patience(), glance).Should(Succeed(), "the API server knows its role")
	other.waitFor(ctx, v1alpha1.PhaseInitialized)
	return t
}

// does runs kubectl as the owner.
func (t tenant) does(ctx context.Context, args ...string) string {
	GinkgoHelper()
	out, err := t.owner.Kubectl(ctx, "", args...)
	Expect(err).NotTo(HaveOccurred())
	return out
}

// writes has the owner write the policy.
func (t tenant) writes(ctx context.Context, analysis string, more ...string) error {
	return t.owner.Apply(ctx, policy(t.Namespace, analysis, more...))
}

func (t tenant) says(ctx context.Context, words string) {
	GinkgoHelper()
	t.waitUntil(ctx, words, func(s v1alpha1.CanaryStatus) bool { return strings.Contains(s.Message, words) })
}

// nodeOfLeader is the address of the node on which Sluice reconciles.
func (r *rollout) nodeOfLeader(ctx context.Context) string {
	GinkgoHelper()
	leader := r.leader(ctx)
	for _, pod := range r.controllers(ctx) {
		if pod.Name == leader {
			return pod.Status.HostIP
		}
	}
	Fail("there is no pod " + leader)
	return ""
}

var _ = Describe("A tenant who may only edit a namespace", func() {
	It("reaches nothing of another tenant, whose rollout goes on meanwhile", func(ctx SpecContext) {
		const ours, theirs = "tenant-a", "tenant-b"
		a := given(ctx, ours, with(map[string]string{"sluice.dev/interval": "8s"}), "")
		b := a.beside(ctx, theirs, with(map[string]string{"sluice.dev/policy": "standard", "sluice.dev/interval": "1h"}))
		b.does(ctx, "annotate", "service", "podinfo", "external-dns.alpha.kubernetes.io/hostname="+a.Host(), "prometheus.io/scrape=true")
		a.setVersion(ctx, "v2")
		a.waitUntil(ctx, "step 1", inEffect(1))

		By("what it may not write itself, Sluice does not write for it")
		over := fmt.Sprintf("service: {primaryBackend: {backendRef: {name: podinfo, namespace: %s, port: 80}}, canaryBackend: {backendRef: {name: podinfo, port: 80}}}", ours)
		for spec, refusal := range map[string]string{
			"service: {gatewayRefs: [{name: gateway, namespace: gateway-system}], hosts: [" + a.Host() + "], match: [{uri: {prefix: /login}}]}": "may not create httproutes",
			over: "may not update httproutes",
		} {
			Expect(b.writes(ctx, "{}", spec)).To(MatchError(ContainSubstring("system:serviceaccount:"+theirs+":ci "+refusal)), spec)
		}
		for _, args := range [][]string{
			{"annotate", "deployment", "podinfo", "sluice.dev/abort=true"},
			{"patch", "canary", "podinfo", "--type=merge", "-p", `{"spec":{"paused":{}}}`},
		} {
			_, err := b.owner.Kubectl(ctx, "", append(args, "-n", ours)...)
			Expect(err).To(MatchError(ContainSubstring("forbidden")))
		}

		By("with the right to change its own routes, it holds its own rollout by naming a backend of another namespace")
		Expect(b.Apply(ctx, strings.ReplaceAll(routesToo, "$NAMESPACE", theirs))).To(Succeed())
		Eventually(ctx, func() error { return b.writes(ctx, "{}", over) }, patience(), glance).Should(Succeed())
		b.says(ctx, "service.primaryBackend.backendRef names Service tenant-a/podinfo, and no ReferenceGrant in namespace tenant-a lets HTTPRoutes of namespace tenant-b send to it")

		By("its hook does not reach the node")
		node := a.nodeOfLeader(ctx)
		b.does(ctx, "delete", "canarypolicy", "standard")
		Expect(b.writes(ctx, `{webhooks: [{name: kubelet, type: confirm-rollout, url: "http://`+node+`:10250/pods", timeout: 2s}]}`)).To(Succeed())
		b.does(ctx, "set", "env", "deployment/podinfo", "VERSION=b2")
		b.says(ctx, "the address "+node+" is the controller's own node")

		By("its own rollout goes on without the hook, and its canary claims no name")
		b.does(ctx, "annotate", "deployment", "podinfo", "sluice.dev/reset=true")
		Expect(b.writes(ctx, "{}")).To(Succeed())
		b.waitFor(ctx, v1alpha1.PhaseInitialized)
		b.does(ctx, "set", "env", "deployment/podinfo", "VERSION=b3")
		b.waitUntil(ctx, "step 1", inEffect(1))
		copied := &corev1.Service{}
		Expect(b.Client.Get(ctx, client.ObjectKey{Namespace: theirs, Name: "podinfo-canary"}, copied)).To(Succeed())
		Expect(copied.Annotations).To(HaveKey("prometheus.io/scrape"))
		Expect(copied.Annotations).NotTo(HaveKey(ContainSubstring("external-dns")))

		a.waitFor(ctx, v1alpha1.PhaseSucceeded)
		a.expectClean(ctx, "v2")
		a.expectNoFailures(ctx, "nobody")
		Expect(a.run.Report().Versions()).To(ConsistOf("v1", "v2"), "only its own versions answer its requests")
	})

	It("holds no rollout of another in whose rule it has a part", func(ctx SpecContext) {
		const ours, theirs = "rule-a", "rule-b"
		shared := traffic.Target{URL: app.GatewayURL, Host: "shared." + ours + ".example.com", Header: http.Header{"X-Tester": {"yes"}}}
		a := begin(ctx, ours, scene{Options: app.Options{Replicas: 2, Annotations: quick}})
		b := a.beside(ctx, theirs, map[string]string{"sluice.dev/canary": "true", "sluice.dev/guard": "false", "sluice.dev/policy": "standard", "sluice.dev/match": "x-tester=yes",
			"sluice.dev/iterations": "500", "sluice.dev/max-request-duration": "5s"}, strings.NewReplacer("$NAMESPACE", ours, "$OTHER", theirs).Replace(halves))
		waitForGateway(ctx, shared)
		a.routes = a.userRoutes(ctx)
		testers := visited(ctx, a.App, traffic.Options{Host: shared.Host, Header: shared.Header})
		b.does(ctx, "set", "env", "deployment/podinfo", "VERSION=b2")
		b.waitUntil(ctx, "an iteration", moments[1].holds)
		b.expectEvents(ctx, "RoutesSkipped")
		a.setVersion(ctx, "v2")
		a.waitFor(ctx, v1alpha1.PhaseSucceeded)
		Expect(b.status(ctx).Phase).To(Equal(v1alpha1.PhaseProgressing), "the other one goes on")
		seen := testers.Stop()
		Expect(seen.Versions()).To(ConsistOf("v1", "v2", "b1"))
		expectPart(seen, seen.Of("b1"), 50)
		Expect(seen.Failed().Answers).To(BeEmpty())
		a.expectClean(ctx, "v2")
		a.expectNoFailures(ctx, "nobody")
	})

	It("has its route split by the rollout of another as long as that grants it", func(ctx SpecContext) {
		const namespace, edge = "grants", "grants-edge"
		r := begin(ctx, namespace, scene{
			Options: app.Options{Replicas: 2, Annotations: with(map[string]string{
				"sluice.dev/step-weight": "50", "sluice.dev/max-weight": "50", "sluice.dev/interval": "1h"})},
			manifests: []string{app.RemoteRoute(namespace, app.Name)},
		})
		guests := traffic.Target{URL: app.GatewayURL, Host: "edge." + namespace + ".example.com"}
		waitForGateway(ctx, guests)
		visits := visited(ctx, r.App, traffic.Options{Host: guests.Host})
		r.setVersion(ctx, "v2")
		half := r.waitUntil(ctx, "half of the requests at the canary", func(s v1alpha1.CanaryStatus) bool { return observed.Checked(s) && s.CanaryWeight == 50 })
		served := half.Open().Step.InEffect.Time
		Eventually(ctx, func() int { return visits.Report().Between(served.Add(4*time.Second), time.Time{}).Total() }, patience(), glance).Should(BeNumerically(">", 0))
		expectShareOf(visits.Report().Between(served, served.Add(4*time.Second)), 50)
		before := visits.Stop()
		Expect(before.Failed().Answers).To(BeEmpty())

		By("the grant is withdrawn")
		r.kubectl(ctx, "delete", "referencegrant", "edge")
		Eventually(ctx, func() string {
			return r.kubectl(ctx, "get", "httproute", "podinfo", "-n", edge, "-o", "jsonpath={.spec.rules[*].backendRefs[*].name}")
		}, patience(), glance).Should(Equal("podinfo"))
		Eventually(ctx, func() string { return r.kubectl(ctx, "get", "referencegrants", "-o", "name") }, patience(), glance).Should(BeEmpty(), "grants that Sluice made")
		Expect(r.status(ctx).CanaryWeight).To(BeEquivalentTo(50), "the rollout goes on for its own route")
		Expect(r.shares(ctx)["HTTPRoute/"+namespace+"/podinfo"]).To(Equal([]float64{50}))
		r.promoteNow(ctx)
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v2")
		r.expectNoFailures(ctx, "nobody")
	})
})

// halves sends half of the requests to each of two tenants, the second of which grants that.
const halves = `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shared, namespace: $NAMESPACE}
spec:
  parentRefs: [{name: gateway, namespace: gateway-system}]
  hostnames: [shared.$NAMESPACE.example.com]
  rules: [{backendRefs: [{name: podinfo, port: 80}, {name: podinfo, namespace: $OTHER, port: 80}]}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: shared, namespace: $OTHER}
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: $NAMESPACE}]
  to: [{group: "", kind: Service, name: podinfo}]
`
