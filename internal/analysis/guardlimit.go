package analysis

import (
	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// limitsGuard reports whether a metric is a limit for latencies that the guard tests: a request-duration with a maximum, and nothing
// else that says how it is judged.
func limitsGuard(policy config.Policy, m v1alpha1.Metric) bool {
	least, most := config.LimitsOf(m)
	return policy.Guard.Enabled && m.Name == v1alpha1.MetricDuration && config.IsBuiltIn(m) && least == nil && most != nil && *most > 0 &&
		m.MetricJudgement == (v1alpha1.MetricJudgement{})
}

// GuardLimit returns the policy's limit for the 99th percentile of latencies in seconds, if the guard tests it.
func GuardLimit(policy config.Policy) (seconds float64, tested bool) {
	for _, m := range policy.Checks {
		if limitsGuard(policy, m) {
			_, most := config.LimitsOf(m)
			return *most / 1000, true
		}
	}
	return 0, false
}
