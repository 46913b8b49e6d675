package rollout

import (
	"strconv"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/analysis/guard"
	"sluice.dev/sluice/internal/analysis/polls"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/strategy"
)

// guarding is the policy in force with what a rollout has found at its start: whether the guard can judge it, and at which weight it
// begins. If the guard cannot, the built-in steps and checks are there instead of it.
func guarding(policy config.Policy, state observed.State) config.Policy {
	known := state.Open().Guard
	if known == nil || !observed.Active(state) {
		return policy
	}
	switch ladder := policy.Guard.Ladder; {
	case known.Off != "":
		policy.Guard.Enabled, policy.Guard.Alone, policy.Guard.Ladder = false, false, false
		if ladder {
			policy.StepWeights = nil
		}
	case ladder && len(known.Ladder) > 0:
		policy.StepWeights = known.Ladder
	}
	return policy
}

// guarded reports whether the guard judges the rollout.
func (f Facts) guarded() bool { return f.policy.Guard.Enabled }

// GuardSettings are what a policy says to the guard, for a step that lasts some time. Steps of the user's last as long as they say.
func GuardSettings(g config.Guard, lasts time.Duration) guard.Settings {
	settings := guard.DefaultSettings()
	settings.SLO, settings.Alpha, settings.Rho, settings.Latency, settings.Early = g.SLOErrorRate, g.Alpha, g.Rho, g.Latency, g.EarlyAdvance
	settings.OnInconclusive, settings.OnSuspicious = guard.Then(g.OnInconclusive), guard.Then(g.OnSuspicious)
	settings.MinDwell, settings.MaxDwell = g.MinDwell, g.MaxDwell
	if g.Ladder {
		return settings
	}
	return settings.Lasting(lasts)
}

// LimitedSettings are GuardSettings with the policy's limit for latencies, if it has one.
func LimitedSettings(policy config.Policy, lasts time.Duration) guard.Settings {
	settings := GuardSettings(policy.Guard, lasts)
	if seconds, tested := analysis.GuardLimit(policy); tested {
		settings.Limit = &guard.Limit{Quantile: latencyQuantile, Seconds: seconds}
	}
	return settings
}

// guardSettings are what the policy in force says to the guard, with its limits.
func (f Facts) guardSettings(lasts time.Duration) guard.Settings {
	settings := LimitedSettings(f.policy, lasts)
	settings.Pairs = f.pairSettings()
	return settings
}

// latencyQuantile is that of request-duration.
const latencyQuantile = 0.99

// arms says how requests reach the canary in a step.
func (f Facts) arms(step strategy.Step) guard.Arms {
	return guard.Traffic{
		None: strategy.WithoutTraffic(f.policy), Work: analysis.CountsWork(f.policy), Weight: step.Weight, Match: step.Match,
		Sticky: f.policy.SessionAffinity != nil, Mirror: step.MirrorWeight > 0,
	}.Arms()
}

// rawCounters is how the answers of this tick are read.
func (f Facts) rawCounters() analysis.Raw {
	raw, _ := f.target.Counters(f.policy, f.o)
	return raw
}

// plannedArms are the arms of all steps.
func (f Facts) plannedArms() []guard.Arms {
	arms := make([]guard.Arms, len(f.steps))
	for i, step := range f.steps {
		arms[i] = f.arms(step)
	}
	return arms
}

// evidence is the state of the tests. One that is lost or cannot be read starts over; lost says so.
func (t tick) evidence() (state guard.State, lost bool) {
	known := t.plan.Next.Open().Guard
	if known != nil && known.Evidence != "" && state.UnmarshalText([]byte(known.Evidence)) == nil {
		return state, false
	}
	times := 1
	if known != nil {
		times += int(known.Restarts)
	}
	return guard.Restart(t.guardSettings(t.step().Duration.Duration), t.plannedArms(), guard.History{}, times), true
}

// keepEvidence writes the state of the tests down. It always can be.
func keepEvidence(into *v1alpha1.GuardStatus, state guard.State) {
	if text, err := state.MarshalText(); err == nil {
		into.Evidence = string(text)
	}
}

// ensureGuard returns what the guard knows of the rollout.
func ensureGuard(t *tick) *v1alpha1.GuardStatus {
	open := t.plan.Next.Rollout
	if open.Guard == nil {
		open.Guard = &v1alpha1.GuardStatus{}
	}
	return open.Guard
}

// expectationOf says how long a healthy version takes; empty without knowledge of the traffic.
func (f Facts) expectationOf(before polls.Before, weights []float64) string {
	if before.Rate <= 0 || len(weights) == 0 {
		return ""
	}
	settings := f.guardSettings(f.policy.Interval)
	return guard.Expect(settings, weights, before.Rate, before.Errors, before.History).String()
}

// mostHarm is the largest evidence that is shown. Beyond, it says no more.
const mostHarm = 1e12

// digits rounds a number to three digits, so that the status says no more than it knows.
func digits(value float64) float64 {
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(min(value, mostHarm), 'g', 3, 64), 64)
	return rounded
}
