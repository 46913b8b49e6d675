package plugin

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout"
	"sluice.dev/sluice/rollout/observed"
)

// subject is everything that is known about one rollout at one time.
type subject struct {
	canary *v1alpha1.Canary
	// deployment is nil if the user may not read it.
	deployment *appsv1.Deployment
	// candidate is the held-back candidate of the Deployment; nil if there is none.
	candidate *workload.Candidate
	now       time.Time
}

// standing is the state of the last change of a Deployment.
type standing string

const (
	idle       standing = "idle"
	running    standing = "running"
	rolledBack standing = "rolled back"
)

// standing reads the Deployment, which shows a change before the Canary's status does. It falls back to the status if the
// Deployment cannot be read.
func (s subject) standing() standing {
	status := s.canary.Status
	switch {
	case observed.Active(status):
		return running
	case status.Phase == v1alpha1.PhaseOptedOut:
		return idle // a parked candidate is not tried
	case s.deployment == nil:
		return standingByPhase(status.Phase)
	case s.candidate == nil:
		if s.deployment.Annotations[config.AnnotationPrevious] != "" {
			return running
		}
		return idle
	case s.candidate.Mark == workload.MarkNone || s.retrying():
		return running
	}
	return rolledBack
}

func standingByPhase(phase v1alpha1.Phase) standing {
	switch phase {
	case v1alpha1.PhaseWaiting:
		return running
	case v1alpha1.PhaseFailed:
		return rolledBack
	}
	return idle
}

// seen reports whether the status is about the held-back candidate.
func (s subject) seen() bool {
	return s.candidate == nil || observed.Describes(s.canary.Status, s.candidate)
}

// retrying reports whether a retry of a stopped candidate was requested and has not started.
func (s subject) retrying() bool {
	return s.candidate != nil && s.candidate.Mark != workload.MarkNone && rollout.Meant(s.canary.Spec.Retry, s.candidate)
}

// inFlight is the candidate that can be aborted or promoted; its hash is empty if there is none.
func (s subject) inFlight() workload.ID {
	if s.candidate.InFlight() {
		return s.candidate.ID()
	}
	if s.deployment == nil && s.standing() == running && s.canary.Status.Candidate.Outcome == "" {
		return observed.IDOf(s.canary.Status)
	}
	return workload.ID{}
}

// stopped is the candidate that can be retried; its hash is empty if there is none.
func (s subject) stopped() workload.ID {
	if s.candidate != nil && s.candidate.Mark != workload.MarkNone {
		return s.candidate.ID()
	}
	if s.deployment == nil && observed.Unsuccessful(s.canary.Status.Candidate.Outcome) {
		return observed.IDOf(s.canary.Status)
	}
	return workload.ID{}
}

// summary is the state of the last change in one sentence.
func (s subject) summary() string {
	status := s.canary.Status
	switch {
	case status.Phase == v1alpha1.PhaseOptedOut:
		return status.Message
	case s.standing() == idle && s.deployment != nil && status.Phase == v1alpha1.PhaseFailed:
		return fmt.Sprintf("the Deployment runs the requested template; before that, %s", status.Message)
	case s.retrying() && !observed.Active(status):
		return fmt.Sprintf("retry of %s was requested; the controller has not picked it up yet", workload.Short(s.candidate.Hash))
	case s.standing() == rolledBack && !s.seen():
		return fmt.Sprintf("%s is %s", workload.Short(s.candidate.Hash), s.candidate.Mark)
	case !s.seen():
		return fmt.Sprintf("%s is held back; the controller has not picked it up yet", workload.Short(s.candidate.Hash))
	case status.Message != "":
		return status.Message
	}
	return "the controller has not picked it up yet"
}

// phase is the phase, with what holds the rollout.
func (s subject) phase() string {
	phase := string(s.canary.Status.Phase)
	if phase == "" {
		phase = "Unknown"
	}
	return phase + s.whyHeld()
}
