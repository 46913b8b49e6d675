package rollout

import (
	"fmt"
	"slices"

	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
)

// asWaiting is the state of the candidate in flight before its rollout begins.
func (t tick) asWaiting() observed.State {
	if t.knownAsWaiting() {
		return t.plan.Next
	}
	return t.about(v1alpha1.PhaseWaiting)
}

// knownAsWaiting reports whether the state describes the candidate in flight and its rollout has not begun. The same
// template, asked for again, is another candidate with another place in the queue.
func (t tick) knownAsWaiting() bool {
	return t.plan.Next.Phase == v1alpha1.PhaseWaiting && observed.Describes(t.plan.Next, t.o.Candidate)
}

// rejection says why a candidate is given up before its rollout begins: a hook asks to roll it back, or a member of its
// group was rolled back after the candidate was asked for. A retry ignores the group: its user wants the candidate without
// the others. It is nil for a candidate that may begin.
func (t tick) rejection() *observed.Reason {
	if hook := t.rollbackHook(); hook != "" {
		return &observed.Reason{Text: fmt.Sprintf("hook %s requested a rollback", hook)}
	}
	if t.o.Candidate.Attempt > 0 {
		return nil
	}
	return t.groupFailureSince(t.o.Candidate.At)
}

// isRejected reports whether a candidate is given up before its rollout begins, or was and is not yet marked on the
// primary.
func (t tick) isRejected() bool {
	next := t.plan.Next
	if t.knownAsWaiting() {
		return t.rejection() != nil
	}
	return next.Phase == v1alpha1.PhaseFailed && next.Candidate.Outcome == v1alpha1.OutcomeFailed && observed.Describes(next, t.o.Candidate)
}

// rejectHeld gives a candidate up before its rollout begins.
func rejectHeld(t *tick) {
	next, candidate := &t.plan.Next, t.o.Candidate
	t.plan.Ask = plan.AskIntent{Key: config.AnnotationFail, Of: candidate.ID()}
	if next.Phase == v1alpha1.PhaseFailed {
		return
	}
	why := t.rejection()
	*next = t.about(v1alpha1.PhaseFailed)
	next.Candidate.Outcome, next.Candidate.Reason, next.Candidate.GroupFailure = v1alpha1.OutcomeFailed, why.Text, why.Group
	remember(t)
	tellEnd(t)
	emit(t, events.RolledBackUnseen(candidate.Hash, why.Text))
	say(t, t.ending())
}

// isOutdated reports whether the primary's template was changed under a candidate that waits, and admission did not see it. The
// candidate must not replace that change.
func (t tick) isOutdated() bool {
	return slices.Contains(t.plan.Directs, events.Unseen) && t.knownAsWaiting() && !t.o.DryRun
}

// blockCandidate makes a candidate wait that cannot be judged yet.
func blockCandidate(t *tick, kind v1alpha1.BlockedKind, why string) {
	known := t.knownAsWaiting()
	t.plan.Next = t.asWaiting()
	if isNew := block(t, kind, why); (isNew || !known) && t.early == 0 {
		emit(t, events.CandidateBlocked(t.o.Candidate.Hash, why))
	}
	wakeForReports(t)
	wakeForTemplates(t)
	if len(t.o.Claims) > 0 {
		// Claims are not watched.
		wakeIn(t, t.policy.Interval)
	}
}

// wakeForReports looks again when the gateways of new routes have had their time.
func wakeForReports(t *tick) {
	if t.early > 0 {
		wakeIn(t, t.early)
	}
}

// block records why no rollout can start and returns whether that is news. The cause of a candidate is news again for the
// Deployment once the candidate is gone.
func block(t *tick, kind v1alpha1.BlockedKind, why string) (isNew bool) {
	cause := v1alpha1.BlockedCause{Kind: kind, Text: why}
	t.plan.Next.Blocked = &cause
	say(t, why)
	lookAtMembers(t, kind)
	return !ptr.Equal(t.before.Blocked, &cause) || t.before.Phase != t.plan.Next.Phase
}

// abortHeld aborts a candidate before its rollout begins.
func abortHeld(t *tick) {
	next, candidate, abort := &t.plan.Next, t.o.Candidate, t.o.Spec.Abort
	t.plan.Ask = plan.AskIntent{Key: config.AnnotationAbort, Of: candidate.ID(), By: abort.By}
	if next.Candidate.Outcome == v1alpha1.OutcomeAborted && observed.Describes(*next, candidate) {
		return
	}
	*next = t.about(v1alpha1.PhaseFailed)
	next.Candidate.Outcome, next.Candidate.Reason = v1alpha1.OutcomeAborted, "aborted by "+events.Who(abort.By, abort.Reason)
	remember(t)
	emit(t, events.RolledBackUnseen(candidate.Hash, next.Candidate.Reason))
	say(t, t.ending())
}
