package suite

import (
	"context"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/app"
	"sluice.dev/sluice/e2e/traffic"
)

var _ = Describe("The way back to the primary", func() {
	It("gives it its requests bit by bit, and no more than its replicas bear when its autoscaler has taken some away", func(ctx SpecContext) {
		const namespace = "return"
		route := "HTTPRoute/" + namespace + "/" + app.Name
		r := begin(ctx, namespace, scene{
			Options: app.Options{Replicas: 4, Resources: true, Annotations: byPolicy},
			manifests: []string{app.Autoscaler(namespace, app.Name),
				policy(namespace, "{interval: 3s, stepWeights: [50], stepWeightPromotion: 20, "+successRate+"}")},
			requests: traffic.Options{Body: true, Rate: 2 * rate},
		})
		r.setVersion(ctx, "v2")
		r.waitUntil(ctx, "step 1", moments[1].holds)
		By("the autoscaler takes two of four replicas away from a primary that has half of the requests")
		// Nothing measures the pods' CPU here, so the test does the autoscaler's work: it scales the Deployment.
		r.kubectl(ctx, "scale", "deployment", "podinfo", "--replicas=2")
		r.waitUntil(ctx, "the primary to be full", func(s v1alpha1.CanaryStatus) bool {
			return s.Phase == v1alpha1.PhasePromoting && strings.HasSuffix(s.Message, "as its replicas become available: it has 50%, with 2 of 4 replicas")
		})
		Expect(r.shares(ctx)[route]).To(Equal([]float64{50}), "an interval is over, and the primary has no more than before")

		By("the autoscaler brings them back, and the rest of the requests follow")
		r.kubectl(ctx, "scale", "deployment", "podinfo", "--replicas=4")
		s := r.waitUntil(ctx, "a smaller weight", func(s v1alpha1.CanaryStatus) bool { return s.CanaryWeight < 50 && s.Open().Promotion.Steady != nil })
		r.waitForAnswer(ctx, s.Open().Promotion.Steady.Add(3*time.Second))
		seen := lateIn(r.run.Report(), s.Open().Promotion.Steady, 3*time.Second)
		expectPart(seen, seen.Where(byCanary), s.CanaryWeight)
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectReturned(ctx, 50, 20)
		r.expectClean(ctx, "v2")
		r.expectNoFailures(ctx, "nobody")
	})
})

// expectReturned expects that the canary's weight fell in steps of at most this size. How much smaller they were depends on
// when the primary's replicas came.
func (r *rollout) expectReturned(ctx context.Context, from, atMost float64) {
	GinkgoHelper()
	told := r.messages(ctx, "WeightReturned")
	Expect(len(told)).To(BeNumerically(">=", 2), "%v", told)
	for _, message := range told {
		var weight float64
		_, err := fmt.Sscanf(message, "The primary is ready with the candidate; lowering the canary's weight to %g%%", &weight)
		Expect(err).NotTo(HaveOccurred(), message)
		Expect(from-weight).To(And(BeNumerically(">", 0), BeNumerically("<=", atMost)), "%v", told)
		from = weight
	}
	Expect(from).To(BeNumerically("<=", atMost), "%v", told)
}

// byCanary keeps the answers of the canary's pods.
func byCanary(a traffic.Answer) bool {
	return a.Body != nil && strings.HasPrefix(a.Body.Pod, app.Name+"-canary-")
}

var _ = Describe("Annotations of the Canary", func() {
	It("forget the candidate in flight, so that the same change starts anew, and promote it without judging", func(ctx context.Context) {
		r := given(ctx, "asked", with(map[string]string{"sluice.dev/interval": "1m"}), "")
		r.setVersion(ctx, "v2")
		r.waitUntil(ctx, "step 1", moments[1].holds)
		r.waitForTraffic(ctx, "v2")
		r.kubectl(ctx, "annotate", "canary", "podinfo", "sluice.dev/reset=true")
		r.waitFor(ctx, v1alpha1.PhaseInitialized)
		Eventually(ctx, func() []string { return r.messages(ctx, "Cancelled") }, patience(), glance).Should(ConsistOf(MatchRegexp(`^Rollout of [0-9a-f]{8} is cancelled: reset by \S+$`)))
		r.expectClean(ctx, "v1")

		r.setVersion(ctx, "v2")
		r.waitUntil(ctx, "step 1 again", moments[1].holds)
		r.kubectl(ctx, "annotate", "canary", "podinfo", "sluice.dev/skip-analysis=true")
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectEvents(ctx, "AnalysisSkipped", "Promoted")
		r.expectClean(ctx, "v2")
		Expect(r.kubectl(ctx, "get", "canary", "podinfo", "-o", "jsonpath={.metadata.annotations}")).NotTo(ContainSubstring("sluice.dev/"), "what is asked once is not kept")
		r.expectNoFailures(ctx, "nobody")
	})
})
