package analysis

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// Sample is the answer to one query.
type Sample struct {
	// Check is the name of the check that the query belongs to.
	Check  string
	Metric Metric
	// Value is meaningless if Missing or Err is set.
	Value float64
	// Missing means that the server has no data.
	Missing bool
	// Err says in one line why the query failed. Provider names the kind of server that failed to answer, such as Prometheus.
	Err, Provider string
}

func (s Sample) unanswered() string { return s.Provider + " could not answer: " + s.Err }

// Judge judges every check of the policy by its samples and returns one result for each, in the policy's order. A check is
// inconclusive without data, after a failed query and, if it is built in, with too few requests.
func Judge(policy config.Policy, samples []Sample) []v1alpha1.CheckStatus {
	checks := ChecksOf(policy)
	results := make([]v1alpha1.CheckStatus, 0, len(checks))
	for _, check := range checks {
		results = append(results, check.judge(policy.MinRequests, samples))
	}
	return results
}

// sampleOf returns the check's sample for a metric. A value that is not a number counts as missing.
func (c Check) sampleOf(samples []Sample, metric Metric) Sample {
	for _, sample := range samples {
		if sample.Check == c.Name && sample.Metric == metric {
			sample.Missing = sample.Missing || math.IsNaN(sample.Value) || math.IsInf(sample.Value, 0)
			return sample
		}
	}
	return Sample{Missing: true}
}

func (c Check) judge(minRequests float64, samples []Sample) v1alpha1.CheckStatus {
	result := v1alpha1.CheckStatus{Name: c.Name, Threshold: c.threshold, Verdict: v1alpha1.VerdictInconclusive}
	sample := c.sampleOf(samples, c.Metric)
	if result.Message = c.unknown(minRequests, samples, sample); result.Message != "" {
		return result
	}
	result.Value, result.Verdict = c.show(sample.Value), v1alpha1.VerdictPass
	if relation := c.beyond(sample.Value); relation != "" {
		result.Verdict = v1alpha1.VerdictFail
		result.Message = fmt.Sprintf("%s is %s %s", result.Value, relation, result.Threshold)
	}
	return result
}

// unknown says why the check cannot be judged. It returns an empty string if the value counts.
func (c Check) unknown(minRequests float64, samples []Sample, sample Sample) string {
	if sample.Err != "" {
		return sample.unanswered()
	}
	if c.Metric == Custom {
		if sample.Missing {
			return "the query of " + c.Name + " returned no data"
		}
		return ""
	}
	requests := c.sampleOf(samples, RequestCount)
	switch {
	case requests.Err != "":
		return requests.unanswered()
	case requests.Missing || requests.Value <= 0:
		return "no requests to the canary were counted"
	case requests.Value < minRequests:
		return fmt.Sprintf("%.0f requests to the canary were counted; at least %.0f are needed", math.Floor(requests.Value), minRequests)
	case sample.Missing:
		return "there is no data for this metric"
	}
	return ""
}

// VerdictOf returns the verdict of a round: Fail if any check fails, Inconclusive if any check that is not optional is
// inconclusive or there are no checks, else Pass.
func VerdictOf(results []v1alpha1.CheckStatus) v1alpha1.Verdict {
	verdict := v1alpha1.VerdictPass
	for _, result := range results {
		switch result.Verdict {
		case v1alpha1.VerdictFail:
			return v1alpha1.VerdictFail
		case v1alpha1.VerdictInconclusive:
			if !result.Optional {
				verdict = v1alpha1.VerdictInconclusive
			}
		}
	}
	if len(results) == 0 {
		return v1alpha1.VerdictInconclusive
	}
	return verdict
}

// Explain says what decided the round: the failed checks, else the inconclusive ones, else all values.
func Explain(results []v1alpha1.CheckStatus) string {
	verdict := VerdictOf(results)
	var parts []string
	for _, result := range results {
		switch {
		case result.Optional && verdict == v1alpha1.VerdictPass:
			parts = append(parts, result.Message)
		case result.Verdict != verdict || result.Optional:
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
