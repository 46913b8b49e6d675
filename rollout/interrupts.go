package rollout

import (
	"fmt"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
)

// interrupt is something that takes precedence over what the phase would do.
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
	{"group failed", tick.isGroupFailed, rollBackWithGroup},
}

// CleanUpLimit is how long the deletion of a Canary waits for a gateway that reports nothing: long enough for a restart
// of its controller, short enough that a namespace can always be deleted.
const CleanUpLimit = time.Minute

func (f Facts) isDeleted() bool {
	return f.o.DeletedAt != nil || f.o.Primary == nil
}

// letGoOfCanary takes the split out and lets go of the Canary once no gateway sends to the copy any more; the copy goes with
// the Canary, its owner.
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
	if why != "" && t.o.Now.Sub(*t.o.DeletedAt) < CleanUpLimit {
		say(t, "The Canary is being deleted: "+why)
		wakeIn(t, time.Second)
		return
	}
	t.plan.Finalizer = false
}

func (f Facts) isOptedOut() bool {
	return !f.o.optedIn()
}

func optOut(t *tick) {
	if !t.hasTraces() && !Active(t.before) {
		t.plan.Finalizer = false
		t.plan.DeleteCanary = true
		return
	}
	if t.plan.Next.Candidate.Outcome == "" || !Active(t.before) {
		decideOutcome(t, v1alpha1.OutcomeCancelled, "the Deployment is no longer opted in")
	}
	finalise(t)
}

// undecided reports whether the candidate is still being judged: the outcome is open and the primary has not changed.
func (t tick) undecided() bool {
	next := t.plan.Next
	return Active(next) && next.Candidate.Outcome == "" && !next.Rollout.Promotion.Restoring && !t.o.promoted(next.Candidate.Hash)
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
	next := t.plan.Next
	return t.undecided() && (t.o.Candidate.Hash != next.Candidate.Hash || t.o.Candidate.Attempt != next.Candidate.Attempt)
}

func supersede(t *tick) {
	candidate := t.o.Candidate
	emit(t, superseded(t.plan.Next.Candidate.Hash, candidate.Hash, candidate.By, !withoutTraffic(t.policy)))
	decideOutcome(t, v1alpha1.OutcomeSuperseded, fmt.Sprintf("template %s from %s replaces it", candidate.Hash, candidate.By))
	finalise(t)
}

func (t tick) isAskedToAbort() bool {
	return t.undecided() && t.asksAbort()
}

func abortAsked(t *tick) {
	abort := t.o.Spec.Abort
	rollBackAs(t, v1alpha1.OutcomeAborted, "aborted by "+whoAndWhy(abort.By, abort.Reason))
}

// decideOutcome ends the judging; what remains is to clean up, also where the state knows of no rollout.
func decideOutcome(t *tick, outcome v1alpha1.Outcome, reason string) {
	next := &t.plan.Next
	if next.Rollout == nil {
		next.Rollout = &v1alpha1.RolloutStatus{}
	}
	next.Phase = v1alpha1.PhaseFinalising
	next.Candidate.Outcome = outcome
	next.Candidate.Reason = reason
	if outcome != v1alpha1.OutcomeFailed {
		next.Candidate.GroupFailure = nil
	}
	next.CanaryWeight = 0
	next.Rollout.Cleared, next.Rollout.WaitingSince = nil, t.stamp()
}

// rollBack decides that the candidate failed and begins at once to take its traffic away.
func rollBack(t *tick, reason string) {
	rollBackAs(t, v1alpha1.OutcomeFailed, reason)
}

func rollBackAs(t *tick, outcome v1alpha1.Outcome, reason string) {
	emit(t, rollingBack(t.plan.Next.Candidate.Hash, reason))
	decideOutcome(t, outcome, reason)
	finalise(t)
}
