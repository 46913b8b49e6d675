package guard

// Quantile returns bounds of a percentile of the canary's latency, such as the 99th for 0.99, in seconds: it is above one and at
// most the other, with the settings' confidence for each. 0 where nothing is shown. Only bounds of the histogram can be named.
func (s *State) Quantile(settings Settings, quantile float64) (above, atMost float64) {
	settings = settings.sane()
	if !(quantile > 0 && quantile < 1) {
		return 0, 0
	}
	test := RateTest{Rate: 1 - quantile}
	for i := range s.Bounds[:s.BoundCount] {
		b := &s.Bounds[i]
		if test.rejected(b.Total, 1/b.Bursts.Harm) >= 1/settings.Beta {
			above = b.Seconds
		}
		if atMost == 0 && test.accepted(b.Total, 1/b.Bursts.Health) >= 1/settings.Beta {
			atMost = b.Seconds
		}
	}
	return above, atMost
}

// LimitVerdict is what is known of a latency limit.
type LimitVerdict string

// The verdicts.
const (
	// LimitKept means that the percentile is proven to be within the limit.
	LimitKept LimitVerdict = "kept"
	// LimitBroken means that it is proven to be above.
	LimitBroken LimitVerdict = "broken"
	// LimitOpen means that more requests will tell.
	LimitOpen LimitVerdict = "open"
	// LimitUnknowable means that the limit lies between two bounds of the histogram and so does the percentile. The comparison with
	// the primary decides.
	LimitUnknowable LimitVerdict = "unknowable"
)

// String is the percentile and the limit, such as 99th percentile at most 500ms.
func (l Limit) String() string {
	return ordinal(l.Quantile) + " percentile at most " + latency(l.Seconds)
}

// LimitVerdict returns what the data shows about the settings' limit, and says it. Empty without a limit.
func (s *State) LimitVerdict(settings Settings) (LimitVerdict, string) {
	settings = settings.sane()
	if settings.Limit == nil {
		return "", ""
	}
	l, limit := &s.Limit, settings.Limit
	test, proof := RateTest{Rate: 1 - limit.Quantile}, 1/settings.Beta
	what := ordinal(limit.Quantile) + " percentile of the canary's latency"
	within := func(bound float64, over Pair) bool {
		return bound > 0 && test.accepted(over, 1/l.Bursts.Health) >= proof
	}
	beyond := func(bound float64, over Pair) bool { return bound > 0 && test.rejected(over, 1/l.Bursts.Harm) >= proof }
	switch {
	case within(l.Below, l.OverBelow):
		return LimitKept, "the " + what + " is at most " + latency(l.Below)
	case beyond(l.Above, l.OverAbove):
		return LimitBroken, "the " + what + " is above " + latency(l.Above)
	case l.Below != l.Above && (l.Above == 0 || within(l.Above, l.OverAbove)) && (l.Below == 0 || beyond(l.Below, l.OverBelow)):
		return LimitUnknowable, "cannot tell whether the " + what + " is within " + latency(limit.Seconds) + ": " + l.around()
	}
	return LimitOpen, "more requests are needed to tell whether the " + what + " is within " + latency(limit.Seconds)
}

// around says which bounds are around a limit.
func (l *LimitState) around() string {
	switch {
	case l.Above == 0 && l.Below == 0:
		return "there is no histogram"
	case l.Above == 0:
		return "the gateway's largest bound is " + latency(l.Below)
	case l.Below == 0:
		return "the gateway's smallest bound is " + latency(l.Above)
	}
	return "the gateway's bounds are " + latency(l.Below) + " and " + latency(l.Above)
}
