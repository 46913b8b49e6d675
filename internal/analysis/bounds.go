package analysis

import (
	"math"
	"time"
)

// percentile is the 99th percentile of request durations, which lies between two bounds of their histogram, in milliseconds. Where it
// is between them nobody knows: an interpolated value is a guess.
type percentile struct {
	// above and atMost are the bounds around it. above is 0 in the first bucket, and atMost infinite beyond the last bound.
	above, atMost float64
}

// finer is the difference of milliseconds below which two bounds are one. No histogram has finer ones.
const finer = 1e3

// percentileBetween returns the percentile between the answers to LowerBound and UpperBound. It is false if the answers are of
// different moments, so that they do not fit together. Beyond the largest bound both are that bound.
func percentileBetween(lower, upper float64) (p percentile, fits bool) {
	if lower > upper {
		return percentile{}, false
	}
	p = percentile{math.Round(lower*finer) / finer, math.Round(upper*finer) / finer}
	if lower == upper {
		p.atMost = math.Inf(1)
	}
	return p, true
}

// broken says which limit the percentile is proven to break: below or above; empty for neither.
func (p percentile) broken(least, most *float64) string {
	switch {
	case least != nil && p.atMost < *least:
		return "below"
	case most != nil && p.above >= *most:
		return "above"
	}
	return ""
}

// kept reports whether the percentile is proven to keep the limits.
func (p percentile) kept(least, most *float64) bool {
	return (least == nil || p.above >= *least) && (most == nil || p.atMost <= *most)
}

// around says which bounds are around the percentile.
func (p percentile) around() string {
	switch {
	case math.IsInf(p.atMost, 1):
		return "the largest bound of the histogram is " + millis(p.above)
	case p.above == 0:
		return "the smallest bound of the histogram is " + millis(p.atMost)
	}
	return "the bounds of the histogram are " + millis(p.above) + " and " + millis(p.atMost)
}

// millis formats milliseconds, such as 300ms or 1.2s.
func millis(value float64) string { return time.Duration(value * float64(time.Millisecond)).String() }

// within judges the percentile by limits.
func (p percentile) within(least, most *float64) finding {
	return finding{relation: p.broken(least, most), kept: p.kept(least, most)}
}

// times judges the percentile by multiples of another one.
func (p percentile) times(of percentile, least, most *float64) finding {
	return finding{relation: p.broken(times(least, of.above), times(most, of.atMost)), kept: p.kept(times(least, of.atMost), times(most, of.above))}
}

// values are the smallest and the largest value that the percentile can have, and one between them.
func (p percentile) values(between float64) []float64 {
	return []float64{math.Nextafter(p.above, math.Inf(1)), between, p.atMost}
}
