package counters

import (
	"math"

	"sluice.dev/sluice/internal/analysis"
)

// never is the time of the sample that a series begins with: zero, before all others.
const never = math.MinInt64

// base returns the sample that a series is counted from.
func (l *look) base(t seen, s Series) analysis.Point {
	if c, found := l.State.counted(s.ID); found {
		return analysis.Point{At: c.at, Value: c.value}
	}
	switch {
	case t.young || t.known && t.last == birth:
		return analysis.Point{At: never}
	case !t.known:
		t.last = t.first
	}
	if n := upTo(s.Samples, t.last); n > 0 && !l.isLate(t, s) {
		return s.Samples[n-1]
	}
	// The series was not there when its target was last counted. If that scrape is in the answer, this is certain.
	if l.partial && !t.shows(t.last) {
		return s.Samples[0]
	}
	return analysis.Point{At: never}
}

// isLate reports whether a series of a known target began in the rollout and was in no answer before, although its target was scraped with it:
// some servers show a new series seconds late. An older scrape in the answer shows that it was not there from the beginning.
func (l *look) isLate(t seen, s Series) bool {
	return t.known && !l.partial && s.Samples[0].At > max(t.first, l.Began.UnixMilli())
}

// since returns the samples after a base.
func since(samples []analysis.Point, base analysis.Point) []analysis.Point {
	return samples[upTo(samples, base.At):]
}

// grown returns by how much a series grew from its base, and its last sample. After each of the resets it began at zero, as it
// did where it fell.
func grown(samples []analysis.Point, base analysis.Point, resets []int64) (increment float64, last analysis.Point) {
	last = base
	for _, sample := range since(samples, base) {
		if sample.Value < last.Value || resetBetween(resets, last.At, sample.At) {
			increment += sample.Value
		} else {
			increment += sample.Value - last.Value
		}
		last = sample
	}
	return increment, last
}

func resetBetween(resets []int64, after, until int64) bool {
	for _, at := range resets {
		if after < at && at <= until {
			return true
		}
	}
	return false
}

// falls appends the times at which a series fell.
func falls(resets []int64, samples []analysis.Point, base analysis.Point) []int64 {
	last := base.Value
	for _, sample := range since(samples, base) {
		if sample.Value < last {
			resets = append(resets, sample.At)
		}
		last = sample.Value
	}
	return resets
}
