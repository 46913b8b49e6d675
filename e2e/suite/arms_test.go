package suite

import (
	"context"
	"net/http"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/app"
	"sluice.dev/sluice/e2e/traffic"
)

// underGuard is a scene whose rollouts follow the guard of a policy of their own.
func underGuard(namespace, analysis string, env ...string) scene {
	return scene{Options: app.Options{Replicas: 2, Annotations: byPolicy, Env: env}, manifests: []string{guardedPolicy(namespace, analysis)},
		requests: traffic.Options{Rate: 2 * rate}}
}

// control returns the Deployment of the control; false without one.
func (r *rollout) control(ctx context.Context) (control appsv1.Deployment, found bool) {
	GinkgoHelper()
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: app.Name + "-baseline"}, &control)
	Expect(client.IgnoreNotFound(err)).To(Succeed())
	return control, err == nil
}

// weightsOf are the weights of the backends in the first rule of the application's route.
func (r *rollout) weightsOf(ctx context.Context) map[string]int32 {
	GinkgoHelper()
	var route gatewayv1.HTTPRoute
	Expect(r.Client.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: app.Name}, &route)).To(Succeed())
	weights := map[string]int32{}
	for _, backend := range route.Spec.Rules[0].BackendRefs {
		weights[string(backend.Name)] = ptr.Deref(backend.Weight, 1)
	}
	return weights
}

// byControl keeps what the pods of the control have answered.
func byControl(a traffic.Answer) bool {
	return a.Body != nil && strings.HasPrefix(a.Body.Pod, app.Name+"-baseline-")
}

var _ = Describe("What a canary is compared with", func() {
	It("can be pods of the primary's template as young as the canary, with as many requests", func(ctx SpecContext) {
		const namespace = "fresh"
		fresh := underGuard(namespace, `{guard: {baseline: fresh, minDwell: 2s, maxDwell: 10s, onInconclusive: promote}}`)
		fresh.requests.Body = true
		r := begin(ctx, namespace, fresh)
		r.setVersion(ctx, "v2")
		s := r.waitUntil(ctx, "a tenth of the requests", func(s v1alpha1.CanaryStatus) bool { return s.CanaryWeight >= 10 })
		control, found := r.control(ctx)
		Expect(found).To(BeTrue())
		Expect(control.Spec.Template.Spec.Containers[0].Env[0].Value).To(Equal("v1"))
		Expect(s.Open().Control).NotTo(BeNil())
		Expect(s.Open().Control.Off).To(BeEmpty())
		weights := r.weightsOf(ctx)
		Expect(weights).To(HaveLen(3), "primary, canary and control")
		Expect(weights[app.Name+"-baseline"]).To(Equal(weights[app.Name+"-canary"]))
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		Expect(r.run.Report().Where(byControl).Versions()).To(Equal([]string{"v1"}))
		r.expectClean(ctx, "v2")
		_, found = r.control(ctx)
		Expect(found).To(BeFalse())
		r.expectEvents(ctx, "ControlReady", "StepJudged", "Promoted")
		r.expectNoFailures(ctx, "nobody")

		By("a version that fails half of its requests is rolled back beside it")
		r.setVersion(ctx, "v3", "ERROR_RATE=0.5")
		s = r.waitFor(ctx, v1alpha1.PhaseFailed)
		Expect(s.Candidate.Reason).To(ContainSubstring("the canary is worse than it may be: "))
		r.expectClean(ctx, "v2")
		_, found = r.control(ctx)
		Expect(found).To(BeFalse())
		Expect(r.messages(ctx, "ControlOff")).To(BeEmpty())
		r.expectNoFailures(ctx, "v3")
	})

	It("can be counters of the user's own, which the guard tests as it tests errors", func(ctx SpecContext) {
		const namespace = "pairs"
		r := begin(ctx, namespace, underGuard(namespace, `{guard: {latency: false, minDwell: 2s, maxDwell: 10s}, metrics: [{name: slow answers,
			total: 'sum(http_request_duration_seconds_count{namespace="{{ namespace }}", pod=~"{{ target }}-[^-]+-[^-]+"})',
			bad: 'sum(http_request_duration_seconds_count{namespace="{{ namespace }}", pod=~"{{ target }}-[^-]+-[^-]+"}) -
				sum(http_request_duration_seconds_bucket{namespace="{{ namespace }}", pod=~"{{ target }}-[^-]+-[^-]+", le="0.25"})'}]}`))
		r.setVersion(ctx, "v2", "LATENCY=400ms")
		s := r.waitFor(ctx, v1alpha1.PhaseFailed)
		Expect(s.Candidate.Reason).To(MatchRegexp(`the canary is worse than it may be: slow answers is \d+`))
		r.expectClean(ctx, "v1")
		r.expectEvents(ctx, "RollingBack", "RolledBack")
		r.expectNoFailures(ctx, "nobody")
	})

	It("can be the work of consumers that get no requests", func(ctx SpecContext) {
		const namespace = "consumers"
		r := begin(ctx, namespace, scene{
			quiet:   true,
			Options: app.Options{NoService: true, Env: []string{"WORKER=true"}, Annotations: byPolicy},
			manifests: []string{guardedPolicy(namespace, `{interval: 20s, stepWeights: [25, 50], guard: {earlyAdvance: true, minDwell: 2s}, metrics: [{name: failed jobs,
				total: 'sum(jobs_total{namespace="{{ namespace }}", pod=~"{{ target }}-[^-]+-[^-]+"})', thresholdRange: {max: 5},
				bad: 'sum(jobs_total{namespace="{{ namespace }}", pod=~"{{ target }}-[^-]+-[^-]+", result="error"}) or vector(0)'}]}`, "traffic: None")},
		})
		r.setVersion(ctx, "v2")
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v2")
		Expect(r.messages(ctx, "StepJudged")).To(ContainElement(MatchRegexp(`failed jobs at most \S+%, at 95% confidence, from [\d,]+ canary events`)))

		r.setVersion(ctx, "v3", "ERROR_RATE=0.3")
		s := r.waitFor(ctx, v1alpha1.PhaseFailed)
		Expect(s.Candidate.Reason).To(ContainSubstring("the canary is worse than it may be: failed jobs is "))
		r.expectClean(ctx, "v2")
		Expect(r.messages(ctx, "GuardOff")).To(BeEmpty())
	})

	It("is the users of both versions in an A/B test, which is reported when both are fine", func(ctx SpecContext) {
		const namespace = "compared"
		s := underGuard(namespace, `{interval: 10s, iterations: 2, match: [{headers: {x-ring: {exact: early}}}], guard: {onInconclusive: promote}}`)
		s.asking(namespace, "early", http.Header{"X-Ring": {"early"}})
		r := begin(ctx, namespace, s)
		r.setVersion(ctx, "v2")
		end := r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		Expect(end.History[0].Compared).To(HaveLen(1))
		Expect(end.History[0].Compared[0].Users).To(Equal(v1alpha1.ComparedMatched))
		Expect(end.History[0].Compared[0].Text).To(MatchRegexp(`error rate 0% \(0% to \S+\) of [\d,]+ canary requests`))
		r.expectEvents(ctx, "IterationStarted", "VersionsCompared", "Promoted")
		r.expectNoFailures(ctx, "nobody")
	})
})
