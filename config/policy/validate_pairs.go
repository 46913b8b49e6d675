package policy

import (
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

const (
	// mostPairs is how many pairs the guard tests.
	mostPairs = 8
	// mostBad is the largest limit of a pair, in percent. Half of all events being bad is no health.
	mostBad = 50
	// longestCounter is how long a query may be, which the schema says too.
	longestCounter = 16384
)

const pairNeedsGuard = "only the guard can test bad and total: remove guard.enabled: false, or make it a check with query and thresholdRange"

// window matches a template that looks back.
var window = regexp.MustCompile(`\{\{[^}]*\binterval\b`)

// pair checks a metric of two counters.
func (c *checker) pair(path *field.Path, m v1alpha1.Metric) {
	c.must(m.Bad != "" && m.Total != "", path, m.Name, "must have both bad and total, or neither")
	c.must(!asks(m) && m.Condition == "" && m.RatioRange == nil, path, m.Name, "must have either bad and total, or query, templateRef, condition and ratioRange")
	for _, name := range names(ofChecks(m)) {
		c.wrong(path.Child(name), m.Name, "is for checks, and the guard tests bad and total by itself: remove "+name)
	}
	for name, query := range map[string]string{"bad": m.Bad, "total": m.Total} {
		if query != "" {
			c.counter(path.Child(name), query)
		}
	}
	if least, most := config.LimitsOf(m); m.ThresholdRange != nil {
		c.must(least == nil && most != nil && *most > 0 && *most <= mostBad, path.Child("thresholdRange"), *m.ThresholdRange,
			fmt.Sprintf("must have only max, the largest share of bad events in percent, above 0 and at most %d", mostBad))
	}
}

// ofChecks are the fields that say how a check is judged, beside those of the comparison.
func ofChecks(m v1alpha1.Metric) []part {
	return []part{
		{"interval", m.Interval != nil}, {"threshold", m.Threshold != nil}, {"compareTo", m.CompareTo != ""}, {"failureLimit", m.FailureLimit != nil},
		{"consecutiveLimit", m.ConsecutiveLimit != nil}, {"noData", m.NoData != ""}, {"critical", m.Critical != nil}, {"dryRun", m.DryRun != nil},
	}
}

// counter checks the query of a counter.
func (c *checker) counter(path *field.Path, query string) {
	c.must(len(query) <= longestCounter, path, fmt.Sprintf("%d bytes", len(query)), fmt.Sprintf("must be at most %d bytes long", longestCounter))
	c.must(strings.Contains(query, "target"), path, query, "must use {{ target }}, because it is asked once more with the primary as target")
	c.must(!window.MatchString(query), path, query, "must not use {{ interval }}: a counter has no window; write the sum of counters, without rate or increase")
}

// pairsTogether checks what a whole policy says of pairs.
func (c *checker) pairsTogether(path *field.Path, a *v1alpha1.AnalysisSpec) {
	pairs := 0
	for i, m := range a.Metrics {
		if config.IsPair(m) {
			pairs++
			c.must(guards(a), path.Index(i), m.Name, pairNeedsGuard)
		}
	}
	c.must(pairs <= mostPairs, path, pairs, fmt.Sprintf("must have at most %d metrics with bad and total", mostPairs))
}
