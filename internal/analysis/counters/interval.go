package counters

import (
	"cmp"
	"slices"
	"time"

	"sluice.dev/sluice/internal/analysis"
)

const (
	// fastest and slowest are the intervals of scrapes that polls follow.
	fastest, slowest = 2 * time.Second, 2 * time.Minute
	// unseen is the interval while it is not known: that of most set-ups which scrape often. It costs nothing to be wrong, because
	// a poll without a new sample is none.
	unseen = 5 * time.Second
	// first is how far the first poll looks back, and furthest how far one looks back until the interval is known.
	first, furthest = 10 * time.Second, 5 * time.Minute
	// intervals is how many scrapes a poll looks back at least: two show the interval, and one may be missing.
	intervals = 3
	// most is how many scrapes a poll looks back at most.
	most = 15
)

// Every returns how often to poll: as often as the metrics server scrapes, but not more often than every 2 s nor less often than
// every 2 min.
func (s State) Every() time.Duration {
	if s.interval == 0 {
		return unseen
	}
	return min(max(time.Duration(s.interval)*time.Millisecond, fastest), slowest)
}

// Back returns how far a poll must look back, so that it has the sample that was counted last and all since then. After a long
// gap it is no more than usual, because an answer has a limit and must not be refused without end. The counters still have what
// happened in the gap, unless they were reset.
func (s State) Back(now time.Time) time.Duration {
	if len(s.targets) == 0 {
		return first
	}
	counted := min(cmp.Or(s.newest(Canary), s.newest(Primary)), cmp.Or(s.newest(Primary), s.newest(Canary)))
	gap := max(0, now.Sub(time.UnixMilli(counted)))
	if s.interval == 0 {
		return min(gap+first, furthest)
	}
	interval := min(time.Duration(s.interval)*time.Millisecond, slowest)
	if back := gap + 2*interval; back <= most*interval {
		return max(intervals*interval, back)
	}
	return intervals * interval
}

// interval returns how often the metrics server scrapes in milliseconds: the usual time between two samples of the version that is
// scraped less often. 0 if no two samples are seen.
func (l *look) interval() int64 {
	var seen int64
	for _, version := range []Arm{Canary, Primary} {
		var gaps []int64
		for _, t := range l.targets {
			if t.arm.serves(version) {
				gaps = t.gaps(gaps, l.State.interval)
			}
		}
		if len(gaps) > 0 {
			slices.Sort(gaps)
			seen = max(seen, gaps[len(gaps)/2])
		}
	}
	return rounded(min(seen, time.Hour.Milliseconds()))
}

// rounded drops what differs from scrape to scrape, so that the status does not change with it.
func rounded(interval int64) int64 {
	const tenth = 100
	if interval < 10*tenth {
		return interval
	}
	return (interval + tenth/2) / tenth * tenth
}

// gaps appends the times between the samples of a target. If there is one sample, it is the time since the last one that was
// counted. That may be a gap in the scrapes, so such an interval is at most the double of what is known.
func (t seen) gaps(gaps []int64, known int64) []int64 {
	var longest []analysis.Point
	for _, s := range t.series {
		if len(s.Samples) > len(longest) {
			longest = s.Samples
		}
	}
	for i := 1; i < len(longest); i++ {
		gaps = append(gaps, longest[i].At-longest[i-1].At)
	}
	if gap := longest[0].At - t.last; len(longest) == 1 && t.known && t.last != birth && gap > 0 {
		if known > 0 {
			gap = min(max(gap, known), 2*known)
		}
		gaps = append(gaps, gap)
	}
	return gaps
}
