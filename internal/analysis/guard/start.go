package guard

import (
	"cmp"
	"math"
	"slices"
)

// Start returns the state of a rollout before its first request. plan are the kinds of arms of its steps. history chooses which
// bounds of the histogram are compared and how much errors come in bursts.
func Start(settings Settings, plan []Arms, history History) State {
	settings = settings.sane()
	s := State{Bursts: history.bursts((*Counts).errors), Route: NewMixture(), RouteRate: settings.SLO,
		Gate: history.gateOf(settings.SLO, (*Counts).errors)}
	for _, arms := range plan {
		s.Planned = s.Planned.or(arms.Acts())
	}
	s.Errors = ErrorState{Ratio: NewMixture(), Rate: NewMixture(), Acceptance: NewAcceptance()}
	if before := history.total((*Counts).errors); before.Total > 0 {
		s.RouteRate = min(max(settings.SLO, damaged*before.rate()), loosest)
	}
	s.startLatencies(&settings, history)
	s.planLatencies(&settings, history)
	for i, pair := range settings.Pairs {
		of := func(c *Counts) Pair { return c.pair(i) }
		s.Pairs[i] = newPair(hashed(pair.Name), history.bursts(of))
		s.Pairs[i].Gate = history.gateOf(pair.Rate, of)
	}
	s.PairCount = len(settings.Pairs)
	return s
}

// Restart returns the state of a rollout whose state was lost or cannot be read, for the number of times that this has happened.
// It starts over with a smaller part of alpha.
func Restart(settings Settings, plan []Arms, history History, times int) State {
	s := Start(settings, plan, history)
	s.Restarts = max(times, 1)
	return s
}

// Learn chooses what is tested of latencies, in a rollout that began without a history, by what the primary has done so far. Nothing
// changes before that is enough to choose by, and after the choice. Evidence of latencies begins with the choice.
func Learn(settings Settings, s State, sofar History) State {
	settings = settings.sane()
	if s.Learning && sofar.suffices() {
		s.Learning = false
		s.startLatencies(&settings, sofar)
	}
	return s
}

// planLatencies says whether latencies have a part of the weight, and whether what is tested of them has to be learned.
func (s *State) planLatencies(settings *Settings, history History) {
	s.Learning = s.Planned.Requests && s.untimed(settings) && !history.suffices()
	s.Latencies = s.Planned.Ratio && (s.BoundCount > 0 || s.Learning && settings.Latency) ||
		s.Planned.Rate && (s.Limit.Above > 0 || s.Learning && settings.Limit != nil)
}

// untimed reports whether latencies are asked for, and none can be tested.
func (s *State) untimed(settings *Settings) bool {
	return settings.Latency && s.BoundCount == 0 || settings.Limit != nil && !s.Limit.known()
}

// suffices reports whether a history has enough requests to choose bounds by, or to know that nothing times them.
func (h History) suffices() bool {
	timed := h.timed()
	return timed >= leastTimed || timed == 0 && h.total((*Counts).errors).Total >= leastTimed
}

func (s *State) startLatencies(settings *Settings, history History) {
	if settings.Latency {
		s.startBounds(history)
	}
	if settings.Limit != nil {
		s.Limit = limitOf(*settings.Limit, history)
	}
}

// startBounds chooses the bounds that tell something, by the whole history and by its end: the primary may be another version than an
// hour ago. Of more than MaxBounds it takes those that divide the range evenly, by the logarithm of the share.
func (s *State) startBounds(history History) {
	bounds := history.telling()
	for _, b := range history.ending().telling() {
		if !slices.ContainsFunc(bounds, func(known BoundState) bool { return known.Seconds == b.Seconds }) {
			bounds = append(bounds, b)
		}
	}
	slices.SortFunc(bounds, func(a, b BoundState) int { return cmp.Compare(a.Seconds, b.Seconds) })
	s.BoundCount = copy(s.Bounds[:], thinned(bounds))
}

// telling are the bounds that some of the primary's requests are slower than, but not most, and the first that hardly any are.
func (h History) telling() []BoundState {
	var bounds []BoundState
	for i, seconds := range h.Bounds {
		slower := func(c *Counts) Pair { return c.slower(i) }
		all := h.total(slower)
		if !(seconds > 0) || math.IsInf(seconds, 1) || all.Total < leastTimed || all.rate() > commonest {
			continue
		}
		bounds = append(bounds, BoundState{Seconds: seconds, Before: all.rate(), Bursts: h.bursts(slower), Ratio: NewMixture(), Acceptance: NewAcceptance()})
		if all.rate() < rarest {
			break
		}
	}
	return bounds
}

// ending is the end of a history with enough requests to choose bounds by, or all of it.
func (h History) ending() History {
	for from := len(h.Windows) - 1; from >= 0; from-- {
		end := History{Bounds: h.Bounds, Windows: h.Windows[from:]}
		if end.timed() >= endTimed {
			return end
		}
	}
	return h
}

func (h History) timed() float64 {
	return h.total(func(c *Counts) Pair { return Pair{Total: c.Timed} }).Total
}

// thinned leaves MaxBounds bounds, the first and the last among them.
func thinned(bounds []BoundState) []BoundState {
	for len(bounds) > MaxBounds {
		// The one whose neighbours are closest to each other is missed least.
		gap := func(i int) float64 { return math.Log(bounds[i-1].Before / max(bounds[i+1].Before, rarest/2)) }
		inner := make([]int, 0, len(bounds))
		for i := 1; i < len(bounds)-1; i++ {
			inner = append(inner, i)
		}
		least := slices.MinFunc(inner, func(a, b int) int { return cmp.Compare(gap(a), gap(b)) })
		bounds = slices.Delete(bounds, least, least+1)
	}
	return bounds
}

// limitOf finds the bounds around a limit. Without any, there is nothing to test.
func limitOf(limit Limit, history History) LimitState {
	var s LimitState
	for _, bound := range history.Bounds {
		if !(bound > 0) || math.IsInf(bound, 1) {
			continue
		}
		if bound <= limit.Seconds {
			s.Below = max(s.Below, bound)
		}
		if bound >= limit.Seconds && (s.Above == 0 || bound < s.Above) {
			s.Above = bound
		}
	}
	if s.known() {
		at := slices.Index(history.Bounds, s.Above)
		of := func(c *Counts) Pair { return c.slower(at) }
		s.Rate, s.Bursts, s.Gate = NewMixture(), history.bursts(of), history.gateOf(1-limit.Quantile, of)
	}
	return s
}

// known reports whether there is a bound to judge the limit by.
func (l *LimitState) known() bool { return l.Above > 0 || l.Below > 0 }
