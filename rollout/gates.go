package rollout

import (
	"fmt"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
)

// waitAtGate waits for the hooks of a gate. That costs nothing of the progress deadline.
func waitAtGate(t *tick, gate v1alpha1.HookType, why string) {
	stopAt(t, gate)
	t.plan.Next.Rollout.WaitingSince = nil
	say(t, why)
}

// stopAt remembers the gate, whose hooks are asked from the next tick on, and wakes for them.
func stopAt(t *tick, gate v1alpha1.HookType) {
	next := &t.plan.Next
	next.Gate = &v1alpha1.GateStatus{Type: gate, Since: *t.stamp()}
	if before := t.before.Gate; before != nil && before.Type == gate && next.Open().Step.Number == t.before.Open().Step.Number && next.Candidate.Hash == t.before.Candidate.Hash {
		next.Gate.Since = before.Since
	} else {
		emit(t, gateReached(gate, hooksOf(t.policy, gate)))
		wakeIn(t, time.Millisecond)
	}
	wakeForHooks(t, gate, t.policy.Interval)
	wakeForHooks(t, v1alpha1.HookRollback, t.policy.CheckPeriod())
}

// closedBy says which hook of a gate has not said yes at this step; empty when the gate is open.
func (t tick) closedBy(gate v1alpha1.HookType) string {
	return t.closedIn(t.plan.Next, gate)
}

func (f Facts) closedIn(state State, gate v1alpha1.HookType) string {
	for _, hook := range hooksOf(f.policy, gate) {
		switch answer := answerOf(state, hook); {
		case isGone(hook) && (answer == nil || !answer.Yes):
			return saysGone(hook)
		case answer == nil:
			return fmt.Sprintf("Waiting for hook %s (%s) to answer", hook.Name, gate)
		case !answer.Yes:
			return fmt.Sprintf("Waiting for hook %s (%s) to approve; it has said no since %s: %s",
				hook.Name, gate, answer.Since.UTC().Format(time.RFC3339), answer.Message)
		}
	}
	return ""
}

// runTests has hooks test the canary before its first requests, and returns whether all say yes: each no is a failed check.
// They are first asked after the settle time, since nodes refuse connections to a Service whose endpoints they have not seen
// yet.
func runTests(t *tick) (passed bool) {
	next := &t.plan.Next
	countNos(t, v1alpha1.HookPreRollout)
	why := t.closedBy(v1alpha1.HookPreRollout)
	if why == "" {
		return true
	}
	if next.FailedChecks >= t.policy.Threshold {
		rollBack(t, fmt.Sprintf("%d failed checks: %s", next.FailedChecks, t.hooksFailing(v1alpha1.HookPreRollout)))
		return false
	}
	if left := next.Rollout.Canary.Ready.Add(analysis.Settle).Sub(t.o.Now); left > 0 {
		waitFor(t, "The canary is ready; its tests start once every node knows its Service")
		wakeIn(t, left)
		return false
	}
	stopAt(t, v1alpha1.HookPreRollout)
	waitForHooks(t, v1alpha1.HookPreRollout, why)
	return false
}

// asWaiting is the state of the candidate in flight while it has not begun.
func (t tick) asWaiting() State {
	if t.knownAsWaiting() {
		return t.plan.Next
	}
	return t.about(v1alpha1.PhaseWaiting)
}

// knownAsWaiting reports whether the state is about the candidate in flight, which has not begun. The same template that was
// asked for again is another candidate, with another place in the queue.
func (t tick) knownAsWaiting() bool {
	next, candidate := t.plan.Next, t.o.Candidate
	if next.Phase != v1alpha1.PhaseWaiting || next.Candidate.Hash != candidate.Hash || next.Candidate.Attempt != candidate.Attempt {
		return false
	}
	return next.Candidate.Requested == nil || next.Candidate.Requested.At == nil || next.Candidate.Requested.At.Unix() == candidate.At.Unix()
}

// waitForConfirmation waits for a hook to confirm the promotion; checks go on meanwhile.
func waitForConfirmation(t *tick, why string) {
	waitAtGate(t, v1alpha1.HookConfirmPromotion, why)
	t.plan.Next.Phase = v1alpha1.PhaseWaitingPromotion
	wakeForChecks(t)
}

// rejection says why a candidate that has not begun is given up: a hook asks to roll it back, or a member of its group was
// rolled back since it was asked for. Whoever asks for it once more wants it without the others.
func (t tick) rejection() reason {
	if hook := t.rollbackHook(); hook != "" {
		return reason{text: fmt.Sprintf("hook %s requested a rollback", hook)}
	}
	if t.o.Candidate.Attempt > 0 {
		return reason{}
	}
	return t.groupFailureSince(t.o.Candidate.At)
}

// isRejected reports whether the candidate that has not begun is given up, or was and the primary does not say so yet.
func (t tick) isRejected() bool {
	next, candidate := t.plan.Next, t.o.Candidate
	if t.knownAsWaiting() {
		return t.rejection().text != ""
	}
	return next.Phase == v1alpha1.PhaseFailed && next.Candidate.Outcome == v1alpha1.OutcomeFailed && next.Candidate.Hash == candidate.Hash &&
		next.Candidate.Attempt == candidate.Attempt && next.Candidate.Requested != nil && next.Candidate.Requested.At != nil &&
		next.Candidate.Requested.At.Unix() == candidate.At.Unix()
}

// rejectHeld ends the rollout of a candidate before it has begun.
func rejectHeld(t *tick) {
	next, candidate := &t.plan.Next, t.o.Candidate
	t.plan.Ask = AskIntent{Key: config.AnnotationFail, Hash: candidate.Hash}
	if next.Phase == v1alpha1.PhaseFailed {
		return
	}
	why := t.rejection()
	*next = t.about(v1alpha1.PhaseFailed)
	next.Candidate.Outcome, next.Candidate.Reason, next.Candidate.GroupFailure = v1alpha1.OutcomeFailed, why.text, why.group
	remember(t)
	tellEnd(t)
	emit(t, rolledBackUnseen(candidate.Hash, why.text))
	say(t, t.ending())
}
