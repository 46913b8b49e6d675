package rollout

import (
	"fmt"
	"strings"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/cookies"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/plan"
	"sluice.dev/sluice/rollout/queue"
	"sluice.dev/sluice/rollout/strategy"
)

// idle handles every phase in which no rollout is open. It resumes or cleans up what a lost state has left, or lets the
// next candidate start.
func idle(t *tick) {
	// A crash may have kept the last rollout from removing the finalizer.
	t.plan.Finalizer = t.o.Finalizer && t.hasTraces()
	switch {
	case t.o.Previous != nil:
		resumePromotion(t)
	case t.hasTraces():
		cleanUpTraces(t)
	default:
		t.vacant = true
	}
}

// nextCandidate starts the rollout of the candidate that the primary holds back, or says why it cannot start.
func nextCandidate(t *tick) {
	switch {
	case t.asksReset():
		resetKept(t)
	case t.o.InFlight() == nil:
		restOrRetry(t)
	case t.isOutdated():
		cancelChangedUnseen(t)
	case t.asksAbort():
		abortHeld(t)
	case t.isRejected():
		rejectHeld(t)
	case t.problem != "" && !t.goesStraight():
		blockCandidate(t, t.blockedBy(), t.problem)
	default:
		startUnlessHeld(t)
	}
}

// startUnlessHeld starts the rollout unless a person, a Freeze, the writer of too many templates or a policy that would miss the
// canary holds it.
func startUnlessHeld(t *tick) {
	switch {
	case t.plan.Next.Paused != nil:
		blockCandidate(t, v1alpha1.BlockedPaused, t.plan.Next.Paused.Text)
	case t.frozen.Start != "":
		blockCandidate(t, v1alpha1.BlockedFrozen, t.frozen.Start)
	case t.backsOff() != "" && !t.goesStraight():
		backOff(t)
	case t.isUncovered() && !t.goesStraight():
		awaitCoverage(t)
	default:
		startInTurn(t)
	}
}

// restOrRetry rests, and asks admission for the retry that a Canary requests.
func restOrRetry(t *tick) {
	rest(t)
	if t.asksRetry() {
		t.plan.Ask = plan.AskIntent{Key: config.AnnotationRetry, Of: t.o.Candidate.ID(), By: t.o.Spec.Retry.By}
	}
}

// startInTurn starts the rollout unless a hook must approve the candidate first or too many rollouts are open.
func startInTurn(t *tick) {
	if why := t.closedIn(t.asWaiting(), v1alpha1.HookConfirmRollout); why != "" {
		t.plan.Next = t.asWaiting()
		stopAt(t, v1alpha1.HookConfirmRollout)
		say(t, why)
		return
	}
	if position, why := queue.Place(t.before, t.o, t.policy.Group); why != "" {
		enqueue(t, position, why)
		return
	}
	switch {
	case t.goesStraight():
		letStraight(t)
	case t.isUnavailable():
		awaitAvailability(t)
	default:
		start(t)
	}
}

// starts reports whether nextCandidate would start a rollout.
func (t tick) starts() bool {
	return t.o.InFlight() != nil && !t.asksAbort() && t.problem == "" && t.backsOff() == "" && !t.isUncovered() && t.plan.Next.Paused == nil && t.frozen.Start == "" && !t.isUnavailable() && !t.goesStraight() &&
		len(hooksOf(t.policy, v1alpha1.HookConfirmRollout)) == 0
}

// hasTraces reports whether other objects carry traces of a rollout, even of one that the state does not know.
func (f Facts) hasTraces() bool {
	return f.o.CanaryDeployment != nil || f.o.CanaryService != nil || len(f.o.Made) > 0 || len(f.splits) > 0 || f.cohortLeft() != ""
}

// resumePromotion continues a promotion whose state was lost after the primary had received the candidate.
func resumePromotion(t *tick) {
	next := &t.plan.Next
	*next = t.fresh(v1alpha1.PhasePromoting)
	next.Candidate = v1alpha1.CandidateStatus{
		Hash: t.o.Previous.Promoted, Attempt: t.o.Previous.Attempt, Images: workload.Images(t.o.Primary.Spec.Template.Spec),
		Requested: &v1alpha1.Requester{By: t.o.Previous.By, At: stampOf(t.o.Previous.At)},
	}
	next.CanaryWeight = t.writtenWeight()
	next.Rollout = &v1alpha1.RolloutStatus{Started: t.stamp(), WaitingSince: t.stamp()}
	promote(t)
}

