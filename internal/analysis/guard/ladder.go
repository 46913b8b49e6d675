package guard

import (
	"fmt"
	"slices"
	"time"
)

// Ladder returns the weights of `ladder: auto`, in percent, for a route with a number of requests a second. It starts at the first
// step that brings enough requests to learn from, and at 10 % at the latest. The time between scrapes does not matter: what a bad
// canary has failed by the time it is found depends on its requests, and is the more the later the ladder starts.
func Ladder(rps float64) []float64 {
	first := slices.IndexFunc(ladder, func(weight float64) bool {
		return weight >= latestStart || rps*weight/100 >= startRate
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
	// Broken is the primary's error rate if it is above the SLO: the rollout is held as long as it is. 0 if it is not.
	Broken float64
}

// String says how long it takes, such as "a healthy canary takes about 12m10s; 2 of its 3 steps get too few requests for proof and
// end when their time is up".
func (f Forecast) String() string {
	if f.Broken > 0 {
		return percent(f.Broken) + " of the primary's own requests fail, and a rollout is held while that is above the limit"
	}
	text := "a healthy canary takes about " + spell(f.Total)
	if f.Unproven == 0 {
		return text
	}
	text += fmt.Sprintf("; %d of its %d steps %s too few requests for proof and %s when %s time is up", f.Unproven, len(f.Steps),
		plural(f.Unproven, "gets", "get"), plural(f.Unproven, "ends", "end"), plural(f.Unproven, "its", "their"))
	if f.LastUnproven {
		text += ", the last among them: the policy's onInconclusive decides"
	}
	return text
}

func plural(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

// Expect returns how long a canary as healthy as the primary is expected to take, at weights in percent. rps are the requests a
// second of the route, and rate is the primary's error rate. Latencies and the user's own counters may take longer.
func Expect(settings Settings, weights []float64, rps, rate float64, history History) Forecast {
	settings = settings.sane()
	rps, rate = finite(rps, 0, mostEvents, 0), finite(rate, 0, 1, 0)
	bursts := history.bursts((*Counts).errors)
	f := Forecast{Broken: rate * count(rate > settings.SLO)}
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
func (s *Settings) expect(limit time.Duration, weight, next, rps, rate float64, bursts Bursts) (time.Duration, bool) {
	proves := func(d time.Duration) bool {
		all := rps * d.Seconds()
		canary := Pair{all * weight / 100, all * weight / 100 * rate}
		primary := Pair{all - canary.Total, all*rate - canary.Bad}
		ratio, lr := NewAcceptance(), RatioTest{Rho: acceptRho, Delta: s.Delta}.health(canary, primary)
		ratio.update(&lr, 1/bursts.Health)
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
