package rollout

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
	"sluice.dev/sluice/rollout/strategy"
)

// Decide makes the plan of one tick. It is total: any state and any observation have a plan.
func Decide(f Facts) plan.Plan {
	if f.o.DryRun {
		return decideDry(f)
	}
	return decide(f)
}

func decide(f Facts) plan.Plan {
	t := begin(f)
	goOn(t)
	if t.vacant {
		t = &tick{Facts: f.ofNext(), plan: t.plan, wanted: t.wanted}
		nextCandidate(t)
	}
	return finish(t)
}

// goOn handles the first interrupt that happens, in the order of their list; when none does, the phase goes on.
func goOn(t *tick) {
	for _, interrupt := range interrupts {
		if interrupt.happens(*t) {
			interrupt.handle(t)
			return
		}
	}
	switch t.before.Phase {
	case v1alpha1.PhaseProgressing, v1alpha1.PhaseWaitingPromotion:
		progress(t)
	case v1alpha1.PhasePromoting:
		promote(t)
	case v1alpha1.PhaseFinalising:
		finalise(t)
	default:
		idle(t)
	}
}

// begin is the plan in which nothing changes but what was noticed.
func begin(f Facts) *tick {
	t := &tick{Facts: f}
	t.plan.Next = *f.before.DeepCopy()
	t.plan.Next.Queue, t.plan.Next.Blocked = nil, nil
	t.plan.Finalizer = f.o.Finalizer
	// First of all: everything below and after compares stamps with the clock.
	forgetFuture(t)
	// Before the interrupts, one of which is a hook that has just asked for a rollback.
	noticeAnswers(t)
	// Before the interrupts too: one of them ends the rollout of a template that was changed unseen. Its event is the oldest.
	noticeTemplate(t)
	// Before noticeFreeze, which pauses a rollout only where its user has not.
	noticePause(t)
	// Before any step: what is frozen takes none.
	noticeFreeze(t)
	// Before the phase, which looks at what this member has passed.
	noticeGroup(t)
	// Last: what was asked for and cannot be is told after what has happened by itself.
	noticeRequests(t)
	return t
}

// finish completes the plan with what follows from the decision.
func finish(t *tick) plan.Plan {
	// First: only now is it known how requests are shared, and the rest follows from it.
	shareRequests(t)
	// After shareRequests: it remembers when the split last changed.
	noteCapacity(t)
	next := &t.plan.Next
	if next.Phase != t.before.Phase || next.CanaryWeight != t.before.CanaryWeight {
		next.LastTransitionTime = metav1.NewTime(t.o.Now)
	}
	// What is written has to be taken back before the Canary may go.
	if t.plan.Split.Action == plan.SplitWrite {
		t.plan.Finalizer = true
	}
	if t.o.Primary != nil {
		showTarget(t)
		showSteps(t)
		showPolicy(t)
	}
	// After the split and the finalizer, which say what the routes of a cohort have to know.
	settlePlan(t)
	// After the phase: nothing else may be asked of admission in the same tick.
	settleDirect(t)
	// After everything that changes phase, message or policy, which the conditions repeat.
	setConditions(t)
	// After everything that changes the state: a revision is noted only where the state is written anyway.
	noteRevision(t)
	// Last: hooks hear of every event.
	tellHooks(t)
	return t.plan
}

// showTarget keeps what a running rollout found when it began: the routes to clean up must be known to the end.
func showTarget(t *tick) {
	if t.problem == "" || !observed.Active(t.plan.Next) || t.plan.Next.Target == nil {
		t.plan.Next.Target = t.target.Status()
	}
}

// showSteps tells what is planned while a candidate is being judged or promoted.
func showSteps(t *tick) {
	next := &t.plan.Next
	next.Plan = v1alpha1.PlanStatus{}
	if !observed.Active(*next) || next.Phase == v1alpha1.PhaseFinalising {
		return
	}
	next.Plan = v1alpha1.PlanStatus{Strategy: strategy.Of(t.policy).Name, Steps: t.steps, FailureThreshold: t.policy.Threshold}
	if !observed.Judging(*next) || next.Rollout.Step.InEffect == nil {
		return
	}
	check := t.nextCheck()
	if t.judges() {
		next.Plan.NextCheckTime = stampOf(check)
	}
	if next.Paused == nil {
		next.Plan.NextStepTime = stampOf(later(check, t.stepEnds()))
	}
}
