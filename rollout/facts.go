package rollout

import (
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/freeze"
	"sluice.dev/sluice/internal/workload"
)

// Facts are everything that one tick decides by. They are made once per tick and never written again: their methods have
// value receivers and no plan within reach, so that none of them can act.
type Facts struct {
	Terms
	// steps are those of the policy in force.
	steps []PlannedStep

	// o is what was observed; in a dry run, what would be.
	o Observation
	// splits are those that the routes carry.
	splits []routeSplit
	// before is the state that the tick goes on from.
	before State
	// target is what the rollout acts on, and problem says what is missing of it.
	target  Target
	problem string
	frozen  freeze.Verdict
	// autoscaler sets the primary's replicas; nil when nothing does.
	autoscaler *workload.Autoscaler
	dry        dryRun
}

// FactsOf makes the facts of a tick. Answers to their Needs are added afterwards.
func FactsOf(terms Terms, state State, o Observation) Facts {
	f := Facts{Terms: terms, before: continued(state, o), o: o, splits: o.splits()}
	if o.DryRun {
		f.dry, f.o = dryRunOf(state, o), simulated(state, o)
	}
	if f.canFreeze() {
		f.frozen = freeze.InForce(f.o.Freezes, freeze.Subject{Namespace: f.o.Namespace, Labels: f.o.Primary.Labels}, f.o.Now)
	}
	return f.discovered()
}

// discovered are these facts with everything that follows from the policy in force.
func (f Facts) discovered() Facts {
	f.steps = StrategyOf(f.policy).Steps(f.policy)
	if f.o.Primary == nil {
		return f
	}
	f.target, f.problem = f.discover()
	// An autoscaler that the policy names in vain is a problem that discover has found.
	f.autoscaler, _ = workload.AutoscalerOf(f.o.Primary, f.o.Autoscalers, f.o.ScaledObjects, f.policy.Autoscaler)
	return f
}

// ofNext are the facts of a rollout that begins in the tick in which another one ends: it takes the present policy.
func (f Facts) ofNext() Facts {
	if !f.kept {
		return f
	}
	f.Terms = Terms{policy: f.latest, latest: f.latest}
	return f.discovered()
}

// Answered are the facts with answers to their Needs: those of hooks, and samples with the moment when they were asked for.
func (f Facts) Answered(hooks []HookAnswer, samples []analysis.Sample, sampled time.Time) Facts {
	f.o.HookAnswers, f.o.Samples, f.o.Sampled = hooks, samples, sampled
	return f
}

// discover finds what the rollout acts on; a policy that cannot be used is a problem unless the rollout has its own.
func (f Facts) discover() (target Target, problem string) {
	target, problem = Discover(f.policy, f.o)
	if f.o.PolicyProblem != "" && !f.kept {
		problem = f.o.PolicyProblem
	}
	if problem == "" {
		problem = f.notReadyYet(target)
	}
	return target, problem
}

// continued is the state that a tick goes on from: what was simulated means nothing once dry run is switched off, and a
// phase without its rollout, or a rollout without its phase, is what a lost write leaves.
func continued(state State, o Observation) State {
	switch {
	case state.DryRun && !o.DryRun:
		return State{CanaryRecord: state.CanaryRecord}
	case !Active(state):
		state.Rollout = nil
	case state.Rollout == nil:
		state.Rollout = &v1alpha1.RolloutStatus{}
	}
	return state
}
