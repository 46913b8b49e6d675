package rollout

import (
	"fmt"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
)

// waitsAt reports whether the rollout has to wait at a gate: a hook of its type has not said yes at this step. It then says
// so. Waiting at a gate costs nothing of the progress deadline.
func (t *tick) waitsAt(gate v1alpha1.HookType) bool {
	why := t.closedBy(gate)
	if why == "" {
		return false
	}
	t.stopAt(gate)
	t.plan.Next.WaitingSince = nil
	t.say(why)
	return true
}

// stopAt remembers the gate, whose hooks are asked from the next tick on, and wakes for them.
func (t *tick) stopAt(gate v1alpha1.HookType) {
	next := &t.plan.Next
	next.Gate = &v1alpha1.GateStatus{Type: gate, Since: *t.stamp()}
	if before := t.before.Gate; before != nil && before.Type == gate && next.Step == t.before.Step && next.Candidate == t.before.Candidate {
		next.Gate.Since = before.Since
	} else {
		t.event(gateReached(gate, hooksOf(t.policy, gate)))
		t.wakeIn(time.Millisecond)
	}
	t.wakeForHooks(gate, t.policy.Interval)
	t.wakeForHooks(v1alpha1.HookRollback, t.policy.CheckPeriod())
}

// closedBy says which hook of a gate has not said yes; empty when the gate is open.
func (t *tick) closedBy(gate v1alpha1.HookType) string {
	for _, hook := range hooksOf(t.policy, gate) {
		switch answer := answerOf(t.plan.Next, hook); {
		case isGone(hook) && (answer == nil || !answer.Yes):
			return saysGone(hook)
		case answer == nil:
			return fmt.Sprintf("Waiting for the answer of hook %s (%s)", hook.Name, gate)
		case !answer.Yes:
			return fmt.Sprintf("Waiting for a yes of hook %s (%s), which says no since %s: %s",
				hook.Name, gate, answer.Since.UTC().Format(time.RFC3339), answer.Message)
		}
	}
	return ""
}

// testsFail reports whether the canary has to wait for the tests before its first requests: each no is a failed check. They
// are first asked after the settle time, since nodes refuse connections to a Service whose endpoints they have not seen yet.
func (t *tick) testsFail() bool {
	next := &t.plan.Next
	t.countNos(v1alpha1.HookPreRollout)
	why := t.closedBy(v1alpha1.HookPreRollout)
	if why == "" {
		return false
	}
	if next.FailedChecks >= t.policy.Threshold {
		t.rollBack(fmt.Sprintf("%d failed checks: %s", next.FailedChecks, t.hooksFailing(v1alpha1.HookPreRollout)))
		return true
	}
	if left := t.plan.Next.CanaryReady.Add(analysis.Settle).Sub(t.o.Now); left > 0 {
		t.waitFor("The canary is ready; its tests begin when every node knows its Service")
		t.wakeIn(left)
		return true
	}
	t.stopAt(v1alpha1.HookPreRollout)
	t.waitForHooks(v1alpha1.HookPreRollout, why)
	return true
}

// waitsToBegin reports whether the candidate must not begin yet, because a hook has to confirm it.
func (t *tick) waitsToBegin() bool {
	gate := v1alpha1.HookConfirmRollout
	if len(hooksOf(t.policy, gate)) == 0 {
		return false
	}
	if !t.knownAsWaiting() {
		t.plan.Next = t.about(v1alpha1.PhaseWaiting)
	}
	return t.waitsAt(gate)
}

// knownAsWaiting reports whether the state is about the candidate in flight, which has not begun. The same template that was
// asked for again is another candidate, with another place in the queue.
func (t *tick) knownAsWaiting() bool {
	next, candidate := t.plan.Next, t.o.Candidate
	if next.Phase != v1alpha1.PhaseWaiting || next.Candidate != candidate.Hash || next.Attempt != candidate.Attempt {
		return false
	}
	return next.Requested == nil || next.Requested.At == nil || next.Requested.At.Unix() == candidate.At.Unix()
}

// waitsForConfirmation reports whether the promotion must wait for a hook to confirm it; checks go on meanwhile.
func (t *tick) waitsForConfirmation() bool {
	if !t.waitsAt(v1alpha1.HookConfirmPromotion) {
		return false
	}
	t.plan.Next.Phase = v1alpha1.PhaseWaitingPromotion
	t.wakeForChecks()
	return true
}

// rejection says why a candidate that has not begun is given up: a hook asks to roll it back, or a member of its group was
// rolled back since it was asked for. Whoever asks for it once more wants it without the others.
func (t *tick) rejection() string {
	if hook := t.rollbackHook(); hook != "" {
		return fmt.Sprintf("hook %s asks to roll back", hook)
	}
	if t.o.Candidate.Attempt > 0 {
		return ""
	}
	return t.groupFailureSince(t.o.Candidate.At)
}

// isRejected reports whether the candidate that has not begun is given up, or was and the primary does not say so yet.
func (t *tick) isRejected() bool {
	next, candidate := t.plan.Next, t.o.Candidate
	if t.knownAsWaiting() {
		return t.rejection() != ""
	}
	return next.Phase == v1alpha1.PhaseFailed && next.Outcome == v1alpha1.OutcomeFailed && next.Candidate == candidate.Hash &&
		next.Attempt == candidate.Attempt && next.Requested != nil && next.Requested.At != nil &&
		next.Requested.At.Unix() == candidate.At.Unix()
}

// rejectHeld ends the rollout of a candidate before it has begun.
func rejectHeld(t *tick) {
	next, candidate := &t.plan.Next, t.o.Candidate
	t.plan.Ask = AskIntent{Key: config.AnnotationFail, Hash: candidate.Hash}
	if next.Phase == v1alpha1.PhaseFailed {
		return
	}
	reason := t.rejection()
	*next = t.about(v1alpha1.PhaseFailed)
	next.Outcome, next.Reason = v1alpha1.OutcomeFailed, reason
	t.remember()
	t.tellEnd()
	t.event(rolledBackUnseen(candidate.Hash, reason))
	t.say(t.ending())
}
