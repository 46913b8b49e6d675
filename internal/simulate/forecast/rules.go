package forecast

import (
	"fmt"
	"math"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/analysis/guard"
	"sluice.dev/sluice/internal/simulate/guarded"
	"sluice.dev/sluice/internal/simulate/rule"
	"sluice.dev/sluice/internal/simulate/traffic"
	"sluice.dev/sluice/rollout"
	"sluice.dev/sluice/rollout/strategy"
)

// StepsOf returns the steps of a rollout of this policy, as the controller plans them for so many requests a second.
func StepsOf(policy config.Policy, rate float64) []strategy.Step {
	if policy.Guard.Enabled && policy.Guard.Ladder {
		policy.StepWeights = guard.Ladder(rate)
	}
	return strategy.Of(policy).Steps(policy)
}

// Unplayable says why rollouts of a policy cannot be simulated; empty if they can.
func Unplayable(policy config.Policy) string {
	if policy.SkipAnalysis {
		return "skipAnalysis: true promotes a candidate without steps, and nothing judges it"
	}
	if of := strategy.Of(policy); of.Name != "canary" && of.Name != "canary with testers" {
		return fmt.Sprintf("the strategy %q cannot be simulated: only steps with weights can", of.Name)
	}
	for _, step := range StepsOf(policy, 0) {
		if step.MirrorWeight > 0 || step.Weight <= 0 {
			return "steps with mirrored requests or without any cannot be simulated: only weights above 0 can"
		}
	}
	return ""
}

// settingsOf are what a policy says to the guard. Steps of the user's have their own durations, which the rule knows.
func settingsOf(policy config.Policy) guard.Settings {
	policy.Guard.Ladder = true
	return rollout.LimitedSettings(policy, 0)
}

// ruleOf is what decides rollouts of a policy.
func ruleOf(policy config.Policy, app App) rule.Rule {
	checks := checksOf(policy, app)
	if !policy.Guard.Enabled {
		return checks
	}
	by := guarded.Rule{Label: "guard", Settings: settingsOf(policy), Shares: checks.Shares, History: &app.Before.History,
		Traffic: guard.Traffic{Match: len(policy.Match) > 0, Sticky: policy.SessionAffinity != nil}}
	if !policy.Guard.Ladder {
		for _, lasts := range checks.Durations {
			by.Durations = append(by.Durations, time.Duration(lasts)*time.Second)
		}
	}
	if checks.Least <= 0 && checks.Limit <= 0 {
		return by
	}
	checks.Shares, checks.Durations, checks.Deadline = []float64{1}, []traffic.Seconds{math.MaxInt32}, math.MaxInt32
	return both{by, checks}
}

// checksOf are the built-in checks of a policy. Queries of its own are not simulated.
func checksOf(policy config.Policy, app App) rule.Checks {
	checks := rule.Checks{Interval: seconds(policy.Interval), Threshold: int(policy.Threshold), Requests: int64(policy.MinRequests), Deadline: seconds(policy.ProgressDeadline)}
	for _, step := range StepsOf(policy, app.Before.Rate) {
		checks.Shares = append(checks.Shares, step.Weight/config.FullWeight)
		checks.Durations = append(checks.Durations, seconds(step.Duration.Duration))
	}
	for _, check := range analysis.ChecksOf(policy) {
		switch {
		case check.Judgement != v1alpha1.MetricJudgement{}:
		case check.Metric == analysis.SuccessRate && check.Min != nil:
			checks.Least = *check.Min
		case check.Metric == analysis.Duration && check.Max != nil:
			checks.Limit = *check.Max / 1000
		}
	}
	return checks
}

func seconds(d time.Duration) traffic.Seconds { return max(1, int64(d/time.Second)) }

// both are the guard and checks beside it, of which either rolls back. The guard alone ends steps.
type both struct {
	guarded.Rule
	checks rule.Checks
}

// Begin starts both.
func (b both) Begin(before rule.Before) rule.Run {
	return &bothRun{b.Rule.Begin(before), b.checks.Begin(before)}
}

type bothRun struct{ guard, checks rule.Run }

// Next is the guard's decision, unless the checks have failed too often.
func (r *bothRun) Next(view traffic.View) rule.Decision {
	decision, checked := r.guard.Next(view), r.checks.Next(view)
	if decision.Outcome == rule.Open && checked.Outcome == rule.RolledBack {
		decision.Share, decision.Outcome, decision.Why = 0, rule.RolledBack, checked.Why
	}
	return decision
}
