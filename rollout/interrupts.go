package rollout

import (
	"fmt"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/strategy"
)

// interrupt is a cause to act that takes precedence over the phase.
type interrupt struct {
	name    string
	happens func(tick) bool
	handle  func(*tick)
}

// interrupts are in the order of their priority.
var interrupts = []interrupt{
	{"deleted", tick.isDeleted, letGoOfCanary},
	{"opted out", tick.isOptedOut, optOut},
	{"changed unseen", tick.isChangedUnseen, cancelChangedUnseen},
	{"taken back", tick.isTakenBack, cancelTakenBack},
	{"aborted", tick.isAborted, endMarked},
	{"superseded", tick.isSuperseded, supersede},
	{"asked to reset", tick.isAskedToReset, resetInFlight},
	{"asked to abort", tick.isAskedToAbort, abortAsked},
	{"told to roll back", tick.isToldToRollBack, rollBackByHook},
	{"unwell", tick.isUnwell, rollBackUnwell},
	{"refused", tick.isRefused, rollBackRefused},
	{"group failed", tick.isGroupFailed, rollBackWithGroup},
}

func (f Facts) isDeleted() bool {
	return f.o.DeletedAt != nil || f.o.Primary == nil
}

// letGoOfCanary removes the split and releases the Canary once no gateway sends requests to the canary. The canary is
// deleted with the Canary, its owner.
func letGoOfCanary(t *tick) {
	withdrawSplit(t)
	t.plan.Next.CanaryWeight = 0
	if t.o.DeletedAt == nil {
		t.plan.DeleteCanary = true
		return
	}
	if !t.o.Finalizer {
		return
	}
	why := t.notCleared()
	if why != "" && waitForCleanUp(t, t.gatewayLimit()) {
		say(t, "The Canary is being deleted: "+why+t.untilGivenUp())
		return
	}
	if why != "" {
		tellGivenUp(t, why)
	}
	t.plan.Finalizer = false
}

func (f Facts) isOptedOut() bool {
	return !f.o.OptedIn()
}

func optOut(t *tick) {
	if !t.hasTraces() && !observed.Active(t.before) {
		restOptedOut(t)
		return
	}
	if t.plan.Next.Candidate.Outcome == "" || !observed.Active(t.before) {
		decideOutcome(t, v1alpha1.OutcomeCancelled, "opted out by "+t.optedOut().By)
	}
	finalise(t)
}

func (t tick) isTakenBack() bool {
	return t.undecided() && t.o.Candidate == nil
}

func cancelTakenBack(t *tick) {
	decideOutcome(t, v1alpha1.OutcomeCancelled, t.whyTakenBack())
	finalise(t)
}

func (t tick) isAborted() bool {
	return t.undecided() && t.o.Candidate.Mark != ""
}

func endMarked(t *tick) {
	if t.o.Candidate.Mark == workload.MarkAborted {
		rollBackAs(t, v1alpha1.OutcomeAborted, "aborted by "+t.o.Candidate.MarkedBy)
		return
	}
	rollBack(t, "the candidate is marked as failed")
}

func (t tick) isSuperseded() bool {
	return t.undecided() && !observed.Describes(t.plan.Next, t.o.Candidate)
}

func supersede(t *tick) {
	candidate := t.o.Candidate
	emit(t, events.Superseded(t.plan.Next.Candidate.Hash, candidate.Hash, candidate.By, !strategy.WithoutTraffic(t.policy)))
	why := fmt.Sprintf("template %s from %s replaces it", workload.Short(candidate.Hash), candidate.By)
	if candidate.Hash == t.plan.Next.Candidate.Hash {
		why = candidate.By + " requested it again"
	}
	countSupersede(t)
	decideOutcome(t, v1alpha1.OutcomeSuperseded, why)
	finalise(t)
}

// isRefused reports whether the API server refuses the canary as invalid. Trying again does not change that.
func (t tick) isRefused() bool {
	return t.undecided() && t.o.CanaryRefused != ""
}

func rollBackRefused(t *tick) {
	rollBack(t, "the API server refuses the canary: "+t.o.CanaryRefused)
}

func (t tick) isAskedToAbort() bool {
	return t.undecided() && t.asksAbort()
}

func abortAsked(t *tick) {
	abort := t.o.Spec.Abort
	rollBackAs(t, v1alpha1.OutcomeAborted, "aborted by "+events.Who(abort.By, abort.Reason))
}

// rollBackWithGroup rolls back because another member was rolled back, even if the primary already runs the candidate.
func rollBackWithGroup(t *tick) {
	why := t.groupFailure()
	t.plan.Next.Candidate.GroupFailure = why.Group
	if !t.o.Promoted(t.plan.Next) {
		rollBack(t, why.Text)
		return
	}
	beginRestore(t, why.Text)
}
