package analysis

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"k8s.io/utils/ptr"

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
	result := v1alpha1.CheckStatus{Name: c.Name, Threshold: c.threshold, Verdict: v1alpha1.VerdictInconclusive, DryRun: ptr.Deref(c.Judgement.DryRun, false)}
	if result.Message = c.unanswered(samples); result.Message != "" {
		return result
	}
	if result.Message = c.missing(minRequests, samples); result.Message != "" {
		return c.without(result)
	}
	value, primary := c.sampleOf(samples, c.Metric).Value, c.sampleOf(samples, PrimaryValue).Value
	result.Value = c.show(value)
	how, untold, err := c.broken(samples, value, primary)
	switch {
	case err != nil:
		result.Message = err.Error()
	case how != "":
		result.Verdict, result.Message = v1alpha1.VerdictFail, how
	case untold != "":
		// No number of requests will tell, so no step waits for it.
		result.Optional, result.Message = true, untold
	default:
		result.Verdict = v1alpha1.VerdictPass
	}
	return result
}

// without is the result of a check that has no data, as the policy wants it.
func (c Check) without(result v1alpha1.CheckStatus) v1alpha1.CheckStatus {
	switch c.Judgement.NoData {
	case v1alpha1.NoDataFails:
		result.Verdict = v1alpha1.VerdictFail
	case v1alpha1.NoDataSkips:
		result.Optional = true
	}
	return result
}

// needed are the metrics that the check is judged by, the number of requests of each arm first.
func (c Check) needed() []Metric {
	needed := []Metric{RequestCount, c.Metric}
	if c.Metric == Duration {
		needed = append(needed, LowerBound, UpperBound)
	}
	if c.compares() {
		needed = append(needed, PrimaryCount, PrimaryValue)
	}
	if c.Metric == Duration && c.compares() {
		needed = append(needed, PrimaryLower, PrimaryUpper)
	}
	if c.Metric == Custom {
		return slices.DeleteFunc(needed, func(m Metric) bool { return m == RequestCount || m == PrimaryCount })
	}
	return needed
}

// unanswered says which query a server could not answer; empty for none.
func (c Check) unanswered(samples []Sample) string {
	for _, metric := range c.needed() {
		if sample := c.sampleOf(samples, metric); sample.Err != "" {
			return sample.unanswered()
		}
	}
	return ""
}

// missing says which data there is too little of to judge the check; empty for none.
func (c Check) missing(minRequests float64, samples []Sample) string {
	for _, metric := range c.needed() {
		sample := c.sampleOf(samples, metric)
		switch {
		case metric == RequestCount || metric == PrimaryCount:
			if few := tooFew(sample, minRequests, metric); few != "" {
				return few
			}
		case !sample.Missing:
		case metric == PrimaryValue:
			return "the query of " + c.Name + " returned no data for the primary"
		case metric == Custom:
			return "the query of " + c.Name + " returned no data"
		default:
			return "there is no data for this metric"
		}
	}
	return ""
}

// tooFew says that fewer requests were counted than are needed; empty if there were enough.
func tooFew(requests Sample, needed float64, metric Metric) string {
	to := "the canary"
	if metric == PrimaryCount {
		to = "the primary"
	}
	switch {
	case requests.Missing || requests.Value <= 0:
		return fmt.Sprintf("no requests to %s were counted", to)
	case requests.Value < needed:
		return fmt.Sprintf("%.0f requests to %s were counted; at least %.0f are needed", math.Floor(requests.Value), to, needed)
	}
	return ""
}

// VerdictOf returns the verdict of a round: Fail if any check fails, Inconclusive if any check that is not optional is
// inconclusive or there are no checks, else Pass. A check of a dry run has no say.
func VerdictOf(results []v1alpha1.CheckStatus) v1alpha1.Verdict {
	verdict := v1alpha1.VerdictPass
	for _, result := range results {
		switch {
		case result.DryRun:
		case result.Verdict == v1alpha1.VerdictFail:
			return v1alpha1.VerdictFail
		case result.Verdict == v1alpha1.VerdictInconclusive && !result.Optional:
			verdict = v1alpha1.VerdictInconclusive
		}
	}
	if len(results) == 0 {
		return v1alpha1.VerdictInconclusive
	}
	return verdict
}

// Standing is the verdict of all rounds since a moment, by the last that judged each check: one that lacks data stands as it stood
// before, unless the policy or the step can do without its data.
func Standing(results []v1alpha1.CheckStatus, since time.Time) v1alpha1.Verdict {
	standing := slices.Clone(results)
	for i, result := range standing {
		if result.Verdict != v1alpha1.VerdictInconclusive || result.Optional || result.Judged == nil || result.Judged.Time.Before(since) {
			continue
		}
		standing[i].Verdict = v1alpha1.VerdictPass
		if result.InARow > 0 {
			standing[i].Verdict = v1alpha1.VerdictFail
		}
	}
	return VerdictOf(standing)
}

// Explain says what decided the round: the failed checks, else the inconclusive ones, else all values.
func Explain(results []v1alpha1.CheckStatus) string {
	verdict := VerdictOf(results)
	var parts []string
	for _, result := range results {
		switch {
		case result.DryRun:
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
