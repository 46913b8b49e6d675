package suite

import (
	"context"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/app"
	"sluice.dev/sluice/e2e/traffic"
	"sluice.dev/sluice/internal/analysis/guard"
)

// guarded is nothing but the opt-in, which leaves everything to the guard.
var guarded = map[string]string{"sluice.dev/canary": "true"}

// brief is a policy whose steps of the ladder are short.
const brief = `apiVersion: sluice.dev/v1alpha1
kind: CanaryPolicy
metadata: {name: brief, namespace: $NAMESPACE}
spec:
  analysis:
    guard: {minDwell: 2s, maxDwell: 10s}
`

// briefly sets up the sample application under the policy brief.
func briefly(ctx context.Context, namespace string, requests float64, env ...string) *rollout {
	GinkgoHelper()
	return begin(ctx, namespace, scene{
		Options:   app.Options{Replicas: 2, Annotations: map[string]string{"sluice.dev/canary": "true", "sluice.dev/policy": "brief"}, Env: env},
		manifests: []string{strings.ReplaceAll(brief, "$NAMESPACE", namespace)}, requests: traffic.Options{Rate: requests},
	})
}

// judged reports whether the guard judges, and has judged the canary by samples of a while in the last step of its ladder.
func judged(s v1alpha1.CanaryStatus, lasts time.Duration) bool {
	known, step := s.Open().Guard, s.Open().Step
	return known != nil && known.Sampled != nil && int(step.Number) == len(known.Ladder) && step.InEffect != nil &&
		known.Sampled.Sub(step.InEffect.Time) >= lasts
}

var _ = Describe("The guard", func() {
	It("rolls back a version that fails half of its requests after a few of them", func(ctx SpecContext) {
		r := given(ctx, "guard-errors", guarded, "")
		r.setVersion(ctx, "v2", "ERROR_RATE=0.5")
		s := r.waitFor(ctx, v1alpha1.PhaseFailed)
		Expect(s.Candidate.Reason).To(And(ContainSubstring("the canary is worse than it may be: "), ContainSubstring("canary requests")))
		r.expectClean(ctx, "v1")
		r.expectEvents(ctx, "RollingBack", "RolledBack")
		r.expectNoFailures(ctx, "v2")
		By("few requests failed, on a busy machine, too")
		// The canary gets four requests a second, of which two fail.
		Expect(r.run.Report().Of("v2").Failed().Total()).To(BeNumerically("<=", 60))
	})

	It("rolls back a version that is slower than the primary", func(ctx SpecContext) {
		r := begin(ctx, "guard-latency", scene{Options: app.Options{Replicas: 2, Annotations: guarded, Env: []string{"LATENCY=200ms"}}})
		r.setVersion(ctx, "v2", "LATENCY=350ms")
		s := r.waitFor(ctx, v1alpha1.PhaseFailed)
		Expect(s.Candidate.Reason).To(ContainSubstring("of its requests took longer than"))
		r.expectClean(ctx, "v1")
		r.expectNoFailures(ctx, "nobody")
	})

	It("never rolls back a version that fails as little as the primary", func(ctx SpecContext) {
		r := briefly(ctx, "guard-healthy", 2*rate, "ERROR_RATE=0.005")
		r.setVersion(ctx, "v2")
		// Whether so few requests prove health is chance. A rollback ends the wait.
		s := r.waitUntil(ctx, "its promotion, or half a minute in the last step", func(s v1alpha1.CanaryStatus) bool {
			return s.Phase == v1alpha1.PhaseSucceeded || judged(s, 30*time.Second)
		})
		Expect(s.Candidate.Outcome).NotTo(Equal(v1alpha1.OutcomeFailed))
		Expect(r.messages(ctx, "GuardOff")).To(BeEmpty())
		r.expectEvents(ctx, "StepJudged")
	})

	It("holds while both versions fail, and goes on after that", func(ctx SpecContext) {
		r := briefly(ctx, "guard-outage", 2*rate)
		r.setVersion(ctx, "v2")
		r.waitUntil(ctx, "the second step", inEffect(2))
		By("a third of all requests asks for an error, at either version")
		outage, err := r.Visit(context.WithoutCancel(ctx), traffic.Options{URL: app.GatewayURL + "status/503", Rate: rate})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() { outage.Stop() })
		s := r.waitUntil(ctx, "the hold", func(s v1alpha1.CanaryStatus) bool {
			known := s.Open().Guard
			return known != nil && known.Action == string(guard.Hold) && known.Reason == string(guard.EnvironmentDegraded)
		})
		held := s.Open().Step.Number
		r.waitUntil(ctx, "ten seconds of samples", func(now v1alpha1.CanaryStatus) bool {
			known := now.Open().Guard
			return known != nil && known.Sampled != nil && known.Sampled.Sub(s.Open().Guard.Sampled.Time) >= 10*time.Second
		})
		Expect(r.status(ctx).Open().Step.Number).To(BeNumerically("<=", held), "a step began in the outage")
		outage.Stop()
		r.waitUntil(ctx, "the next step", func(s v1alpha1.CanaryStatus) bool {
			return s.Phase == v1alpha1.PhaseSucceeded || s.Open().Step.Number > held
		})
		r.expectEvents(ctx, "StepHeld")
	})
})
