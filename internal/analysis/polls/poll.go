package polls

import (
	"cmp"
	"math"
	"slices"
	"time"

	"sluice.dev/sluice/internal/analysis/counters"
	"sluice.dev/sluice/internal/analysis/guard"
)

// Of returns a poll that has counted as the guard reads it. Age is how long the canary had been ready when the poll before was taken:
// while that is less than the warm-up, its latencies do not count, nor do those of the control, which is as young.
func Of(r counters.Result, age, warmUp time.Duration) guard.Poll {
	bounds := shared(r.Canary.Counts, r.Primary.Counts, r.Control.Counts)
	warm := func(c counters.Counts) guard.Counts {
		counts := guard.Counts{Slower: make([]float64, len(bounds))}
		counts.Add(guard.Pod{Age: age, Counts: countsOf(c, bounds)}, warmUp)
		return counts
	}
	poll := guard.Poll{Canary: warm(r.Canary.Counts), Primary: countsOf(r.Primary.Counts, bounds), Bounds: seconds(bounds)}
	if !r.Control.Newest.IsZero() {
		poll.Baseline = warm(r.Control.Counts)
	}
	return poll
}

// shared returns the bounds in milliseconds, ascending, that all requests of each version are counted by. Where pods have
// different bounds, some bounds are of fewer requests, and a share of them would be one of other requests.
func shared(versions ...counters.Counts) []float64 {
	var bounds []float64
	for _, c := range versions {
		for _, b := range c.Bounds {
			bounds = append(bounds, b.Millis)
		}
	}
	slices.Sort(bounds)
	return slices.DeleteFunc(slices.Compact(bounds), func(millis float64) bool {
		return !usable(millis) || slices.ContainsFunc(versions, func(c counters.Counts) bool { return !counts(c, millis) })
	})
}

// usable reports whether a bound divides requests.
func usable(millis float64) bool { return millis > 0 && !math.IsInf(millis, 1) }

// counts reports whether all timed requests of a version are counted by a bound. It is true without any.
func counts(c counters.Counts, millis float64) bool {
	timed := timedOf(c)
	b, found := boundOf(c, millis)
	return timed == 0 || found && b.Timed == timed
}

// timedOf is the number of requests in histograms.
func timedOf(c counters.Counts) float64 {
	timed := 0.0
	for _, b := range c.Bounds {
		timed = max(timed, b.Timed)
	}
	return timed
}

func boundOf(c counters.Counts, millis float64) (counters.Bound, bool) {
	i, found := slices.BinarySearchFunc(c.Bounds, millis, func(b counters.Bound, m float64) int { return cmp.Compare(b.Millis, m) })
	if !found {
		return counters.Bound{}, false
	}
	return c.Bounds[i], true
}

// countsOf returns increments with the requests slower than each of the bounds.
func countsOf(c counters.Counts, bounds []float64) guard.Counts {
	counts := guard.Counts{Requests: c.Requests, Errors: c.Errors}
	if len(bounds) == 0 {
		return counts
	}
	counts.Timed, counts.Slower = timedOf(c), make([]float64, len(bounds))
	for i, millis := range bounds {
		b, _ := boundOf(c, millis)
		counts.Slower[i] = b.Slower
	}
	return counts
}

// seconds are bounds as the guard has them; nil without any.
func seconds(millis []float64) []float64 {
	var bounds []float64
	for _, m := range millis {
		bounds = append(bounds, m/1000)
	}
	return bounds
}
