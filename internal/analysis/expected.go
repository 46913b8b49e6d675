package analysis

import (
	"fmt"
	"math"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// WithoutRequests takes built-in checks that are inconclusive only for want of requests for what need not hold a step in
// which no requests are expected. Requests that come all the same, such as those of a load test, are judged, and a query
// that could not be answered says nothing. The results are those of Judge for the same samples.
func WithoutRequests(policy config.Policy, results []v1alpha1.CheckStatus, samples []Sample) []v1alpha1.CheckStatus {
	for i, check := range ChecksOf(policy) {
		if counted, few := check.countedFew(policy.MinRequests, samples); few && results[i].Verdict == v1alpha1.VerdictInconclusive {
			results[i].Optional = true
			results[i].Message = fmt.Sprintf("no requests are expected at weight 0, %.0f were counted", math.Floor(counted))
		}
	}
	return results
}

// countedFew reports whether a built-in check has counted fewer requests than it needs, and how many.
func (c Check) countedFew(minRequests float64, samples []Sample) (counted float64, few bool) {
	requests := c.sampleOf(samples, RequestCount)
	if c.Metric == Custom || requests.Err != "" || c.sampleOf(samples, c.Metric).Err != "" {
		return 0, false
	}
	if !requests.Missing {
		counted = max(0, requests.Value)
	}
	return counted, counted < minRequests
}
