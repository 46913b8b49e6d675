package guard

import (
	"math"
	"time"
)

// Gate is whether the primary itself keeps a limit. The canary is compared with a number only while it does: what breaks both is
// not the canary's fault. It looks at the primary and at the past only, so what it leaves out does not depend on the canary.
type Gate struct {
	// Recent are the primary's events of late, older ones counting less.
	Recent Pair
}

// open takes the primary's events of a poll, which covers a time, and reports whether the canary's may be compared with the rate.
// A primary without any events has no say.
func (g *Gate) open(rate float64, primary Pair, covered time.Duration) bool {
	keep := math.Exp(-max(covered, 0).Seconds() / recent.Seconds())
	g.Recent = Pair{g.Recent.Total*keep + primary.Total, g.Recent.Bad*keep + primary.Bad}
	return g.Recent.rate() <= rate && primary.Bad <= max(rate*primary.Total, 1)
}

// broken reports whether the primary clearly fails more than the rate, given the burst factor of its errors.
func (g *Gate) broken(rate, bursts float64) bool {
	expected := rate * g.Recent.Total
	return g.Recent.Bad > expected+failing*math.Sqrt(expected*bursts)+1
}
