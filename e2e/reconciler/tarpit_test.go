package reconciler

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/e2e/testserver"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/outbound"
	"sluice.dev/sluice/internal/provider"
	"sluice.dev/sluice/internal/provider/prometheus"
)

// answer is a Prometheus that has healthy samples for all namespaces except failing ones. Queries to other servers are really
// sent.
func answer(ctx context.Context, queries []analysis.Query) []analysis.Sample {
	successRate := 100.0
	server.mu.Lock()
	for namespace := range server.failing {
		if strings.Contains(queries[0].Expression, namespace) {
			successRate = 50
		}
	}
	server.mu.Unlock()
	samples := testserver.Samples(queries, successRate)
	for i, query := range queries {
		if query.Server == nil {
			continue
		}
		// The controller's own server may have a loopback address. A server that users name may not.
		own, err := prometheus.New(query.Server.Address, outbound.Rules{})
		if err != nil {
			samples[i].Err = err.Error()
			continue
		}
		query.Server = nil
		samples[i] = provider.New(map[string]provider.Provider{v1alpha1.ProviderPrometheus: own}).Query(ctx, []analysis.Query{query})[0]
	}
	return samples
}

// fails makes the controller's Prometheus report failed requests in the namespace.
func (a *app) fails() {
	server.mu.Lock()
	defer server.mu.Unlock()
	server.failing[a.namespace] = true
}

// tarpit returns the address of a server that accepts requests and answers none until the test ends.
func tarpit(t *testing.T) (address string, held *atomic.Int32) {
	held = &atomic.Int32{}
	over := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		held.Add(1)
		<-over
	}))
	t.Cleanup(func() { close(over); s.Close() })
	return s.URL, held
}

// roundsAtOnce is how many rounds of checks the reconciler runs for one namespace at the same time.
const roundsAtOnce = 4

// parallelTicks is how many ticks the reconciler runs at the same time, by its own metric.
func parallelTicks(t *testing.T) int {
	t.Helper()
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "controller_runtime_max_concurrent_reconciles" {
			continue
		}
		for _, metric := range family.GetMetric() {
			if metric.GetLabel()[0].GetValue() == "canary" {
				return int(metric.GetGauge().GetValue())
			}
		}
	}
	t.Fatal("the controller canary has no metric")
	return 0
}

// workers creates Deployments without traffic, each with a candidate that the policy's checks judge.
func (a *app) workers(number int, policy string) {
	a.t.Helper()
	for i := range number {
		name := fmt.Sprintf("worker-%d", i)
		pods := map[string]string{"app": name}
		made := &appsv1.Deployment{ObjectMeta: a.named(name), Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To(int32(1)), Selector: &metav1.LabelSelector{MatchLabels: pods},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: pods}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "worker:v1"}}}},
		}}
		text, err := candidateFor(made).Encode()
		a.Expect(err).NotTo(HaveOccurred())
		made.Annotations = map[string]string{config.AnnotationCanary: "true", config.AnnotationInterval: "1s", config.AnnotationTraffic: "none",
			config.AnnotationPolicy: policy, config.AnnotationCandidate: text}
		a.create(made)
	}
}

// TestServersThatNeverAnswerHoldUpNoRollbackElsewhere runs more Canaries with such servers than there are concurrent ticks.
func TestServersThatNeverAnswerHoldUpNoRollbackElsewhere(t *testing.T) {
	number := 2 * parallelTicks(t)
	address, held := tarpit(t)
	crowd := &app{WithT: NewWithT(t), t: t}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "crowd-"}}
	crowd.create(namespace)
	crowd.namespace = namespace.Name
	t.Cleanup(server.PlayControllers(crowd.namespace))
	crowd.create(&v1alpha1.MetricTemplate{ObjectMeta: crowd.named("slow"), Spec: v1alpha1.MetricTemplateSpec{Query: "up", Provider: v1alpha1.MetricProvider{Address: address}}})
	crowd.create(&v1alpha1.CanaryPolicy{ObjectMeta: crowd.named("slow"), Spec: v1alpha1.PolicySpec{Analysis: &v1alpha1.AnalysisSpec{
		Metrics: []v1alpha1.Metric{{Name: "slow", TemplateRef: &v1alpha1.ObjectRef{Name: "slow"}, Threshold: ptr.To(1.0)}}}}})
	crowd.workers(number, "slow")
	t.Cleanup(func() {
		crowd.Expect(server.Client.DeleteAllOf(context.Background(), &appsv1.Deployment{}, client.InNamespace(crowd.namespace))).To(Succeed())
	})
	crowd.Eventually(func() int {
		due := 0
		for _, canary := range crowd.canaries() {
			if canary.Status.Open().Step.InEffect != nil {
				due++
			}
		}
		return due
	}, patience, glance).Should(Equal(number))
	crowd.Eventually(held.Load, patience, glance).Should(BeNumerically(">=", roundsAtOnce))

	a := newApp(t)
	t.Cleanup(server.PlayControllers(a.namespace))
	a.annotate(config.AnnotationThreshold, "2")
	a.fails()
	a.waitForPhase(v1alpha1.PhaseInitialized)
	a.hold()
	a.waitFor("a rollback", func(s v1alpha1.CanaryStatus) bool {
		return s.Candidate.Outcome == v1alpha1.OutcomeFailed && strings.HasPrefix(s.Candidate.Reason, "2 failed checks: request-success-rate 50.00%")
	})
	a.expectRestored()

	crowd.Eventually(func() bool {
		for _, canary := range crowd.canaries() {
			if canary.Status.FailedChecks > 0 || canary.Status.Open().Step.Number > 1 {
				t.Errorf("%s: without any answer it is %s", canary.Name, canary.Status.Message)
			}
			if checks := canary.Status.Checks; len(checks) == 1 && checks[0].Verdict == v1alpha1.VerdictInconclusive {
				return true
			}
		}
		return false
	}, patience, glance).Should(BeTrue(), "a server that does not answer is told of as such")
}

func (a *app) canaries() []v1alpha1.Canary {
	a.t.Helper()
	var list v1alpha1.CanaryList
	a.Expect(server.Client.List(a.t.Context(), &list, client.InNamespace(a.namespace))).To(Succeed())
	return list.Items
}
