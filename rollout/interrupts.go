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
	happens func(*tick) bool
	handle  func(*tick)
}

// interrupts are in the order of their priority.
var interrupts = []interrupt{
	{"deleted", (*tick).isDeleted, deleted},
	{"opted out", (*tick).isOptedOut, optedOut},
	{"changed unseen", (*tick).isChangedUnseen, changedUnseen},
	{"taken back", (*tick).isTakenBack, takenBack},
	{"aborted", (*tick).isAborted, aborted},
	{"superseded", (*tick).isSuperseded, supersededBy},
	{"asked to reset", (*tick).isAskedToReset, resetInFlight},
	{"asked to abort", (*tick).isAskedToAbort, abortedByRequest},
	{"told to roll back", (*tick).isToldToRollBack, rolledBackByHook},
	{"group failed", (*tick).isGroupFailed, rollBackWithGroup},
}

// CleanUpLimit is how long the end of a Canary waits for a gateway that reports nothing: long enough for a restart
// of its controller, short enough that a namespace can always be deleted.
const CleanUpLimit = time.Minute

func (t *tick) isDeleted() bool {
	return t.o.DeletedAt != nil || t.o.Primary == nil
}

// deleted takes the split out and lets go of the Canary once no gateway sends to the copy any more; the copy goes with
// the Canary, its owner.
func deleted(t *tick) {
	t.plan.Split = SplitIntent{Action: SplitRemove}
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
		t.say("being deleted: " + why)
		t.wakeIn(time.Second)
		return
	}
	t.plan.Finalizer = false
}

func (t *tick) isOptedOut() bool {
	return !t.o.optedIn()
}

func optedOut(t *tick) {
	if !t.anythingLeft() && !Active(t.before) {
		t.plan.Finalizer = false
		t.plan.DeleteCanary = true
		return
	}
	if t.plan.Next.Outcome == "" || !Active(t.before) {
		t.decideOutcome(v1alpha1.OutcomeCancelled, "the Deployment is no longer opted in")
	}
	finalising(t)
}

// undecided reports whether the candidate is still being judged: the outcome is open and the primary has not changed.
func (t *tick) undecided() bool {
	next := t.plan.Next
	return Active(next) && next.Outcome == "" && !next.Restoring && !t.o.promoted(next.Candidate)
}

func (t *tick) isTakenBack() bool {
	return t.undecided() && t.o.Candidate == nil
}

func takenBack(t *tick) {
	t.decideOutcome(v1alpha1.OutcomeCancelled, t.whyTakenBack())
	finalising(t)
}

func (t *tick) isAborted() bool {
	return t.undecided() && t.o.Candidate.Mark != ""
}

func aborted(t *tick) {
	if t.o.Candidate.Mark == workload.MarkAborted {
		t.rollBackAs(v1alpha1.OutcomeAborted, "aborted by "+t.o.Candidate.MarkedBy)
		return
	}
	t.rollBack("the candidate is marked as failed")
}

func (t *tick) isSuperseded() bool {
	next := t.plan.Next
	return t.undecided() && (t.o.Candidate.Hash != next.Candidate || t.o.Candidate.Attempt != next.Attempt)
}

func supersededBy(t *tick) {
	candidate := t.o.Candidate
	t.event(superseded(t.plan.Next.Candidate, candidate.Hash, candidate.By, !withoutTraffic(t.policy)))
	t.decideOutcome(v1alpha1.OutcomeSuperseded, fmt.Sprintf("template %s from %s replaces it", candidate.Hash, candidate.By))
	finalising(t)
}

func (t *tick) isAskedToAbort() bool {
	return t.undecided() && t.asksAbort()
}

func abortedByRequest(t *tick) {
	abort := t.o.Spec.Abort
	t.rollBackAs(v1alpha1.OutcomeAborted, "aborted by "+whoAndWhy(abort.By, abort.Reason))
}

// decideOutcome ends the judging; what remains is to clean up.
func (t *tick) decideOutcome(outcome v1alpha1.Outcome, reason string) {
	next := &t.plan.Next
	next.Phase = v1alpha1.PhaseFinalising
	next.Outcome = outcome
	next.Reason = reason
	next.CanaryWeight = 0
	next.StepStarted = nil
	next.WaitingSince = t.stamp()
}

// rollBack decides that the candidate failed and begins at once to take its traffic away.
func (t *tick) rollBack(reason string) {
	t.rollBackAs(v1alpha1.OutcomeFailed, reason)
}

func (t *tick) rollBackAs(outcome v1alpha1.Outcome, reason string) {
	t.event(rollingBack(t.plan.Next.Candidate, reason))
	t.decideOutcome(outcome, reason)
	finalising(t)
}
