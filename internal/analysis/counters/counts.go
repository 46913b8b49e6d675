package counters

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Counts are increments.
type Counts struct {
	// Requests is the number of requests answered, and Errors how many of them with a status of 500 or more.
	Requests, Errors float64
	// Bounds are the bounds of the histograms, the lowest first.
	Bounds []Bound
}

// Bound counts the requests that were slower than a bound. There is no interpolation: a histogram knows no more.
type Bound struct {
	// Millis is the bound in milliseconds.
	Millis float64
	// Timed is the number of requests in histograms that have this bound, and Slower how many of them took longer.
	Timed, Slower float64
}

// Pod is what one pod answered.
type Pod struct {
	Name string
	Counts
}

// Increments is what one version answered since the last poll that counted.
type Increments struct {
	Counts
	// Pods are the pods that count their own requests, in the order of their names. None if gateways count.
	Pods []Pod
	// Failures are the kinds of the canary's failed requests, in no order. None of another version.
	Failures []Failures
	// Newest is when the newest sample was scraped, by the clock of the metrics server. Zero if there never was one.
	Newest time.Time
}

// Result is what a poll shows.
type Result struct {
	// Counted means that both versions, and the control if there is one, have a new sample. If it is false, the poll is none: nothing has happened, and what was
	// seen is counted later.
	Counted         bool
	Canary, Primary Increments
	// Control is what the control answered. Zero without one.
	Control Increments
	// Interval is how often the metrics server scrapes, as far as that was seen. 0 if it was not.
	Interval time.Duration
	// Problems say what could not be counted, and why.
	Problems []string
}

// The limits keep the state small, which is in the status of the Canary: at most about 4 KiB of usual numbers, and 12 KiB of any.
const (
	// mostTargets is how many pods of a version, and how many gateways, are counted.
	mostTargets = 50
	// mostSeries is how many series are remembered.
	mostSeries = 256
	// mostBounds is how many bounds of histograms are counted.
	mostBounds = 64
)

// of returns the increments of an arm.
func (r *Result) of(arm Arm) *Increments {
	switch arm {
	case Canary:
		return &r.Canary
	case Control:
		return &r.Control
	}
	return &r.Primary
}

// add adds what a series or a histogram gave to its arm and pod.
func (i *Increments) add(pod string, each func(*Counts)) {
	each(&i.Counts)
	if pod == "" {
		return
	}
	at, found := slices.BinarySearchFunc(i.Pods, pod, func(p Pod, name string) int { return cmp.Compare(p.Name, name) })
	if !found {
		i.Pods = slices.Insert(i.Pods, at, Pod{Name: pod})
	}
	each(&i.Pods[at].Counts)
}

// addAnswered adds the requests that a counter has counted to its pod and to the errors, if its class is one.
func (i *Increments) addAnswered(s Series, requests float64) {
	i.add(s.Pod, func(c *Counts) {
		c.Requests += requests
		if s.Class == failed {
			c.Errors += requests
		}
	})
}

// slower adds requests to a bound. It is false if there are too many bounds.
func (c *Counts) slower(millis, timed, slower float64) bool {
	at, found := slices.BinarySearchFunc(c.Bounds, millis, func(b Bound, m float64) int { return cmp.Compare(b.Millis, m) })
	if !found {
		if len(c.Bounds) >= mostBounds {
			return false
		}
		c.Bounds = slices.Insert(c.Bounds, at, Bound{Millis: millis})
	}
	c.Bounds[at].Timed += timed
	c.Bounds[at].Slower += slower
	return true
}

// possible is false for counts that no requests can have.
func (c *Counts) possible() bool {
	if !(c.Errors <= c.Requests) || math.IsInf(c.Requests, 0) {
		return false
	}
	return !slices.ContainsFunc(c.Bounds, func(b Bound) bool { return !(b.Slower <= b.Timed) || math.IsInf(b.Timed, 0) })
}

// possible is false if any of the counts are impossible.
func (i *Increments) possible() bool {
	return i.Counts.possible() && !slices.ContainsFunc(i.Pods, func(p Pod) bool { return !p.possible() })
}
