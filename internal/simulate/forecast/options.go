package forecast

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// Goal is a number that a user may want to be less.
type Goal string

// The goals, in the order of their columns.
const (
	// Time is how long a healthy version takes until it is promoted.
	Time Goal = "time"
	// Hit1, Hit5 and Hit50 are how many requests a regression hits.
	Hit1  Goal = "hit1"
	Hit5  Goal = "hit5"
	Hit50 Goal = "hit50"
	// Alarms is how often a healthy version is rolled back, and Stops how often it waits for a person.
	Alarms Goal = "falseRollback"
	Stops  Goal = "stops"
)

// halfway is what halves a number.
const halfway = 0.5

// Goals are all of them.
var Goals = []Goal{Time, Hit1, Hit5, Hit50, Alarms, Stops}

// Of is the goal's number in a result: seconds, requests, or a share of rollouts.
func (g Goal) Of(r Result) float64 {
	switch g {
	case Time:
		return r.Healthy.PromotionSeconds.Mean
	case Alarms:
		return r.Healthy.RolledBack.Value
	case Stops:
		return r.Healthy.Paused.Value + r.Healthy.Open.Value
	}
	return r.Regressions[slices.Index(Goals, g)-1].Hit.Mean
}

// Option is a change that was tried.
type Option struct {
	Settings []Setting `json:"settings"`
	Result
	// Halves are the goals that it halves at least.
	Halves []Goal `json:"halves,omitempty"`
	change Change
}

// halves reports whether an option has at most half of what is now. It must promote healthy versions as often, or a rollout that never ends
// would count as one that hits nobody.
func (g Goal) halves(now, other Result) bool {
	const lost = 0.02
	if other.Healthy.Promoted.Value < now.Healthy.Promoted.Value-lost {
		return false
	}
	if g == Time && other.Healthy.Promoted.Count == 0 {
		return false
	}
	return g.Of(now) > 0 && g.Of(other) <= halfway*g.Of(now)
}

// Changed makes the policy with a change.
type Changed func(func(*v1alpha1.AnalysisSpec)) (config.Policy, field.ErrorList)

// rounds is how often changes are tried together: twice make three changes.
const rounds = 2

// Options tries changes, and those together that come closest to halve a goal which none halves by itself. A change that cannot be, or that
// changes nothing, is left out. They are in the order of the changes.
func (q Question) Options(now Result, changed Changed) []Option {
	tried := q.try(now, Changes(q.Policy, q.App), changed)
	for range rounds {
		tried = append(tried, q.try(now, together(now, tried), changed)...)
	}
	return tried
}

// together are the changes to try together next.
func together(now Result, tried []Option) []Change {
	var next []Change
	for _, goal := range Goals {
		if goal.Of(now) <= 0 || slices.ContainsFunc(tried, func(o Option) bool { return slices.Contains(o.Halves, goal) }) {
			continue
		}
		two, found := bestTwo(goal, now, tried)
		known := slices.ContainsFunc(next, two.same) || slices.ContainsFunc(tried, func(o Option) bool { return two.same(o.change) })
		if found && !known {
			next = append(next, two)
		}
	}
	return next
}

// bestTwo are the two changes that come closest to a goal and may be made together.
func bestTwo(goal Goal, now Result, tried []Option) (two Change, found bool) {
	better := slices.DeleteFunc(slices.Clone(tried), func(o Option) bool {
		return goal.Of(o.Result) >= goal.Of(now) || o.Healthy.Promoted.Value < now.Healthy.Promoted.Value
	})
	slices.SortStableFunc(better, func(a, b Option) int {
		switch x, y := goal.Of(a.Result), goal.Of(b.Result); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	for i, first := range better {
		for _, second := range better[i+1:] {
			if first.change.fits(second.change) {
				return first.change.Also(second.change), true
			}
		}
	}
	return Change{}, false
}

// try plays the policy with each change.
func (q Question) try(now Result, changes []Change, changed Changed) []Option {
	var options []Option
	var variants []variant
	for _, change := range changes {
		v := variant{q.Policy, q.App}
		if change.Apply != nil {
			policy, errs := changed(change.Apply)
			if len(errs) > 0 || Unplayable(policy) != "" {
				continue
			}
			v.policy = policy
		}
		if change.Scrape > 0 {
			v.app.Scrape = change.Scrape
		}
		options, variants = append(options, Option{Settings: change.Settings, change: change}), append(variants, v)
	}
	for i, result := range q.play(variants) {
		options[i].Result = result
		for _, goal := range Goals {
			if goal.halves(now, result) {
				options[i].Halves = append(options[i].Halves, goal)
			}
		}
	}
	return options
}
