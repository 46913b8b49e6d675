package suite

import (
	"fmt"
	"math"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/app"
	"sluice.dev/sluice/e2e/traffic"
)

var _ = Describe("A good version", func() {
	It("gets its share step by step and is promoted without a failed request", func(ctx SpecContext) {
		r := begin(ctx, "promotion", scene{Options: app.Options{Replicas: 2, Annotations: with(map[string]string{"sluice.dev/interval": "4s"})},
			requests: traffic.Options{Rate: 2 * rate}})
		r.setVersion(ctx, "v2")
		for i, weight := range []float64{20, 40, 60} {
			step := int32(i + 1)
			s := r.waitUntil(ctx, fmt.Sprintf("step %d in effect", step), inEffect(step))
			Expect(s.CanaryWeight).To(Equal(weight))
			Expect(r.primaryVersions(ctx)).To(Equal(map[string]bool{"v1": true}), "the primary runs v2 before it is promoted")
			r.waitForAnswer(ctx, s.Open().Step.InEffect.Add(4*time.Second))
			expectShareOf(lateIn(r.run.Report(), s.Open().Step.InEffect, 4*time.Second), weight)
		}
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		By("kubectl wait sees the promotion")
		r.kubectl(ctx, "wait", "canary/podinfo", "--for=condition=Promoted", "--timeout=10s")
		r.expectClean(ctx, "v2")
		r.expectEvents(ctx, "Initialized", "CandidateHeld", "CanaryReady", "WeightAdvanced", "AnalysisPassed", "Promoted")
		r.expectNoFailures(ctx, "nobody")
		Expect(r.kubectl(ctx, "get", "canaries", "-A")).To(MatchRegexp(`NAMESPACE\s+NAME\s+STATUS\s+WEIGHT\s+LASTTRANSITIONTIME\n`))
	})

	It("takes all requests while a primary with strategy Recreate is changed", func(ctx SpecContext) {
		r := given(ctx, "recreate", with(map[string]string{"sluice.dev/max-weight": "20"}), "Recreate")
		r.setVersion(ctx, "v2")
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v2")
		r.expectEvents(ctx, "TrafficShifted", "Promoted")
		r.expectNoFailures(ctx, "nobody")
	})

	It("starts again when a newer version comes in flight", func(ctx SpecContext) {
		r := given(ctx, "supersede", quick, "")
		r.setVersion(ctx, "v2")
		r.waitUntil(ctx, "step 2", func(s v1alpha1.CanaryStatus) bool { return s.Open().Step.Number == 2 })
		first := r.status(ctx).Candidate.Hash
		r.setVersion(ctx, "v3")
		r.waitUntil(ctx, "the first step of v3", func(s v1alpha1.CanaryStatus) bool { return s.Candidate.Hash != first && s.Open().Step.Number == 1 })
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v3")
		r.expectEvents(ctx, "Superseded")
		Expect(r.primaryVersions(ctx)).NotTo(HaveKey("v2"))
		r.expectNoFailures(ctx, "nobody")
	})
})

