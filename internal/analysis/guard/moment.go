package guard

import "time"

// Moment is where the rollout is at a call of Decide.
type Moment struct {
	// Step is the number of the step, from 1. Another number than at the call before begins a step.
	Step int
	// Last is whether no step follows.
	Last bool
	// Weight is the percentage of requests that the canary gets in this step, and Next that in the step after: 100 after the last.
	Weight, Next float64
	// Arms says which tests act in this step.
	Arms Arms
	// InStep is how long the split of this step has been in effect.
	InStep time.Duration
	// Passed is the time since the call before, 0 at the first.
	Passed time.Duration
	// SincePoll is the time that the poll covers: from the poll before to this one.
	SincePoll time.Duration
	// Stale is the time since the newest sample of the arm that has the older one.
	Stale time.Duration
	// Scrape is the time between samples, as seen. 0 while unknown.
	Scrape time.Duration
	// NotReady says what else the step waits for, such as a pod or a hook. Empty if it waits for nothing.
	NotReady string
}

// within reports whether all of the poll is of this step. One that began in the step before counts against harm, but shows nothing
// about this step. Neither does one of a time in which nobody looked: the canary may have been away.
func (m *Moment) within() bool { return m.SincePoll <= m.InStep && m.SincePoll <= longestPoll }

// History is what the primary did in the hour before the rollout. It chooses what is tested before the first request, so
// that no choice depends on what it judges. The zero value is a primary that nobody has observed.
type History struct {
	// Bounds are the finite bounds of the histogram in seconds, ascending. Nil without latencies.
	Bounds []float64
	// Windows are periods of a minute in order, each with the counts of each pod of the primary, or of the whole arm where pods cannot
	// be told apart.
	Windows [][]Counts
}

// Arms says who the two arms' users are, and so what may be compared.
type Arms string

// The kinds of arms. The table in arms.go says which tests act.
const (
	// ArmsSplit share requests at random.
	ArmsSplit Arms = "split"
	// ArmsSticky keep each user at a version, by cookie.
	ArmsSticky Arms = "sticky"
	// ArmsMatched are different people: those that a match selects, as in an A/B test.
	ArmsMatched Arms = "matched"
	// ArmsTesters share requests at random, and testers get the canary as well.
	ArmsTesters Arms = "testers"
	// ArmsMirrored get the same requests; the canary's answers are thrown away.
	ArmsMirrored Arms = "mirrored"
	// ArmsTests send the canary nothing but the requests of tests, as in blue/green.
	ArmsTests Arms = "tests"
	// ArmsAll send all requests to the canary.
	ArmsAll Arms = "all"
	// ArmsNone send no requests that are counted.
	ArmsNone Arms = "none"
	// ArmsWork share work that is no requests, such as the messages of a queue, by the number of their pods. The user's own counters
	// count it.
	ArmsWork Arms = "work"
)
