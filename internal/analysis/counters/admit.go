package counters

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"sluice.dev/sluice/internal/analysis"
)

// seen is a pod or gateway in the answer to a poll.
type seen struct {
	target
	// known means that an earlier poll has admitted it.
	known bool
	// young means that it is new, and that all that it has counted is of this rollout.
	young bool
	// first is the time of the scrape that it is counted from when it is new: the last one before the rollout, or else the oldest.
	// newest is the time of its newest sample.
	first, newest int64
	series        []Series
}

// look is what a poll sees.
type look struct {
	State
	Poll
	targets  []seen
	problems []string
}

func lookAt(s State, p Poll) *look {
	l := &look{State: s, Poll: p}
	var series []Series
	series, l.problems = clean(p)
	for len(series) > 0 {
		n := sort.Search(len(series), func(i int) bool { return series[i].Target > series[0].Target })
		l.targets = append(l.targets, l.see(series[:n]))
		series = series[n:]
	}
	l.admit()
	return l
}

// see describes the pod or gateway that has these series.
func (l *look) see(series []Series) seen {
	t := seen{series: series}
	t.target, t.known = l.State.target(series[0].Target)
	t.id = series[0].Target
	t.first = math.MaxInt64
	for _, s := range series {
		t.first = min(t.first, s.Samples[0].At)
		t.newest = max(t.newest, s.Samples[len(s.Samples)-1].At)
	}
	for _, s := range series {
		if n := upTo(s.Samples, l.Began.UnixMilli()); n > 0 {
			t.first = max(t.first, s.Samples[n-1].At)
		}
	}
	if pod := series[0].Pod; pod != "" && !t.known {
		t.arm = series[0].Arm
		// Kubernetes drops the fraction of a second of creation times.
		created, known := l.Created[pod]
		t.young = known && created.Unix() >= l.Began.Unix() && created.UnixMilli() > l.forgot
	}
	return t
}

// admit leaves out the pods and gateways beyond the limit, which holds for each arm.
func (l *look) admit() {
	var count [Control + 1]int
	for _, t := range l.targets {
		if t.known {
			count[t.arm]++
		}
	}
	left := 0
	l.targets = slices.DeleteFunc(l.targets, func(t seen) bool {
		if t.known {
			return false
		}
		if count[t.arm] >= mostTargets {
			left++
			return true
		}
		count[t.arm]++
		return false
	})
	if left > 0 {
		l.problems = append(l.problems, fmt.Sprintf("%d pods or gateways are not counted: %d of a version are the most", left, mostTargets))
	}
}

// fresh reports whether a version was scraped since the last poll that counted.
func (l *look) fresh(version Arm) bool {
	return slices.ContainsFunc(l.targets, func(t seen) bool {
		return t.arm.serves(version) && (t.young || t.known && t.newest > t.last)
	})
}

// newest is the time of the newest sample of a version, counted or not.
func (l *look) newest(version Arm) int64 {
	newest := l.State.newest(version)
	for _, t := range l.targets {
		if t.arm.serves(version) {
			newest = max(newest, t.newest)
		}
	}
	return newest
}

// shows reports whether a target has a sample of this time.
func (t seen) shows(at int64) bool {
	return slices.ContainsFunc(t.series, func(s Series) bool {
		i := upTo(s.Samples, at)
		return i > 0 && s.Samples[i-1].At == at
	})
}

// upTo returns how many of the samples are not after a time.
func upTo(samples []analysis.Point, at int64) int {
	return sort.Search(len(samples), func(i int) bool { return samples[i].At > at })
}
