package rollout

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
	"sluice.dev/sluice/rollout/strategy"
)

// Decide makes the plan of one tick. It is total: every state and every observation has a plan.
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

// goOn handles the first interrupt that happens, in the order of their list. If none happens, it continues the phase.
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

// begin starts a plan that changes nothing except what has been noticed.
func begin(f Facts) *tick {
	t := &tick{Facts: f}
	t.plan.Next = *f.before.DeepCopy()
	t.plan.Next.Queue, t.plan.Next.Blocked = nil, nil
	t.plan.Finalizer = f.o.Finalizer
	// First: everything below compares stamps with the clock.
	forgetFuture(t)
	// Before the interrupts: one of them is a hook that has just asked for a rollback.
	noticeAnswers(t)
	// Before the interrupts: one of them ends a rollout whose template was changed unseen. The event of that change is the
	// oldest.
	noticeTemplate(t)
	// After noticeTemplate: it looks at whether a promotion changes the primary.
	noticeAvailability(t)
	// Before the phase: the canary's requests depend on what it runs.
	noticeWritten(t)
	// Before the interrupts: one of them is a canary whose pods fail.
	noticePods(t)
	// After noticeWritten: a control is there only beside a canary.
	noticeControl(t)
	// Before noticeFreeze: a Freeze pauses only a rollout that no user has paused.
	noticePause(t)
	// Before any step: a frozen rollout takes none.
	noticeFreeze(t)
	// After noticePause and noticeFreeze: what they pause needs no place.
	noticePlace(t)
	// Before the phase: it looks at the steps that this member has passed.
	noticeGroup(t)
	// Last: events of what has happened come before those of requests that cannot be fulfilled.
	noticeRequests(t)
	return t
}

// finish adds to the plan what follows from the decision.
func finish(t *tick) plan.Plan {
	// First: everything else follows from how requests are shared, which is known only now.
	shareRequests(t)
	// After shareRequests: a control goes only when no route names it.
	planControl(t)
	// After shareRequests: noteCapacity records when the split last changed.
	noteCapacity(t)
	next := &t.plan.Next
	if next.Phase != t.before.Phase || next.CanaryWeight != t.before.CanaryWeight {
		next.LastTransitionTime = metav1.NewTime(t.o.Now)
	}
	// A split that is written must be removed before the Canary may go.
	if t.plan.Split.Action == plan.SplitWrite {
		t.plan.Finalizer = true
	}
	next.Candidate.ShortHash = workload.Short(next.Candidate.Hash)
	if t.o.Primary != nil && next.Phase != v1alpha1.PhaseOptedOut {
		showTarget(t)
		showSteps(t)
		showPolicy(t)
	}
	// After the split and the finalizer: they determine what the routes of a cohort must state.
	settlePlan(t)
	// After the phase: it may have reached a gate.
	keepPlace(t)
	// After the phase: a tick asks only one thing of admission, and the phase comes first.
	letNewerStraight(t)
	settleDirect(t)
	// After everything that changes the phase, message or policy: the conditions repeat them.
	setConditions(t)
	setCovered(t)
	// After everything that changes the state: a new revision is noted only if the state is written anyway.
	noteRevision(t)
	// Last: hooks get every event.
	tellHooks(t)
	return t.plan
}

// showTarget shows the target. A running rollout keeps the one that it began with while none can be found: the routes to
// clean up must be known until the end.
func showTarget(t *tick) {
	if t.problem == "" || !observed.Active(t.plan.Next) || t.plan.Next.Target == nil {
		t.plan.Next.Target = t.target.Status()
	}
}

// showSteps shows the planned steps while a candidate is judged or promoted.
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
	if next.Paused == nil && !t.guarded() {
		next.Plan.NextStepTime = stampOf(later(check, t.stepEnds()))
	}
}
