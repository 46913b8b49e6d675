package rollout

import (
	"fmt"
	"strings"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/workload"
)

// idle is every phase in which no rollout is open: it looks for a candidate to start with.
func idle(t *tick) {
	// A crash can have kept the end of the last rollout from taking the finalizer off.
	t.plan.Finalizer = t.o.Finalizer && t.anythingLeft()
	switch {
	case t.o.Previous != nil:
		resumePromotion(t)
	case t.anythingLeft():
		cleanUpTraces(t)
	case t.o.inFlight() == nil:
		rest(t)
	case t.problem != "":
		hold(t)
	default:
		start(t)
	}
}

// anythingLeft reports traces of a rollout on other objects.
func (t *tick) anythingLeft() bool {
	return t.o.Copy != nil || t.o.CopyService != nil || len(t.o.splitRoutes()) > 0
}

// resumePromotion goes on where a lost state left a primary that was given a candidate.
func resumePromotion(t *tick) {
	next := &t.plan.Next
	*next = State{
		Conditions:   next.Conditions,
		Phase:        v1alpha1.PhasePromoting,
		Candidate:    t.o.Previous.Promoted,
		CanaryWeight: t.writtenWeight(),
		Started:      t.stamp(),
		WaitingSince: t.stamp(),
	}
	promoting(t)
}

// cleanUpTraces removes what a rollout left behind whose state was lost; a candidate then starts again at weight 0.
func cleanUpTraces(t *tick) {
	outcome := v1alpha1.OutcomeCancelled
	if t.o.inFlight() != nil {
		outcome = v1alpha1.OutcomeSuperseded
	}
	t.plan.Next.Candidate = ""
	t.decideOutcome(outcome, "its state was lost")
	finalising(t)
}

// rest is the phase of a Deployment that runs what was last asked for, or that keeps a failed candidate.
func rest(t *tick) {
	next := &t.plan.Next
	switch {
	case t.problem != "":
		if next.Phase == "" || next.Phase == v1alpha1.PhaseWaiting {
			next.Phase = v1alpha1.PhaseInitializing
		}
		if next.Message != t.problem {
			t.event(notReady(t.problem))
		}
		t.say(t.problem)
	case next.Phase == v1alpha1.PhaseSucceeded || next.Phase == v1alpha1.PhaseFailed:
		t.say(t.ending())
	default:
		if next.Phase != v1alpha1.PhaseInitialized {
			t.event(initialized(t.found()))
		}
		next.Phase = v1alpha1.PhaseInitialized
		t.say(t.found())
	}
}

// found tells what a rollout would work with.
func (t *tick) found() string {
	noun := "HTTPRoute"
	if len(t.target.Routes) > 1 {
		noun = "HTTPRoutes"
	}
	return fmt.Sprintf("Ready for the next change: found Service %s, %s %s, Gateway %s, metrics preset %s", t.target.Service.Name,
		noun, strings.Join(t.target.Status().Routes, ", "), t.target.Gateway, t.target.Preset)
}

// ending tells how the last rollout ended.
func (t *tick) ending() string {
	next := t.plan.Next
	if next.Phase == v1alpha1.PhaseFailed {
		return fmt.Sprintf("%s was rolled back: %s", next.Candidate, next.Reason)
	}
	return fmt.Sprintf("%s was promoted", next.Candidate)
}

// hold keeps a candidate that cannot be judged yet.
func hold(t *tick) {
	next := &t.plan.Next
	if next.Phase != v1alpha1.PhaseWaiting || next.Message != t.problem {
		t.event(candidateBlocked(t.o.Candidate.Hash, t.problem))
	}
	next.Phase = v1alpha1.PhaseWaiting
	t.say(t.problem)
}

// start begins the rollout of the candidate.
func start(t *tick) {
	candidate := t.o.Candidate
	t.event(candidateHeld(candidate.Hash, candidate.By))
	t.plan.Next = State{
		LastTransitionTime: t.plan.Next.LastTransitionTime,
		Conditions:         t.plan.Next.Conditions,
		Phase:              v1alpha1.PhaseProgressing,
		Candidate:          candidate.Hash,
		Attempt:            candidate.Attempt,
		Started:            t.stamp(),
		WaitingSince:       t.stamp(),
	}
	progressing(t)
}

// ensureCopy wants the copy to run the candidate with this many replicas.
func (t *tick) ensureCopy(replicas int32) {
	t.plan.Copy = CopyIntent{Action: CopyEnsure, Replicas: replicas, Identity: t.target.Identity, Service: t.target.Service.Name}
}

// copyNotReady says why the copy cannot take the requests that this many replicas are for; empty when it can.
func (t *tick) copyNotReady(replicas int32) string {
	if t.o.Copy == nil || t.o.CopyService == nil {
		return "the canary is being created"
	}
	if workload.TemplateHashOf(t.o.Copy) != t.plan.Next.Candidate {
		return "the canary is being updated to the candidate"
	}
	if workload.Replicas(t.o.Copy) < replicas {
		return fmt.Sprintf("the canary is being scaled to %d replicas", replicas)
	}
	if ready := workload.ReadinessOf(t.o.Copy); !ready.Complete {
		return ready.Message
	}
	if t.o.ReadyEndpoints < replicas {
		return fmt.Sprintf("%d of %d canary pods are ready in Service %s", t.o.ReadyEndpoints, replicas, t.o.CopyService.Name)
	}
	return ""
}