// cleanUpTraces removes the traces of a rollout whose state was lost. A held candidate then starts again at weight 0.
func cleanUpTraces(t *tick) {
	outcome := v1alpha1.OutcomeCancelled
	if t.o.InFlight() != nil {
		outcome = v1alpha1.OutcomeSuperseded
	}
	t.plan.Next.Candidate = v1alpha1.CandidateStatus{}
	decideOutcome(t, outcome, "its state was lost")
	finalise(t)
}

// rest handles a Deployment without a candidate in flight. It runs the last template that was asked for, or keeps a failed
// candidate.
func rest(t *tick) {
	next := &t.plan.Next
	forgetEnded(t)
	switch {
	case t.problem != "":
		if next.Phase == "" || next.Phase == v1alpha1.PhaseWaiting {
			next.Phase = v1alpha1.PhaseInitializing
		}
		if isNew := block(t, t.blockedBy(), t.problem); isNew && t.early == 0 {
			emit(t, events.NotReady(t.problem))
		}
		wakeForReports(t)
	case next.Phase == v1alpha1.PhaseSucceeded || next.Phase == v1alpha1.PhaseFailed:
		say(t, t.ending())
	default:
		if next.Phase != v1alpha1.PhaseInitialized {
			emit(t, events.Initialized(t.found()))
		}
		next.Phase = v1alpha1.PhaseInitialized
		say(t, t.found())
	}
}

// forgetEnded ends the wait for a candidate that is gone, and forgets the failure of a candidate that is gone. The
// Deployment then runs the last template that was asked for. A dry run never has a candidate on the primary, so its
// failures stay.
func forgetEnded(t *tick) {
	switch phase := t.plan.Next.Phase; {
	case phase == v1alpha1.PhaseWaiting:
		t.plan.Next = t.fresh(phase)
	case phase == v1alpha1.PhaseFailed && t.o.Candidate == nil && !t.o.DryRun:
		t.plan.Next = t.fresh("")
	}
}

// found describes what a rollout would work with.
func (f Facts) found() string {
	if strategy.WithoutTraffic(f.policy) {
		return "Ready for the next change: the canary will run beside the primary, and requests are not split"
	}
	served := fmt.Sprintf("Gateway %s", f.target.Gateway)
	if f.target.Gateway.Name == "" {
		served = "no Gateway"
	}
	return fmt.Sprintf("Ready for the next change: found Service %s, %s, %s, metrics preset %s", f.target.Service.Name,
		f.foundRoutes(), served, f.target.Preset)
}

// namedRoutes is how many routes of one kind a message names.
const namedRoutes = 20

// foundRoutes lists the routes by kind.
func (f Facts) foundRoutes() string {
	var parts []string
	for _, kind := range []string{route.HTTP, route.GRPC} {
		var names []string
		for _, r := range f.target.Routes {
			if r.Kind == kind {
				names = append(names, strings.TrimPrefix(r.Key().From(f.o.Namespace), kind+" "))
			}
		}
		if len(names) > 1 {
			kind += "s"
		}
		if more := len(names) - namedRoutes; more > 0 {
			names = append(names[:namedRoutes:namedRoutes], fmt.Sprintf("and %d more", more))
		}
		if len(names) > 0 {
			parts = append(parts, kind+" "+strings.Join(names, ", "))
		}
	}
	return strings.Join(parts, " and ")
}

// start begins the rollout of the candidate.
func start(t *tick) {
	candidate := t.o.Candidate
	if candidate.Attempt > 0 {
		emit(t, events.CandidateRetried(candidate.Hash, candidate.RetriedBy, candidate.Attempt))
	} else {
		emit(t, events.CandidateHeld(candidate.Hash, candidate.By))
	}
	if len(t.target.OneNode) > 0 {
		emit(t, events.VolumesOnOneNode(t.target.OneNode))
	}
	affinity := cookies.New(t.policy, t.steps, workload.Short(candidate.Hash), t.o.Nonce, t.replaced())
	t.plan.Next = t.about(v1alpha1.PhaseProgressing)
	t.plan.Next.Rollout = &v1alpha1.RolloutStatus{Started: t.stamp(), WaitingSince: t.stamp(), SessionAffinity: affinity}
	if len(t.target.Skipped) > 0 {
		emit(t, events.RoutesSkipped(t.target.Skipped))
	}
	for _, unknown := range t.target.Unknown {
		emit(t, events.FeaturesUnknown(unknown))
	}
	progress(t)
}
