package counters

import (
	"math"
	"time"

	"sluice.dev/sluice/internal/analysis"
)

// Totals returns what the counters of a version show altogether at their last samples: all that its pods have answered since they
// started, or its gateways. It takes time and memory in proportion to the samples.
func Totals(series []Series, now time.Time) Increments {
	series, _ = clean(Poll{Now: now, Series: series})
	var all Increments
	requests := func(s Series) { all.addAnswered(s, newest(s).Value) }
	histogram := func(buckets []Series) {
		if last := buckets[len(buckets)-1]; math.IsInf(last.Bound, 1) {
			all.addBuckets(buckets[:min(len(buckets)-1, mostBounds)], analysis.Point{At: never}, newest(last), false)
		}
	}
	eachTarget(series, func(of []Series) { eachCounter(of, requests, histogram) })
	return all
}

func newest(s Series) analysis.Point { return s.Samples[len(s.Samples)-1] }
