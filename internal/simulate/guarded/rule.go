package guarded

import (
	"time"

	"sluice.dev/sluice/internal/analysis/guard"
	"sluice.dev/sluice/internal/simulate/rule"
	"sluice.dev/sluice/internal/simulate/traffic"
)

// Rule is the guard with the settings and the steps of a policy.
type Rule struct {
	// Label is the name of the rule in tables.
	Label string
	// Settings are those of the policy.
	Settings guard.Settings
	// Shares are the weights, 0 to 1; none for the guard's own ladder.
	Shares []float64
	// Durations are how long the steps last, in place of the settings' MaxDwell. None if all last as long.
	Durations []time.Duration
	// Traffic says how requests reach the canary, beside the weight. What reaches it beside the weight is not simulated.
	Traffic guard.Traffic
	// History is what the guard starts with in place of the simulated hour; nil for that.
	History *guard.History
}

// idle is how long the guard may go without a call. The controller looks as often.
const idle traffic.Seconds = 5

// Name is the label.
func (r Rule) Name() string { return r.Label }

// Threshold is the evidence that rolls back.
func (r Rule) Threshold() float64 { return 1 / r.Settings.Alpha }

// Begin starts the guard with what the primary's pods counted before.
func (r Rule) Begin(before rule.Before) rule.Run {
	history := r.History
	if history == nil {
		history = historyOf(before)
	}
	n := &run{settings: r.Settings, shares: r.Shares, durations: r.Durations, traffic: r.Traffic, scrape: before.Scrape, bounds: before.Bounds}
	if len(n.shares) == 0 {
		for _, weight := range guard.Ladder(rateOf(history)) {
			n.shares = append(n.shares, weight/100)
		}
	}
	plan := make([]guard.Arms, len(n.shares))
	for i := range plan {
		plan[i] = n.arms(i)
	}
	n.state = guard.Start(r.Settings, plan, *history)
	return n
}

// historyOf is the simulated hour.
func historyOf(before rule.Before) *guard.History {
	windows := before.History()
	history := &guard.History{Bounds: before.Bounds, Windows: make([][]guard.Counts, len(windows))}
	for i, window := range windows {
		history.Windows[i] = make([]guard.Counts, len(window))
		for pod, counted := range window {
			history.Windows[i][pod] = countsOf(counted, len(before.Bounds))
		}
	}
	return history
}

// rateOf is the number of requests a second in windows of a minute.
func rateOf(history *guard.History) float64 {
	requests := 0.0
	for _, window := range history.Windows {
		for _, pod := range window {
			requests += pod.Requests
		}
	}
	return requests / (float64(len(history.Windows)) * time.Minute.Seconds())
}

// countsOf returns what was counted, with the first bounds of the histogram.
func countsOf(c traffic.Counter, bounds int) guard.Counts {
	counts := guard.Counts{Requests: float64(c.Requests), Errors: float64(c.Errors)}
	if c.Timed > 0 {
		counts.Timed, counts.Slower = float64(c.Timed), make([]float64, bounds)
		for i, slow := range c.Slow[:bounds] {
			counts.Slower[i] = float64(slow)
		}
	}
	return counts
}

// run is one rollout.
type run struct {
	settings guard.Settings
	shares   []float64
	// durations may be shorter than shares.
	durations []time.Duration
	traffic   guard.Traffic
	scrape    traffic.Seconds
	bounds    []float64
	state     guard.State
	// step counts from 0; began is when it began.
	step  int
	began traffic.Seconds
	// called and polled are when the guard was last called, and when with new samples.
	called, polled  traffic.Seconds
	canary, primary traffic.Sample
	evidence        float64
}

// Next calls the guard with new samples of both versions, or after a while without.
func (r *run) Next(view traffic.View) rule.Decision {
	poll := r.poll(view)
	if poll == nil && (view.At == 0 || view.At-r.called < idle) {
		return rule.Decision{Share: r.shares[r.step], Evidence: r.evidence}
	}
	settings := r.settings
	if r.step < len(r.durations) {
		settings = settings.Lasting(r.durations[r.step])
	}
	state, decision := guard.Decide(settings, r.state, poll, r.moment(view))
	r.state, r.called, r.evidence = state, view.At, decision.Evidence
	if poll != nil {
		r.polled, r.canary, r.primary = view.At, view.CanarySample, view.PrimarySample
	}
	return r.act(view.At, decision)
}

// poll returns what both versions have counted since the last poll. It returns nil unless both have new samples.
func (r *run) poll(view traffic.View) *guard.Poll {
	if view.CanarySample.At <= r.canary.At || view.PrimarySample.At <= r.primary.At {
		return nil
	}
	return &guard.Poll{Canary: r.since(r.canary, view.CanarySample), Primary: r.since(r.primary, view.PrimarySample), Bounds: r.bounds}
}

// since returns what was counted between two samples. A counter that fell has begun at 0 again.
func (r *run) since(last, now traffic.Sample) guard.Counts {
	if now.Requests < last.Requests {
		return countsOf(now.Counter, len(r.bounds))
	}
	return countsOf(now.Minus(last.Counter), len(r.bounds))
}

// arms says how requests reach the canary in a step that counts from 0.
func (r *run) arms(step int) guard.Arms {
	by := r.traffic
	by.Weight = 100 * r.shares[step]
	return by.Arms()
}

func (r *run) moment(view traffic.View) guard.Moment {
	last := r.step == len(r.shares)-1
	next := 1.0
	if !last {
		next = r.shares[r.step+1]
	}
	return guard.Moment{
		Step: r.step + 1, Last: last, Weight: 100 * r.shares[r.step], Next: 100 * next, Arms: r.arms(r.step),
		InStep: span(view.At - r.began), Passed: span(view.At - r.called), SincePoll: span(view.At - r.polled),
		Stale: span(view.At - min(view.CanarySample.At, view.PrimarySample.At)), Scrape: span(r.scrape),
	}
}

func span(s traffic.Seconds) time.Duration { return time.Duration(s) * time.Second }

// act does what the guard has decided.
func (r *run) act(now traffic.Seconds, decision guard.Decision) rule.Decision {
	done := rule.Decision{Share: r.shares[r.step], Evidence: decision.Evidence, Why: string(decision.Reason)}
	switch decision.Action {
	case guard.RollBack:
		done.Share, done.Outcome = 0, rule.RolledBack
	case guard.Pause:
		done.Outcome = rule.Paused
	case guard.Advance:
		if r.step == len(r.shares)-1 {
			done.Share, done.Outcome = 1, rule.Promoted
			return done
		}
		r.step, r.began = r.step+1, now
		done.Share = r.shares[r.step]
	case guard.Return:
		r.step, r.began = max(r.step-1, 0), now
		done.Share = r.shares[r.step]
	}
	return done
}
