package rollout

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/strategy"
)

// noticeWritten records what was written to the canary, and notices when somebody else has changed its pod template.
func noticeWritten(t *tick) {
	open, canary := t.plan.Next.Rollout, t.o.CanaryDeployment
	if open == nil || t.o.DryRun || t.plan.Next.Phase == v1alpha1.PhaseFinalising {
		return
	}
	if canary == nil {
		open.Canary.Written, open.Canary.Edited = nil, nil
		return
	}
	recordWritten(t)
	if !observed.Differs(canary, open.Canary.Written) {
		return
	}
	open.Canary.Written, open.Canary.Edited = nil, t.stamp()
	if open.Interrupted != nil {
		open.Interrupted.ReturnsTo = 0
	}
	emit(t, events.CanaryEdited(t.o.Editor, !strategy.WithoutTraffic(t.policy), t.undecided()))
}

// recordWritten records our own last write. Until the API server has returned what it stored, nothing is known to be the
// candidate. While the primary has the candidate, only the replicas of the canary are written, so a template that somebody has
// edited stays that.
func recordWritten(t *tick) {
	run, written := &t.plan.Next.Rollout.Canary, t.o.Written
	if written == nil || written.UID != t.o.CanaryDeployment.UID {
		return
	}
	started := t.plan.Next.Rollout.Started
	switch known := run.Written; {
	case known != nil && known.UID == written.UID && known.Template == written.Template:
		known.Generation = max(known.Generation, written.Generation)
	case known == nil && (started == nil || !written.At.Before(started.Time)) && t.writesBack(run.Edited):
		recorded := written.WrittenTemplate
		run.Written, run.Edited = &recorded, nil
	}
}

// writesBack reports whether our last write put the candidate back after somebody had edited the canary, if somebody has.
func (t tick) writesBack(edited *metav1.MicroTime) bool {
	return edited == nil || t.o.Written.At.After(edited.Time) && !t.o.Promoted(t.plan.Next)
}

// isEdited reports whether the canary has a pod template that is not the candidate's.
func (t tick) isEdited() bool {
	return t.plan.Next.Open().Canary.Edited != nil
}

// unfit says why the canary must be made anew or written back; empty if it need not. No route may send requests to it then.
func (t tick) unfit() string {
	switch {
	case t.o.CanaryDeployment == nil || t.o.Promoted(t.plan.Next):
		return ""
	case t.isEdited():
		return "the candidate must be written back to it"
	case t.target.Stale != "":
		return "it must be made anew, because " + t.target.Stale
	}
	return ""
}

// letClear waits until no gateway sends requests to the canary any more, and returns whether that has settled.
func letClear(t *tick) (done bool) {
	if t.notCleared() != "" {
		t.plan.Next.Rollout.Cleared = nil
		return false
	}
	return !t.plan.Finalizer || letSettle(t, &t.plan.Next.Rollout.Cleared, "")
}

// isKnownTemplate reports whether what the canary runs is known.
func (t tick) isKnownTemplate() bool {
	written := t.plan.Next.Open().Canary.Written
	return t.o.DryRun || written != nil && (written.UID != t.o.CanaryDeployment.UID || t.o.CanaryDeployment.Generation >= written.Generation)
}

// keptRun is what outlives a return to the state before the first step: what was written to the canary.
func keptRun(run v1alpha1.CanaryRun) v1alpha1.CanaryRun {
	return v1alpha1.CanaryRun{Written: run.Written, Edited: run.Edited}
}
