package traffic

import (
	"math"
	"slices"
)

// Timed are durations as a histogram has counted them.
type Timed struct {
	// Seconds are the upper bounds, ascending, and Slower the shares of the requests that took longer than each, 0 to 1. Those that are
	// not used are 0, after the others.
	Seconds, Slower [len(Bounds)]float64
}

// Bounds are the upper bounds of the scenario's histogram in seconds; none if durations are not counted.
func (s Scenario) Bounds() []float64 {
	switch {
	case !s.Latencies:
		return nil
	case s.Timed.Seconds[0] > 0:
		return s.Timed.Seconds[:s.Timed.count()]
	}
	return Bounds[:]
}

// count is how many bounds are used.
func (t *Timed) count() int {
	if unused := slices.Index(t.Seconds[:], 0); unused >= 0 {
		return unused
	}
	return len(t.Seconds)
}

// slower returns the probability that a request takes longer than each bound, with all durations of the primary multiplied by a factor.
func (s Scenario) slower(factor float64) *[len(Bounds)]fraction {
	if s.Timed.Seconds[0] <= 0 {
		return slower(factor)
	}
	var slow [len(Bounds)]fraction
	least := 1.0
	for i := range s.Timed.count() {
		least = min(least, s.Timed.beyond(s.Timed.Seconds[i]/factor))
		slow[i] = fractionOf(math.Round(least*steps) / steps)
	}
	return &slow
}

// beyond returns the share of the requests that took longer than some time. Between two bounds it interpolates, with time on a logarithmic
// scale. No request counts as faster than a tenth of the first bound, or slower than ten times the last.
func (t *Timed) beyond(seconds float64) float64 {
	n := t.count()
	low, lowShare := t.Seconds[0]/10, 1.0
	for i := range n + 1 {
		high, highShare := t.Seconds[n-1]*10, 0.0
		if i < n {
			high, highShare = t.Seconds[i], t.Slower[i]
		}
		if seconds <= high {
			part := max(0, math.Log(seconds/low)/math.Log(high/low))
			return lowShare + part*(highShare-lowShare)
		}
		low, lowShare = high, highShare
	}
	return 0
}
