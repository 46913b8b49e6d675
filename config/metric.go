package config

import (
	"slices"

	"sluice.dev/sluice/api/v1alpha1"
)

// LimitsOf returns the limits of a metric, nil for none at that end: its range, or else the old threshold, which is the minimum of a
// success rate and the maximum of anything else.
func LimitsOf(metric v1alpha1.Metric) (least, most *float64) {
	switch {
	case metric.ThresholdRange != nil:
		return metric.ThresholdRange.Min, metric.ThresholdRange.Max
	case metric.Name == v1alpha1.MetricSuccessRate:
		return metric.Threshold, nil
	}
	return nil, metric.Threshold
}

// IsBuiltIn reports whether a metric is a built-in check and not a query, or a pair, under the same name.
func IsBuiltIn(metric v1alpha1.Metric) bool {
	return (metric.Name == v1alpha1.MetricSuccessRate || metric.Name == v1alpha1.MetricDuration) && metric.Query == "" && metric.TemplateRef == nil && !IsPair(metric)
}

// IsPair reports whether a metric is a pair of counters, which the guard tests, and not a check.
func IsPair(metric v1alpha1.Metric) bool { return metric.Bad != "" || metric.Total != "" }

// WithoutPairs returns the metrics that are checks.
func WithoutPairs(metrics []v1alpha1.Metric) []v1alpha1.Metric {
	return slices.DeleteFunc(slices.Clone(metrics), IsPair)
}

// SuccessRate is the built-in check of the percentage of requests that do not fail, with its least value.
func SuccessRate(least float64) v1alpha1.Metric {
	return v1alpha1.Metric{Name: v1alpha1.MetricSuccessRate, ThresholdRange: &v1alpha1.ThresholdRange{Min: &least}}
}

// RequestDuration is the built-in check of the P99 of request durations, with its greatest value.
func RequestDuration(mostMilliseconds float64) v1alpha1.Metric {
	return v1alpha1.Metric{Name: v1alpha1.MetricDuration, ThresholdRange: &v1alpha1.ThresholdRange{Max: &mostMilliseconds}}
}

// IsPlain reports whether a metric says nothing of how it is judged beside its range and its interval.
func IsPlain(metric v1alpha1.Metric) bool {
	return metric.MetricJudgement == v1alpha1.MetricJudgement{}
}
