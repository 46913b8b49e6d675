package counters

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
)

// TestTheBoundsAroundAPercentile asks a real Prometheus for the bounds around the 99th percentile: in the middle, in the first
// bucket, and beyond the largest bound, where both are that bound.
func TestTheBoundsAroundAPercentile(t *testing.T) {
	check := analysis.ChecksOf(config.Policy{Checks: []v1alpha1.Metric{{Name: v1alpha1.MetricDuration}}, MaxRequestDuration: time.Second})[0]
	for name, c := range map[string]struct{ seconds, above, atMost float64 }{
		"in the middle":            {.15, 100, 250},
		"in the first bucket":      {.05, 0, 100},
		"beyond the largest bound": {3, 1000, 1000},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			canary := newPod(t, "podinfo-canary-7d9c5b-ccccc", false)
			s.pods = []*pod{canary}
			canary.answer("200", c.seconds, 1)
			s.start()
			target := analysis.Target{Namespace: "shop", Workload: "podinfo-canary", Primary: "podinfo"}
			queries, err := analysis.QueriesFor(check, config.PresetApp, target, 10*time.Second)
			s.Expect(err).NotTo(HaveOccurred())
			s.Eventually(func(g Gomega) {
				canary.answer("200", c.seconds, 10)
				values := map[analysis.Metric]float64{}
				for _, query := range queries {
					value, err := s.provider.Value(t.Context(), query)
					g.Expect(err).NotTo(HaveOccurred())
					values[query.Metric] = value
				}
				g.Expect(values[analysis.LowerBound]).To(BeNumerically("~", c.above, 1e-3))
				g.Expect(values[analysis.UpperBound]).To(BeNumerically("~", c.atMost, 1e-3))
				g.Expect(values[analysis.LowerBound] == values[analysis.UpperBound]).To(Equal(c.above == c.atMost))
			}, patience, glance).Should(Succeed())
		})
	}
}
