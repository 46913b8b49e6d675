package counters

import (
	"cmp"
	"slices"
)

// State is what one poll leaves to the next: the last sample of each series that was counted. It outlives the controller as Text
// in the status. The zero State knows nothing. A State is never changed.
type State struct {
	// interval is how often the metrics server scrapes, in milliseconds. 0 if unknown.
	interval int64
	// forgot is the time of the newest sample of a pod or gateway that was forgotten, in milliseconds since 1970. What was
	// created before may have been counted.
	forgot int64
	// partial means that there were more series than can be remembered, so one that is not here may still be old.
	partial bool
	// targets and series are in the order of their hashes.
	targets []target
	series  []counted
}

// target is a pod or a gateway that was scraped.
type target struct {
	id  uint64
	arm Arm
	// last is the time of its newest sample that was counted, in milliseconds since 1970, or birth.
	last int64
}

// birth is the time of the last sample of a target of which nothing was counted yet, and all will be.
const birth = 1

// counted is the last sample of a series that was counted.
type counted struct {
	id, target uint64
	at         int64
	value      float64
}

func byTarget(t target, id uint64) int  { return cmp.Compare(t.id, id) }
func bySeries(c counted, id uint64) int { return cmp.Compare(c.id, id) }
func inTargets(a, b target) int         { return cmp.Compare(a.id, b.id) }
func inSeries(a, b counted) int         { return cmp.Compare(a.id, b.id) }
func (a Arm) serves(version Arm) bool   { return a == Both || a == version }

// target returns what is known of a pod or gateway.
func (s State) target(id uint64) (target, bool) {
	i, found := slices.BinarySearchFunc(s.targets, id, byTarget)
	if !found {
		return target{}, false
	}
	return s.targets[i], true
}

// counted returns the last sample of a series.
func (s State) counted(id uint64) (counted, bool) {
	i, found := slices.BinarySearchFunc(s.series, id, bySeries)
	if !found {
		return counted{}, false
	}
	return s.series[i], true
}

// knows reports whether the requests of a version were ever seen.
func (s State) knows(version Arm) bool {
	return slices.ContainsFunc(s.targets, func(t target) bool { return t.arm.serves(version) })
}

// newest returns the time of the newest sample of a version that was counted. 0 without any.
func (s State) newest(version Arm) int64 {
	var newest int64
	for _, t := range s.targets {
		if t.arm.serves(version) && t.last != birth {
			newest = max(newest, t.last)
		}
	}
	return newest
}
