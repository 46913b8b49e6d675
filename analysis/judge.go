package analysis

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// Sample answers one query.
type Sample struct {
	Metric Metric
	// Value is meaningless when Missing or Err is set.
	Value float64
	// Missing means that there is no data.
	Missing bool
	// Err says in one line why the query could not be answered.
	Err string
}

// check holds one metric against its threshold.
type check struct {
	metric    Metric
	threshold func(config.Policy) string
	beyond    func(config.Policy, float64) bool
	show      func(float64) string
	relation  string
}

var checks = []check{
	{
		metric:    SuccessRate,
		threshold: func(p config.Policy) string { return fmt.Sprintf("min %s%%", short(p.MinSuccessRate)) },
		beyond:    func(p config.Policy, value float64) bool { return value < p.MinSuccessRate },
		show:      func(value float64) string { return fmt.Sprintf("%.2f%%", value) },
		relation:  "below",
	},
	{
		metric:    Duration,
		threshold: func(p config.Policy) string { return "max " + p.MaxRequestDuration.String() },
		beyond:    func(p config.Policy, value float64) bool { return value > milliseconds(p.MaxRequestDuration) },
		show:      func(value float64) string { return fmt.Sprintf("%.0fms", value) },
		relation:  "above",
	},
}

func short(value float64) string {
	return strconv.FormatFloat(value, 'f', -1, 64)
}

func milliseconds(d time.Duration) float64 {
	return float64(d) / float64(time.Millisecond)
}

// Judge holds the samples against the thresholds of the policy, one result for each check, always in the same order. A
// check is inconclusive without data, with too few requests, or when its query could not be answered.
func Judge(policy config.Policy, samples []Sample) []v1alpha1.CheckStatus {
	byMetric := map[Metric]Sample{}
	for _, sample := range samples {
		byMetric[sample.Metric] = sample
	}
	requests := sampleOf(byMetric, RequestCount)
	results := make([]v1alpha1.CheckStatus, 0, len(checks))
	for _, c := range checks {
		results = append(results, c.judge(policy, requests, sampleOf(byMetric, c.metric)))
	}
	return results
}

// sampleOf treats what is no number like what is not there.
func sampleOf(samples map[Metric]Sample, metric Metric) Sample {
	sample, answered := samples[metric]
	if !answered || math.IsNaN(sample.Value) || math.IsInf(sample.Value, 0) {
		sample.Missing = true
	}
	return sample
}

func (c check) judge(policy config.Policy, requests, sample Sample) v1alpha1.CheckStatus {
	result := v1alpha1.CheckStatus{Name: string(c.metric), Threshold: c.threshold(policy), Verdict: v1alpha1.VerdictInconclusive}
	switch {
	case requests.Err != "" || sample.Err != "":
		result.Message = "Prometheus could not answer: " + firstOf(requests.Err, sample.Err)
	case requests.Missing || requests.Value <= 0:
		result.Message = "no requests to the canary were counted"
	case requests.Value < policy.MinRequests:
		result.Message = fmt.Sprintf("%.0f requests to the canary were counted, at least %.0f are needed", math.Floor(requests.Value), policy.MinRequests)
	case sample.Missing:
		result.Message = "there is no data for this metric"
	case c.beyond(policy, sample.Value):
		result.Value = c.show(sample.Value)
		result.Verdict = v1alpha1.VerdictFail
		result.Message = fmt.Sprintf("%s is %s %s", result.Value, c.relation, result.Threshold)
	default:
		result.Value = c.show(sample.Value)
		result.Verdict = v1alpha1.VerdictPass
	}
	return result
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// VerdictOf is the verdict of a round: Fail when any check fails, else Inconclusive when any is or there is none.
func VerdictOf(results []v1alpha1.CheckStatus) v1alpha1.Verdict {
	verdict := v1alpha1.VerdictPass
	for _, result := range results {
		switch result.Verdict {
		case v1alpha1.VerdictFail:
			return v1alpha1.VerdictFail
		case v1alpha1.VerdictInconclusive:
			verdict = v1alpha1.VerdictInconclusive
		}
	}
	if len(results) == 0 {
		return v1alpha1.VerdictInconclusive
	}
	return verdict
}

// Explain tells what decided the round: what failed, else what was inconclusive, else all values.
func Explain(results []v1alpha1.CheckStatus) string {
	verdict := VerdictOf(results)
	var parts []string
	for _, result := range results {
		switch {
		case result.Verdict != verdict:
		case verdict == v1alpha1.VerdictPass:
			parts = append(parts, result.Name+" "+result.Value)
		case verdict == v1alpha1.VerdictFail:
			parts = append(parts, result.Name+" "+result.Message)
		default:
			parts = append(parts, "inconclusive: "+result.Message)
		}
	}
	return strings.Join(slices.Compact(parts), "; ")
}
