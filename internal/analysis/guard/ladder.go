package guard

import (
	"slices"
	"time"
)

// Ladder returns the weights of `ladder: auto`, in percent, for a route with a number of requests a second and a time between polls.
// It starts at the first step that brings enough requests in a poll to learn from, and at 10 % at the latest.
func Ladder(rps float64, between time.Duration) []float64 {
	first := slices.IndexFunc(ladder, func(weight float64) bool {
		return weight >= latestStart || rps*weight/100*between.Seconds() >= startRequests
	})
	return slices.Clone(ladder[first:])
}

// Forecast is how long a healthy canary is expected to take.
type Forecast struct {
	// Steps are the times of the steps, in order, and Total is their sum.
	Steps []time.Duration
	Total time.Duration
	// Unproven is the number of steps that are expected to end without proof, as they get too few requests. LastUnproven is whether
	// the last is one of them.
	Unproven     int
	LastUnproven bool
}

// Expect returns how long a canary as healthy as the primary is expected to take, at weights in percent. rps are the requests a
// second of the route, and rate is the primary's error rate. Latencies and the user's own counters may take longer.
func Expect(settings Settings, weights []float64, rps, rate float64, history History) Forecast {
	settings = settings.sane()
	rps, rate = finite(rps, 0, mostEvents, 0), finite(rate, 0, 1, 0)
	bursts := history.bursts((*Counts).errors)
	var f Forecast
	for i, weight := range weights {
		last, next := i == len(weights)-1, 100.0
		limit := settings.FinalWait
		if !last {
			limit, next = settings.MaxDwell, weights[i+1]
		}
		step, proven := settings.expect(limit, weight, next, rps, rate, bursts)
		if !proven {
			f.Unproven++
			f.LastUnproven = last
		}
		f.Steps = append(f.Steps, step)
		f.Total = sum(f.Total, step)
	}
	return f
}

// expect returns how long one step takes, and whether it ends with proof within the limit. It doubles the time until the expected
// counts prove health, then halves the interval.
func (s *Settings) expect(limit time.Duration, weight, next, rps, rate, bursts float64) (time.Duration, bool) {
	proves := func(d time.Duration) bool {
		all := rps * d.Seconds()
		canary := Pair{all * weight / 100, all * weight / 100 * rate}
		primary := Pair{all - canary.Total, all*rate - canary.Bad}
		ratio, lr := NewAcceptance(), RatioTest{Rho: acceptRho, Delta: s.Delta}.health(canary, primary)
		ratio.update(&lr, 1/bursts)
		return proven(s.Beta, true, &ratio, tolerable(s.SLO, next), canary, bursts)
	}
	earliest := s.MinDwell
	if !s.Early {
		earliest = s.MaxDwell
	}
	switch {
	case !proves(limit):
		return limit, false
	case proves(earliest):
		return earliest, true
	}
	low, high := earliest, limit
	for high-low > time.Second {
		if middle := low + (high-low)/2; proves(middle) {
			high = middle
		} else {
			low = middle
		}
	}
	return high.Round(time.Second), true
}
