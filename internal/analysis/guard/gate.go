package guard

import (
	"math"
	"time"
)

// Gate is whether the primary itself keeps a limit. The canary is compared with a number only while it does: what breaks both is
// not the canary's fault. It looks at the primary and at the past only, so what it leaves out does not depend on the canary.
type Gate struct {
	// Recent are the primary's events of late, older ones counting less. It shows the beginning of an outage.
	Recent Pair
	// Past are those of a longer time where there are few. It shows that an outage goes on, although the last seconds have no error.
	Past Pair
	// Clean is how many events there were since the last bad one.
	Clean float64
}

// gateOf returns the gate of a primary that was observed before the rollout.
func (h History) gateOf(rate float64, of func(*Counts) Pair) Gate {
	var g Gate
	for _, window := range h.Windows {
		g.open(rate, sumOf(window, of), historyWindow)
	}
	return g
}

// open takes the primary's events of a poll, which covers a time, and reports whether the canary's may be compared with the rate,
// which is above 0. A primary without any events has no say. Of a long time, in which nobody looked, only as many events count as a
// window has: more would hide for minutes what happens next.
func (g *Gate) open(rate float64, primary Pair, covered time.Duration) bool {
	passed, aged := max(covered, 0).Seconds()/recent.Seconds(), max(covered, 0).Seconds()/forgiven.Seconds()
	late := primary
	if covered > historyWindow {
		late = primary.times(historyWindow.Seconds() / covered.Seconds())
	}
	g.Recent = g.Recent.faded(passed, late)
	g.Past = g.Past.faded(min(passed, max(aged, primary.Total*finite(rate, 0, 1, 1)/pastBad)), late)
	g.Clean += primary.Total
	if primary.Bad > 0 {
		g.Clean = 0
	}
	g.Clean = min(g.Clean, mostInSum)
	return g.keeps(rate) && primary.Bad <= max(rate*primary.Total, 1) && !g.unsure(rate)
}

// unsure reports whether a bad event was seen of late and there were too few since to show that it was alone: in a time with fewer
// events than one bad one may be in, the rate of that time shows nothing.
func (g *Gate) unsure(rate float64) bool {
	return g.Recent.Total*rate < 1 && g.Clean*rate < 1 && g.Past.Bad > alone
}

// faded returns the events after a number of time constants, with those of a poll.
func (p Pair) faded(passed float64, poll Pair) Pair {
	keep := math.Exp(-passed)
	return Pair{p.Total*keep + poll.Total, p.Bad*keep + poll.Bad}
}

// times returns a multiple of the events.
func (p Pair) times(factor float64) Pair { return Pair{p.Total * factor, p.Bad * factor} }

// keeps reports whether the primary keeps the rate.
func (g *Gate) keeps(rate float64) bool { return g.Recent.rate() <= rate && g.Past.rate() <= rate }

// broken reports whether the primary clearly fails more than the rate, given the burst factor of its errors.
func (g *Gate) broken(rate, bursts float64) bool {
	expected := rate * g.Past.Total
	return g.Past.Bad > expected+failing*math.Sqrt(expected*bursts)+1
}
