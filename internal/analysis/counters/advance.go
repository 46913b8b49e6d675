package counters

import (
	"cmp"
	"slices"
	"time"
)

// Advance adds a poll to what is known. It returns what the next poll must know, and what has happened since the last poll that
// counted. Any samples may be given to it: those that no counter can have are left out, and the problems say so. It takes time
// and memory in proportion to the samples.
func Advance(s State, p Poll) (State, Result) {
	l := lookAt(s, p)
	r := Result{Problems: l.problems, Counted: l.all(l.fresh)}
	if r.Counted {
		l.count(&r)
	}
	next, problem := l.remember(r.Counted)
	r.tell(problem)
	if !r.Canary.possible() || !r.Primary.possible() || !r.Control.possible() {
		r.Counted, r.Canary, r.Primary, r.Control = false, Increments{}, Increments{}, Increments{}
		r.tell("a poll shows impossible numbers of requests and was dropped")
	}
	next.interval = cmp.Or(l.interval(), s.interval)
	r.Interval = time.Duration(next.interval) * time.Millisecond
	r.Canary.Newest, r.Primary.Newest, r.Control.Newest = timeOf(l.newest(Canary)), timeOf(l.newest(Primary)), timeOf(l.newest(Control))
	return next, r
}

// all reports whether something holds for each version that a poll needs.
func (l *look) all(holds func(Arm) bool) bool {
	return holds(Canary) && holds(Primary) && (!l.Controlled || holds(Control))
}

// tell adds a problem once.
func (r *Result) tell(problem string) {
	if problem != "" && !slices.Contains(r.Problems, problem) {
		r.Problems = append(r.Problems, problem)
	}
}

func timeOf(millis int64) time.Time {
	if millis == 0 {
		return time.Time{}
	}
	return time.UnixMilli(millis)
}

// count adds the increments of all that a poll has seen.
func (l *look) count(r *Result) {
	for _, t := range l.targets {
		eachCounter(t.series, func(s Series) { l.requests(t, s, r.of(s.Arm)) }, func(buckets []Series) {
			r.tell(l.histogram(t, buckets, r.of(buckets[0].Arm)))
		})
	}
}

// requests adds the increment of a counter of requests.
func (l *look) requests(t seen, s Series, counts *Increments) {
	increment, _ := grown(s.Samples, l.base(t, s), nil)
	if increment == 0 {
		return
	}
	counts.addAnswered(s, increment)
	if s.Arm == Canary {
		counts.addFailures(s.Failing, increment)
	}
}
