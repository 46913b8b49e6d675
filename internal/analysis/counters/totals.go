package counters

import (
	"math"
	"sort"
	"time"

	"sluice.dev/sluice/internal/analysis"
)

// Totals returns what the counters of a version show altogether at their last samples: all that its pods have answered since they
// started, or its gateways. It takes time and memory in proportion to the samples.
func Totals(series []Series, now time.Time) Increments {
	series, _ = clean(Poll{Now: now, Series: series})
	var all Increments
	for len(series) > 0 {
		first, n := series[0], 1
		switch first.Kind {
		case Requests:
			answered := newest(first).Value
			all.add(first.Pod, func(c *Counts) {
				c.Requests += answered
				if first.Class == failed {
					c.Errors += answered
				}
			})
		case Bucket:
			n = sort.Search(len(series), func(i int) bool {
				return series[i].Target > first.Target || series[i].Kind > first.Kind || series[i].Family > first.Family
			})
			if last := series[n-1]; math.IsInf(last.Bound, 1) {
				all.addBuckets(series[:min(n-1, mostBounds)], analysis.Point{At: never}, newest(last), false)
			}
		}
		series = series[n:]
	}
	return all
}

func newest(s Series) analysis.Point { return s.Samples[len(s.Samples)-1] }
