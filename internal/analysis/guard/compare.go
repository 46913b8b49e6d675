package guard

import (
	"fmt"
	"strings"
)

// Compared is what both arms did since they were of one kind, for arms that other people use. It moves nothing.
type Compared struct {
	// Arms are the kind.
	Arms Arms
	// Errors compare error rates.
	Errors Sides
	// RatioLeast and RatioMost are how many times the control's error rate the canary's is. 0 where no such bound is shown.
	RatioLeast, RatioMost float64
	// Slower compares the shares of requests slower than each bound of the histogram that is tested.
	Slower []SlowerSides
	// Control names the arm that the canary is compared with.
	Control string
	// Confidence is the chance that one interval is right, such as 0.95.
	Confidence float64
}

// Sides are events of both arms with the intervals of their rates.
type Sides struct {
	Canary, Control         Pair
	CanaryRate, ControlRate Interval
}

// SlowerSides are the requests slower than a bound, in seconds.
type SlowerSides struct {
	Seconds float64
	Sides
}

// OtherPeople reports whether the arms have other users, chosen otherwise than by chance for each request. Then one of two healthy
// versions may well fail more often, so the comparison is told and moves nothing.
func (a Arms) OtherPeople() bool { return a == ArmsMatched || a == ArmsTesters || a == ArmsSticky }

// Compare compares the arms. It is false unless they have other users.
//
// All intervals assume bursts until they are seen not to be, because the requests of one user are alike.
func (s *State) Compare(settings Settings) (c Compared, compares bool) {
	if !s.Arms.OtherPeople() {
		return Compared{}, false
	}
	settings = settings.sane()
	beta, eta, e := settings.Beta, 1/s.Bursts.Harm, &s.Errors
	c = Compared{
		Arms: s.Arms, Control: "primary", Confidence: 1 - beta, Errors: sides(e.Total, e.Control, beta, eta),
		// Each end of a ratio has half of the chance of error.
		RatioLeast: e.Likelihood.above(beta/2, eta), RatioMost: e.Likelihood.bound(beta/2, eta),
	}
	if settings.Fresh {
		c.Control = "baseline"
	}
	for i := range s.Bounds[:s.BoundCount] {
		if b := &s.Bounds[i]; b.Total.Total > 0 && b.Control.Total > 0 {
			c.Slower = append(c.Slower, SlowerSides{b.Seconds, sides(b.Total, b.Control, beta, 1/b.Bursts.Harm)})
		}
	}
	return c, true
}

func sides(canary, control Pair, beta, eta float64) Sides {
	return Sides{canary, control, interval(canary, beta, eta), interval(control, beta, eta)}
}

// String says it, such as "error rate 0.421% (0.229% to 0.698%) of 12,345 canary requests, 0.4% (0.375% to 0.427%) of 1,204,332 primary
// requests, 0.5 to 1.75 times the primary's; slower than 300ms: 2.1% (0.843% to 4.2%), the primary 1.9% (1.72% to 2.09%); each at 95%
// confidence; other people use each version, so a difference may come from them".
func (c Compared) String() string {
	canary, control := c.Errors.Canary, c.Errors.Control
	switch {
	case !(canary.Total > 0):
		return "no request to the canary was counted, so nothing can be compared"
	case !(control.Total > 0):
		return "no request to the " + c.Control + " was counted, so nothing can be compared"
	}
	parts := []string{fmt.Sprintf("error rate %s of %s canary requests, %s of %s %s requests, %s", c.Errors.CanaryRate.around(canary), whole(canary.Total),
		c.Errors.ControlRate.around(control), whole(control.Total), c.Control, c.ratio())}
	for _, s := range c.Slower {
		parts = append(parts, fmt.Sprintf("slower than %s: %s, the %s %s", latency(s.Seconds), s.CanaryRate.around(s.Canary), c.Control, s.ControlRate.around(s.Control)))
	}
	return strings.Join(parts, "; ") + fmt.Sprintf("; each at %s confidence; other people use each version, so a difference may come from them", percent(c.Confidence))
}

// ratio says the interval of the ratio, which may be open.
func (c Compared) ratio() string {
	const of = " times the %s's"
	switch {
	case c.RatioLeast > 0 && c.RatioMost > 0:
		return short(c.RatioLeast) + " to " + short(c.RatioMost) + fmt.Sprintf(of, c.Control)
	case c.RatioLeast > 0:
		return "more than " + short(c.RatioLeast) + fmt.Sprintf(of, c.Control)
	case c.RatioMost > 0:
		return "less than " + short(c.RatioMost) + fmt.Sprintf(of, c.Control)
	}
	return "too few errors to tell their ratio"
}

// around says a rate and its interval, such as 0.42% (0.31% to 0.57%). An end that is hardly above 0 is 0.
func (i Interval) around(events Pair) string {
	least := i.Least
	if least < 1e-6 {
		least = 0
	}
	return fmt.Sprintf("%s (%s to %s)", percent(events.rate()), percent(least), percent(i.Most))
}
