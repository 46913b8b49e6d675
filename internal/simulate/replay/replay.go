package replay

import (
	"time"

	"sluice.dev/sluice/internal/analysis/guard"
	"sluice.dev/sluice/internal/analysis/polls"
)

// Plan is what a policy says of the recorded rollout.
type Plan struct {
	// Settings are the guard's.
	Settings guard.Settings
	// Weights are those of the policy's steps in percent, and Durations how long these last, in place of the settings' MaxDwell. Without
	// any, the weights are usual ones.
	Weights   []float64
	Durations []time.Duration
	// Sticky means that users stay at their version.
	Sticky bool
}

// Replay lets the guard decide about a record.
func Replay(r *Record, plan Plan) Result {
	weights := plan.Weights
	if len(weights) == 0 {
		weights = usual
	}
	n := run{Plan: plan, result: Result{Start: r.start, Scrape: r.scrape, Minutes: len(r.before.History.Windows), Problems: r.problems}, scrape: r.scrape}
	looks := ending(r.looks)
	path := weightsOf(looks, weights)
	n.parts = stepsOf(path)
	arms := make([]guard.Arms, 0, len(n.parts))
	for _, part := range n.parts {
		arms = append(arms, n.arms(part.weight))
	}
	n.ready = readyAt(looks)
	n.state = guard.Start(plan.Settings, arms, r.before.History)
	for i, part := range n.parts {
		// The weight changed after the look before.
		n.step(i, looks[max(part.from-1, 0)].at, looks[part.from:part.to])
	}
	if len(r.looks) > 0 {
		n.result.Length = r.looks[len(r.looks)-1].at.Sub(r.start)
	}
	return n.result
}

// ending returns the looks without those after the last that counted: the record does not say whether the canary was gone by then.
func ending(looks []look) []look {
	for len(looks) > 0 && !looks[len(looks)-1].Counted {
		looks = looks[:len(looks)-1]
	}
	return looks
}

// part is a step as polls: those from one up to another.
type part struct {
	weight   float64
	from, to int
}

// stepsOf returns the steps of a path. Where the canary gets nothing, there is no step.
func stepsOf(path []float64) []part {
	var parts []part
	for i, weight := range path {
		switch {
		case weight == 0:
		case i > 0 && path[i-1] == weight:
			parts[len(parts)-1].to = i + 1
		default:
			parts = append(parts, part{weight, i, i + 1})
		}
	}
	return parts
}

// run is a rollout that is replayed.
type run struct {
	Plan
	parts  []part
	state  guard.State
	result Result
	scrape time.Duration
	// ready is when the canary was first scraped. That it was ready was not recorded.
	ready time.Time
	// called and polled are when the guard was last called, and when with new samples.
	called, polled time.Time
}

// seen is what the guard sees of a look; nil without new samples of both versions.
func (n *run) seen(l look) *guard.Poll {
	if !l.Counted {
		return nil
	}
	poll := polls.Of(l.Result, n.polled.Sub(n.ready), guard.DefaultWarmUp)
	return &poll
}

// readyAt is the time of the first look that knows the canary.
func readyAt(looks []look) time.Time {
	for _, l := range looks {
		if !l.Canary.Newest.IsZero() {
			return l.at
		}
	}
	return time.Time{}
}

func (n *run) arms(weight float64) guard.Arms {
	return guard.Traffic{Weight: weight, Sticky: n.Sticky}.Arms()
}

// step plays the polls of one step.
func (n *run) step(i int, began time.Time, looks []look) {
	part := n.parts[i]
	if n.called.IsZero() {
		n.called, n.polled = began, began
	}
	step := Step{Weight: part.weight, Began: began.Sub(n.result.Start)}
	settings := n.settings(part.weight)
	for _, l := range looks {
		step.Lasted = l.at.Sub(began)
		canary, primary := guard.Pair{Total: l.Canary.Requests, Bad: l.Canary.Errors}, guard.Pair{Total: l.Primary.Requests, Bad: l.Primary.Errors}
		step.Canary, step.Primary, n.result.Canary = sum(step.Canary, canary), sum(step.Primary, primary), sum(n.result.Canary, canary)
		poll := Poll{At: l.at.Sub(n.result.Start), Step: i + 1, Weight: part.weight, Canary: canary, Primary: primary}
		if n.result.Verdict == nil {
			var decision guard.Decision
			n.state, decision = guard.Decide(settings, n.state, n.seen(l), n.moment(i, began, l))
			n.called = l.at
			n.shows(&poll, decision)
			n.ends(i, &step, decision)
		}
		if l.Counted {
			n.polled = l.at
			n.result.Polls = append(n.result.Polls, poll)
		}
	}
	n.result.Steps = append(n.result.Steps, step)
}

// settings are those of a step with a weight.
func (n *run) settings(weight float64) guard.Settings {
	settings := n.Settings
	for i, duration := range n.Durations {
		if n.Weights[i] == weight {
			settings = settings.Lasting(duration)
		}
	}
	return settings
}

// moment is where the rollout was at a poll.
func (n *run) moment(i int, began time.Time, l look) guard.Moment {
	last, next := i == len(n.parts)-1, 100.0
	if !last {
		next = n.parts[i+1].weight
	}
	weight := n.parts[i].weight
	moment := guard.Moment{Step: i + 1, Last: last, Weight: weight, Next: next, Arms: n.arms(weight),
		InStep: l.at.Sub(began), Passed: l.at.Sub(n.called), SincePoll: l.at.Sub(n.polled), Stale: stale(l, began), Scrape: n.scrape}
	if !n.polled.After(began) {
		// The poll in which the weight changed is of both steps.
		moment.SincePoll = moment.InStep + time.Millisecond
	}
	return moment
}

// stale is the time since the newest sample of the version that has the older one.
func stale(l look, began time.Time) time.Duration {
	newest := l.Canary.Newest
	if l.Primary.Newest.Before(newest) {
		newest = l.Primary.Newest
	}
	if newest.IsZero() {
		newest = began
	}
	return max(0, l.at.Sub(newest))
}

// shows adds to a poll what the guard makes of it.
func (n *run) shows(p *Poll, d guard.Decision) {
	p.Action, p.Reason, p.Evidence, p.Threshold, p.Tests = d.Action, d.Reason, d.Evidence, d.Threshold, map[guard.Metric]float64{}
	for _, test := range n.state.Tests(n.Settings) {
		p.Tests[test.Metric] += test.Share * d.Evidence
	}
}

// ends notes a decision that ends the step, or the rollout.
func (n *run) ends(i int, step *Step, d guard.Decision) {
	n.result.Last = d
	if d.Action == guard.Hold || step.Verdict != nil && d.Action != guard.RollBack && d.Action != guard.Pause {
		return
	}
	verdict := &Verdict{Decision: d, At: step.Began + step.Lasted, InStep: step.Lasted, Weight: step.Weight, Canary: n.result.Canary}
	step.Verdict = verdict
	if d.Action == guard.RollBack || d.Action == guard.Pause || d.Action == guard.Advance && i == len(n.parts)-1 {
		n.result.Verdict = verdict
	}
}

func sum(a, b guard.Pair) guard.Pair {
	return guard.Pair{Total: a.Total + b.Total, Bad: a.Bad + b.Bad}
}
