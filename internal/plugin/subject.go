package plugin

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout"
)

// subject is everything that is known of one rollout at one moment.
type subject struct {
	canary *v1alpha1.Canary
	// deployment is nil where the user may not read it.
	deployment *appsv1.Deployment
	// candidate is what the Deployment holds back, nil for nothing.
	candidate *workload.Candidate
	now       time.Time
}

// standing is where the last change of a Deployment is.
type standing string

const (
	idle       standing = "idle"
	running    standing = "running"
	rolledBack standing = "rolled back"
)

// standing rests on the Deployment, which knows a change before the Canary's status does; on the status alone only where
// the Deployment cannot be read.
func (s subject) standing() standing {
	status := s.canary.Status
	switch {
	case rollout.Active(status):
		return running
	case s.deployment == nil:
		return standingByPhase(status.Phase)
	case s.candidate == nil:
		if _, open := s.deployment.Annotations[config.AnnotationPrevious]; open {
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

// seen reports whether the status speaks of the candidate that the Deployment holds back.
func (s subject) seen() bool {
	return s.candidate == nil || (s.candidate.Hash == s.canary.Status.Candidate && s.candidate.Attempt == s.canary.Status.Attempt)
}

// retrying reports whether a candidate that was stopped is asked to be judged again, which has not begun yet.
func (s subject) retrying() bool {
	return s.candidate != nil && s.candidate.Mark != workload.MarkNone && rollout.Meant(s.canary.Spec.Retry, s.candidate)
}

// inFlight is the hash and the attempt of the candidate that can be aborted or promoted; empty when there is none.
func (s subject) inFlight() (hash string, attempt int32) {
	if s.candidate != nil && s.candidate.Mark == workload.MarkNone {
		return s.candidate.Hash, s.candidate.Attempt
	}
	if s.deployment == nil && s.standing() == running && s.canary.Status.Outcome == "" {
		return s.canary.Status.Candidate, s.canary.Status.Attempt
	}
	return "", 0
}

// stopped is the hash and the attempt of the candidate that can be tried again; empty when there is none.
func (s subject) stopped() (hash string, attempt int32) {
	status := s.canary.Status
	if s.candidate != nil && s.candidate.Mark != workload.MarkNone {
		return s.candidate.Hash, s.candidate.Attempt
	}
	if s.deployment == nil && (status.Outcome == v1alpha1.OutcomeFailed || status.Outcome == v1alpha1.OutcomeAborted) {
		return status.Candidate, status.Attempt
	}
	return "", 0
}

// summary says in one sentence where the last change is.
func (s subject) summary() string {
	status := s.canary.Status
	switch {
	case s.standing() == idle && s.deployment != nil && status.Phase == v1alpha1.PhaseFailed:
		return fmt.Sprintf("the Deployment runs the requested template; before that, %s", status.Message)
	case s.retrying() && !rollout.Active(status):
		return fmt.Sprintf("retry of %s was requested; the controller has not picked it up yet", s.candidate.Hash)
	case s.standing() == rolledBack && !s.seen():
		return fmt.Sprintf("%s is %s", s.candidate.Hash, s.candidate.Mark)
	case !s.seen():
		return fmt.Sprintf("%s is held back; the controller has not picked it up yet", s.candidate.Hash)
	case status.Message != "":
		return status.Message
	}
	return "the controller has not picked it up yet"
}

// phase is the status as a person reads it.
func (s subject) phase() string {
	phase := string(s.canary.Status.Phase)
	if phase == "" {
		phase = "Unknown"
	}
	return phase + s.whyHeld()
}