var _ = Describe("A bad version", func() {
	It("that fails half of its requests is rolled back and not tried again", func(ctx SpecContext) {
		r := given(ctx, "errors", quick, "")
		r.setVersion(ctx, "v2", "ERROR_RATE=0.5")
		s := r.waitFor(ctx, v1alpha1.PhaseFailed)
		Expect(s.Candidate.Reason).To(ContainSubstring("request-success-rate"))
		Expect(s.FailedChecks).To(Equal(int32(5)))
		r.expectClean(ctx, "v1")
		r.expectEvents(ctx, "CheckFailed", "RollingBack", "RolledBack")
		r.expectNoFailures(ctx, "v2")
		By("the same change again does not start it again")
		r.kubectl(ctx, "label", "deployment", "podinfo", "team=shop")
		Consistently(ctx, func() v1alpha1.Phase { return r.status(ctx).Phase }, 3*time.Second, glance).Should(Equal(v1alpha1.PhaseFailed))
		By("once it is forgotten it is tried again")
		Expect(r.kubectl(ctx, "annotate", "deployment", "podinfo", "sluice.dev/reset=true")).To(ContainSubstring("is forgotten; apply it again"))
		r.waitFor(ctx, v1alpha1.PhaseInitialized)
		r.setVersion(ctx, "v2", "ERROR_RATE=0.5")
		r.waitUntil(ctx, "its first step", moments[1].holds)
	})

	It("that answers slowly is rolled back", func(ctx SpecContext) {
		r := given(ctx, "latency", with(map[string]string{"sluice.dev/max-request-duration": "300ms"}), "")
		r.setVersion(ctx, "v2", "LATENCY=800ms")
		s := r.waitFor(ctx, v1alpha1.PhaseFailed)
		Expect(s.Candidate.Reason).To(ContainSubstring("request-duration"))
		r.expectClean(ctx, "v1")
		r.expectNoFailures(ctx, "nobody")
	})

	It("that never gets ready is rolled back at the progress deadline and never gets a request", func(ctx SpecContext) {
		r := given(ctx, "unready", with(map[string]string{"sluice.dev/progress-deadline": "10s"}), "")
		r.setVersion(ctx, "v2", "READY=false")
		s := r.waitFor(ctx, v1alpha1.PhaseFailed)
		Expect(s.Candidate.Reason).To(ContainSubstring("progress deadline of 10s exceeded"))
		r.expectClean(ctx, "v1")
		Expect(r.run.Report().Of("v2").Total()).To(BeZero())
		r.expectNoFailures(ctx, "nobody")
	})
})

var _ = Describe("Bad input", func() {
	It("is refused with what is allowed", func(ctx SpecContext) {
		r := given(ctx, "input", quick, "")
		out, err := r.Kubectl(ctx, "", "annotate", "--overwrite", "deployment", "podinfo", "sluice.dev/step-weight=150")
		Expect(err).To(HaveOccurred())
		Expect(out).To(ContainSubstring(`metadata.annotations[sluice.dev/step-weight]: Invalid value: "150": must be a percentage from 0 to 100 with at most two decimals`))
	})

	It("never starts a rollout that cannot be judged, and says what is missing", func(ctx SpecContext) {
		r := given(ctx, "missing", quick, "")
		r.kubectl(ctx, "delete", "httproute", "podinfo")
		r.waitUntil(ctx, "a condition that names the route", func(s v1alpha1.CanaryStatus) bool {
			for _, c := range s.Conditions {
				if c.Type == v1alpha1.ConditionReady && strings.Contains(c.Message, "no HTTPRoute in namespace missing sends to Service podinfo") {
					return c.Status == metav1.ConditionFalse
				}
			}
			return false
		})
		r.setVersion(ctx, "v2")
		r.waitFor(ctx, v1alpha1.PhaseWaiting)
		copied, err := r.Deployment(ctx, "podinfo-canary")
		Expect(err).NotTo(HaveOccurred())
		Expect(copied).To(BeNil())
	})
})

// lateIn keeps the requests of the last two seconds of an interval in which a split is in effect: a busy gateway serves a weight
// a moment after it has reported it.
func lateIn(report traffic.Report, inEffect *metav1.MicroTime, interval time.Duration) traffic.Report {
	end := inEffect.Add(interval)
	return report.Between(end.Add(-2*time.Second), end)
}

// expectShareOf expects that v2 gave this percentage of the answers.
func expectShareOf(seen traffic.Report, weight float64) {
	GinkgoHelper()
	expectPart(seen, seen.Of("v2"), weight)
}

// expectPart expects that this percentage of the answers is in a part, within four standard deviations of a random choice.
func expectPart(seen, part traffic.Report, weight float64) {
	GinkgoHelper()
	Expect(seen.Total()).To(BeNumerically(">", 20))
	share, wanted := float64(part.Total())/float64(seen.Total()), weight/100
	tolerance := 4 * math.Sqrt(wanted*(1-wanted)/float64(seen.Total()))
	By(fmt.Sprintf("weight %v%%: the canary answered %.1f%% of %d requests", weight, 100*share, seen.Total()))
	Expect(share).To(BeNumerically("~", wanted, tolerance))
}
