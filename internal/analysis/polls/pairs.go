package polls

import (
	"fmt"
	"slices"
	"strings"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/analysis/guard"
)

const (
	// mostFallen is how many polls in a row a counter may be below its last value before it counts as begun anew. A pod that one scrape
	// misses takes its events out of a sum and brings them back; to count them again as new would be evidence of the same events twice.
	mostFallen = 10
	// mostCounted is the largest value of a counter that is believed. Above, floats have no whole numbers any more.
	mostCounted = 1 << 53
	// longestMissing is how long the reason for missing data may be, as the schema says.
	longestMissing = 512
)

// Pairs returns what the policy's own counters of both versions count since the last poll that counted, and what the next one continues
// from. Counts are those of the names in order: none for a pair without data. A look between polls counts nothing, and takes the first
// values of a rollout to begin with.
//
// Samples may be anything. A pair has data once all four of its counters are numbers that a counter can have. Its events count when no
// counter has fallen. A counter that stays below its last value has begun anew, and counts from there.
func Pairs(known []v1alpha1.PairCounters, names []string, samples []analysis.Sample, polled bool) (next []v1alpha1.PairCounters, canary, primary []guard.Pair) {
	for _, name := range names {
		pair := v1alpha1.PairCounters{Name: name}
		if at := slices.IndexFunc(known, func(p v1alpha1.PairCounters) bool { return p.Name == name }); at >= 0 {
			pair = known[at]
		}
		newCanary, newPrimary := guard.Pair{}, guard.Pair{}
		if polled || pair.Canary == nil {
			pair, newCanary, newPrimary = advance(pair, samples)
		}
		next, canary, primary = append(next, pair), append(canary, newCanary), append(primary, newPrimary)
	}
	return next, canary, primary
}

// advance takes a pair through a poll.
func advance(pair v1alpha1.PairCounters, samples []analysis.Sample) (next v1alpha1.PairCounters, canary, primary guard.Pair) {
	var values [4]float64
	for i, metric := range []analysis.Metric{analysis.PairBad, analysis.PairTotal, analysis.PrimaryBad, analysis.PrimaryTotal} {
		if values[i], pair.Missing = valueOf(pair.Name, metric, samples); pair.Missing != "" {
			return pair, canary, primary
		}
	}
	c, p := &v1alpha1.PairCount{Bad: values[0], Total: values[1]}, &v1alpha1.PairCount{Bad: values[2], Total: values[3]}
	if pair.Canary == nil || pair.Primary == nil {
		pair.Canary, pair.Primary = c, p
		return pair, canary, primary
	}
	if hasFallen(*pair.Canary, *c) || hasFallen(*pair.Primary, *p) {
		pair.Fallen, pair.Missing = pair.Fallen+1, "a counter is below its last value, as after the restart of a pod"
		if pair.Fallen > mostFallen {
			pair.Canary, pair.Primary, pair.Fallen = c, p, 0
		}
		return pair, canary, primary
	}
	pair.Fallen = 0
	canary, primary = since(*pair.Canary, *c), since(*pair.Primary, *p)
	if canary.Bad > canary.Total || primary.Bad > primary.Total {
		pair.Missing = "more events are bad than there are: total must count all events, also the bad ones"
		return pair, guard.Pair{}, guard.Pair{}
	}
	pair.Canary, pair.Primary = c, p
	return pair, canary, primary
}

// metricsInWords names the counters.
var metricsInWords = map[analysis.Metric]string{
	analysis.PairBad: "bad", analysis.PairTotal: "total", analysis.PrimaryBad: "the primary's bad", analysis.PrimaryTotal: "the primary's total",
}

// valueOf is the value of a counter. What is missing says why there is none.
func valueOf(name string, metric analysis.Metric, samples []analysis.Sample) (value float64, missing string) {
	at := slices.IndexFunc(samples, func(s analysis.Sample) bool { return s.Check == name && s.Metric == metric })
	what := metricsInWords[metric]
	switch {
	case at < 0 || samples[at].Missing:
		return 0, what + " has no value"
	case samples[at].Err != "":
		return 0, cut(fmt.Sprintf("%s: %s could not answer: %s", what, samples[at].Provider, samples[at].Err))
	case !(samples[at].Value >= 0 && samples[at].Value <= mostCounted):
		return 0, fmt.Sprintf("%s is %v, which no counter can be", what, samples[at].Value)
	}
	return samples[at].Value, ""
}

// cut shortens a text to what the status takes.
func cut(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), longestMissing)], "")
}

func hasFallen(before, now v1alpha1.PairCount) bool {
	return now.Bad < before.Bad || now.Total < before.Total
}

func since(before, now v1alpha1.PairCount) guard.Pair {
	return guard.Pair{Total: now.Total - before.Total, Bad: now.Bad - before.Bad}
}
