package analysis

import "errors"

// finding is what the bounds around a percentile prove.
type finding struct {
	// relation says how a limit is broken: below or above; empty for no proof.
	relation string
	// kept means that the percentile keeps the limits, wherever it is between its bounds.
	kept bool
}

// timed is a percentile of request durations of the canary, and that of the primary if the check compares them.
type timed struct {
	canary, primary percentile
	// value and ofPrimary are interpolated. They are shown.
	value, ofPrimary float64
}

// errMoved means that the queries of one round do not fit together.
var errMoved = errors.New("the bounds around the 99th percentile changed while they were read")

// timed reads the percentiles of a check.
func (c Check) timed(samples []Sample) (t timed, err error) {
	value := func(metric Metric) float64 { return c.sampleOf(samples, metric).Value }
	var fits bool
	t.value, t.ofPrimary = value(c.Metric), value(PrimaryValue)
	if t.canary, fits = percentileBetween(value(LowerBound), value(UpperBound)); !fits {
		return t, errMoved
	}
	if c.compares() {
		if t.primary, fits = percentileBetween(value(PrimaryLower), value(PrimaryUpper)); !fits {
			return t, errMoved
		}
	}
	return t, nil
}

// exceeded judges a percentile by the bounds around it. how says what it is proven to break. untold says which bounds hide whether it
// keeps what nothing else of the check decides.
func (c Check) exceeded(samples []Sample) (how, untold string, err error) {
	t, err := c.timed(samples)
	if err != nil {
		return "", "", err
	}
	decided := false
	for _, part := range []func(timed) (finding, string, error){c.ranged, c.compared, c.conditioned} {
		found, says, err := part(t)
		switch {
		case err != nil:
			return "", "", err
		case says == "":
		case found.relation != "":
			return says, "", nil
		case found.kept:
			decided = true
		case untold == "":
			untold = says
		}
	}
	if decided {
		untold = ""
	}
	return "", untold, nil
}

// ranged judges the percentile by the range of the check, and says what was found; nothing without a range.
func (c Check) ranged(t timed) (finding, string, error) {
	text := between(c.Min, c.Max, millis)
	if text == "" {
		return finding{}, "", nil
	}
	found := t.canary.within(c.Min, c.Max)
	return found, found.says(c.show(t.value), text, t.canary.around()), nil
}

// compared judges it by the primary's.
func (c Check) compared(t timed) (finding, string, error) {
	ratio := c.Judgement.RatioRange
	if ratio == nil {
		return finding{}, "", nil
	}
	found, text := t.canary.times(t.primary, ratio.Min, ratio.Max), between(ratio.Min, ratio.Max, short)+timesPrimary
	if found.relation != "" {
		text += ", which is " + c.show(t.ofPrimary)
	}
	return found, found.says(c.show(t.value), text, t.around(true)), nil
}

// conditioned judges it by the condition, which holds or fails for all that the percentiles can be, or for some of it. Between the
// smallest and the largest value it is tried at the interpolated one only.
func (c Check) conditioned(t timed) (finding, string, error) {
	if c.Judgement.Condition == "" {
		return finding{}, "", nil
	}
	compiled, err := c.condition()
	if err != nil {
		return finding{}, "", err
	}
	primaries := []float64{0}
	if c.compares() {
		primaries = t.primary.values(t.ofPrimary)
	}
	met, unmet := false, false
	for _, value := range t.canary.values(t.value) {
		for _, primary := range primaries {
			holds, err := compiled.Holds(value, primary)
			if err != nil {
				return finding{}, "", err
			}
			met, unmet = met || holds, unmet || !holds
		}
	}
	if !met {
		return finding{relation: "outside"}, c.fails(t.value, t.ofPrimary), nil
	}
	found := finding{kept: !unmet}
	return found, found.says(c.show(t.value), c.Judgement.Condition, t.around(c.compares())), nil
}

// around says which bounds are around the percentiles.
func (t timed) around(both bool) string {
	if !both {
		return t.canary.around()
	}
	return t.canary.around() + "; of the primary's, " + t.primary.around()
}

// says puts what was found about limits in words.
func (f finding) says(value, limits, around string) string {
	switch {
	case f.relation != "":
		return value + " is " + f.relation + " " + limits
	case f.kept:
		return value + " is within " + limits
	}
	return "cannot tell whether the 99th percentile is within " + limits + ": " + around
}
