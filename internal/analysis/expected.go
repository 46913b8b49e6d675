package analysis

import (
	"fmt"
	"math"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// WithoutRequests makes those built-in checks optional that have no value only because of too few requests, for a step in
// which none are expected. Requests that arrive anyway, such as those of a load test, are still judged, and a failed query
// stays inconclusive. The results must be those that Judge returned for the same samples.
func WithoutRequests(policy config.Policy, results []v1alpha1.CheckStatus, samples []Sample) []v1alpha1.CheckStatus {
	for i, check := range ChecksOf(policy) {
		if counted, few := check.countedFew(policy.MinRequests, samples); few && results[i].Value == "" {
			results[i].Verdict, results[i].Optional = v1alpha1.VerdictInconclusive, true
			results[i].Message = fmt.Sprintf("no requests are expected at weight 0; %.0f were counted", math.Floor(counted))
		}
	}
	return results
}

// countedFew reports whether a built-in check counted fewer requests than it needs, and how many it counted.
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
