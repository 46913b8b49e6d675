package suite

import (
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/app"
	"sluice.dev/sluice/e2e/traffic"
)

var _ = Describe("Testers", func() {
	It("are always sent to the canary, before any weight and beside weights as fine as 0.2%", func(ctx SpecContext) {
		const namespace = "testers"
		s := scene{
			Options: app.Options{Replicas: 2, Annotations: map[string]string{
				"sluice.dev/canary": "true", "sluice.dev/guard": "false", "sluice.dev/match": "x-canary=true", "sluice.dev/step-weights": "0.2,5,25",
				"sluice.dev/interval": "4s", "sluice.dev/delay": "8s", "sluice.dev/max-request-duration": "5s",
			}},
			requests: traffic.Options{Rate: 2 * rate},
		}
		s.asking(namespace, "tester", http.Header{"X-Canary": {"true"}})
		s.asking(namespace, "other", http.Header{"X-Canary": {"false"}})
		r := begin(ctx, namespace, s)
		r.setVersion(ctx, "v2")
		fine := r.waitUntil(ctx, "step 1", moments[1].holds)
		Expect(fine.Plan.Strategy).To(Equal("canary with testers"))
		Expect(r.run.Report().FirstSeen("v2")).To(BeTemporally("<", fine.Open().Step.InEffect.Add(-time.Second)), "testers come while the canary warms up")
		route, err := r.Route(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(weights(route)).To(Equal([][]int32{{1}, {998, 2}}), "all requests of testers, and 0.2% of the others")
		last := r.waitUntil(ctx, "step 3", moments[2].holds)
		r.waitFor(ctx, v1alpha1.PhasePromoting)

		report := r.run.Report()
		tester := asked(report, "tester")
		began := tester.FirstSeen("v2")
		Expect(tester.Between(began, time.Time{}).Versions()).To(Equal([]string{"v2"}), "who once came to the canary came to nothing else")
		rest := report.Where(func(a traffic.Answer) bool { return a.URL != app.GatewayURL+"?tester" })
		Expect(rest.Between(time.Time{}, fine.Open().Step.InEffect.Add(-time.Second)).Versions()).To(Equal([]string{"v1"}))
		few := rest.Between(fine.Open().Step.InEffect.Time, fine.Open().Step.InEffect.Add(4*time.Second))
		Expect(few.Of("v2").Total()).To(BeNumerically("<=", 4), "0.2%% of %d requests", few.Total())
		expectShareOf(lateIn(rest, last.Open().Step.InEffect, 4*time.Second), 25)
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v2")
		r.expectNoFailures(ctx, "nobody")
	})
})

// weights returns the weights of the backends of each rule.
func weights(route *gatewayv1.HTTPRoute) [][]int32 {
	var all [][]int32
	for _, rule := range route.Spec.Rules {
		var of []int32
		for _, b := range rule.BackendRefs {
			of = append(of, *b.Weight)
		}
		all = append(all, of)
	}
	return all
}
