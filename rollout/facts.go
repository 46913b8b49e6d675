package rollout

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis/counters"
	"sluice.dev/sluice/internal/freeze"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/strategy"
	"sluice.dev/sluice/rollout/target"
)

// Facts are everything that one tick decides by. They are made once per tick and never written again. Their methods have
// value receivers and no plan within reach, so none of them can act.
type Facts struct {
	Terms
	// steps are those of the policy in force.
	steps []strategy.Step

	// o is what was observed; in a dry run, what would be observed.
	o observed.World
	// splits are those that the routes carry.
	splits []observed.Split
	// before is the state that the tick continues from, and polled is what its last poll of counters has left.
	before observed.State
	polled counters.State
	// target is what the rollout acts on, and problem says what it lacks.
	target  target.Target
	problem string
	// early is how long the problem may still be only that a gateway has not seen a new route yet; 0 when it is not.
	early  time.Duration
	frozen freeze.Verdict
	// autoscaler sets the primary's replicas; nil when nothing does.
	autoscaler *workload.Autoscaler
	dry        dryRun
}

// FactsOf makes the facts of a tick. The answers to their Needs are added afterwards.
func FactsOf(terms Terms, state observed.State, o observed.World) Facts {
	o = o.Served()
	f := Facts{Terms: terms, before: continued(state, o), o: o, splits: o.Splits()}
	f.polled = polledIn(f.before)
	if o.DryRun {
		f.dry, f.o = dryRunOf(state, o), simulated(state, o)
	}
	if f.canFreeze() {
		f.frozen = freeze.InForce(f.o.Freezes, freeze.Subject{Namespace: f.o.Namespace, Labels: f.o.Primary.Labels}, f.o.Now)
	}
	return f.discovered()
}

// discovered returns these facts with everything that follows from the policy in force.
func (f Facts) discovered() Facts {
	f.policy = guarding(f.policy, f.before)
	f.steps = strategy.Of(f.policy).Steps(f.policy)
	if f.o.Primary == nil {
		return f
	}
	f.target, f.problem, f.early = f.discover()
	if f.takesAll() {
		f.steps = strategy.AllAtOnce(f.policy)
	}
	// If the autoscaler that the policy names does not exist, discover has found that problem.
	f.autoscaler, _ = workload.AutoscalerOf(f.o.Primary, f.o.Autoscalers, f.o.ScaledObjects, f.policy.Autoscaler)
	return f
}

// takesAll reports whether the canary gets all requests as soon as it is ready: the primary cannot answer any, because its
// Service was changed together with the template. A share of the requests would leave the rest without an answer.
func (f Facts) takesAll() bool {
	return f.target.Unreachable && f.o.InFlight() != nil && !strategy.WithoutTraffic(f.policy)
}

// ofNext returns the facts of a rollout that starts in the tick in which another one ends. It follows the present policy.
func (f Facts) ofNext() Facts {
	if !f.kept {
		return f
	}
	f.Terms = Terms{policy: f.latest, latest: f.latest}
	return f.discovered()
}

// Answered returns the facts with the answers to their Needs.
func (f Facts) Answered(a observed.Answers) Facts {
	f.o.HookAnswers, f.o.Samples, f.o.Sampled, f.o.Counters, f.o.History = a.Hooks, a.Samples, a.Sampled, a.Counters, a.History
	return f
}

// discover finds what the rollout acts on. A policy that cannot be used is a problem unless the rollout keeps its own.
func (f Facts) discover() (found target.Target, problem string, early time.Duration) {
	found, problem = target.Discover(f.policy, f.o)
	if f.o.PolicyProblem != "" && !f.kept {
		found.Block, problem = "", f.o.PolicyProblem
	}
	if problem != "" || observed.Active(f.before) {
		return found, problem, 0
	}
	if problem, early = f.notReadyYet(found); problem != "" {
		return found, problem, early
	}
	if problem = found.Apart(f.policy, f.o); problem != "" {
		found.Block = v1alpha1.BlockedGroup
	}
	return found, problem, 0
}

// canFreeze reports whether there is anything for a Freeze to hold.
func (f Facts) canFreeze() bool {
	return f.o.OptedIn() && (observed.Active(f.before) || f.o.InFlight() != nil)
}

// notReadyYet says what keeps the Deployment from being initialized, or the next rollout from starting, but does not hold a
// rollout that is open; empty when nothing does.
func (f Facts) notReadyYet(found target.Target) (why string, early time.Duration) {
	if refused := f.refused(); refused != "" {
		return refused, 0
	}
	if why := found.OwnCanary(f.o); why != "" {
		return why, 0
	}
	for _, r := range found.Routes {
		if parent := route.Unreported(r); parent != "" {
			if early := f.seenEarly(r); early > 0 {
				return fmt.Sprintf("%s: waiting for %s to report on the route", r.Key().From(f.o.Namespace), parent), early
			}
			return fmt.Sprintf("%s: %s has never reported on the route, so no rollout can start: check that its controller is running and that a "+
				"listener allows the route, or remove it from spec.parentRefs", r.Key().From(f.o.Namespace), parent), 0
		}
	}
	if phase := f.before.Phase; phase != "" && phase != v1alpha1.PhaseInitializing {
		return "", 0
	}
	for _, r := range found.Routes {
		if ok, why := route.InEffect(r); !ok && target.IsGenerated(f.o, r) {
			return fmt.Sprintf("%s was created but is not in effect yet: %s", r.Key().From(f.o.Namespace), why), 0
		}
	}
	return "", 0
}

// reportsMayTake is how long a gateway may take to report on a new route before anybody is told that it has not.
const reportsMayTake = 10 * time.Second

// seenEarly returns how long a gateway may still take to report on a route; 0 for a route that is not new. That time passes while
// Sluice is away, too.
func (f Facts) seenEarly(r route.Route) time.Duration {
	return min(max(r.CreationTimestamp.Add(reportsMayTake).Sub(f.o.Now), 0), reportsMayTake)
}

// refused says why the API server refuses an object that the policy asks for; empty when it refuses none.
func (f Facts) refused() string {
	for _, made := range slices.SortedFunc(maps.Keys(f.o.Applied), func(a, b observed.GeneratedKey) int { return strings.Compare(a.String(), b.String()) }) {
		if refused := f.o.Applied[made].Refused; refused != "" {
			return refused
		}
	}
	return ""
}
