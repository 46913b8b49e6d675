package admission

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// HeldBack is the beginning of the warning about a change that is held back.
const HeldBack = "held back as canary"

// hold makes the requested template the candidate, together with fields around it. The live ones stay.
func (s *subject) hold() error {
	meant, changed, err := s.meaning()
	if err != nil || !changed {
		return err
	}
	if s.isTakenBack(meant) {
		if s.inFlight() != nil {
			s.warn("taken back: %s is no longer rolled out", workload.Short(s.candidate.Hash))
		}
		s.candidate = nil
		return nil
	}
	asked, err := s.aroundAsked()
	if err != nil {
		return err
	}
	held := riskyAround(asked)
	s.holdAround(held)
	if s.candidate != nil && meant.Equal(workload.ComparableOf(s.candidate.Template)) {
		return s.holdAgain(held)
	}
	if err := s.validate(meant.Template, held); err != nil {
		return err
	}
	s.holdBack(meant, held)
	return nil
}

// holdAgain keeps a candidate that is requested again, with the fields around it that are requested now.
func (s *subject) holdAgain(held workload.Around) error {
	if equality.Semantic.DeepEqual(s.candidate.Around, held) {
		return nil
	}
	if err := s.validate(s.candidate.Template, held); err != nil {
		return err
	}
	again := *s.candidate
	again.Around = held
	s.candidate = &again
	s.warnOfTheRest()
	return nil
}

// isTakenBack reports whether the request asks for what the primary runs. Restarts are ignored if they go to the
// primary directly.
func (s *subject) isTakenBack(meant workload.Comparable) bool {
	return meant.Equal(s.live) ||
		s.candidate != nil && s.annotations[config.AnnotationRestart] == config.RestartDirect && workload.Equal(meant.WithoutRestart(), s.live.WithoutRestart())
}

func (s *subject) holdBack(meant workload.Comparable, held workload.Around) {
	if replaced := s.inFlight(); replaced != nil && s.isWhole(false) {
		s.warn("this replaces %s, which was in flight; to stop a rollout instead: kubectl sluice abort %s -n %s", workload.Short(replaced.Hash), s.name(), s.namespace())
	}
	s.candidate = &workload.Candidate{
		Hash: meant.Hash(), Template: meant.Template, Around: held, At: s.request.Now,
		AtZero: isZero(s.old) && isZero(s.new) && s.annotations[config.AnnotationWhenUnavailable] != config.WhenUnavailableCanary,
		By:     strings.ToValidUTF8(s.request.User, "?"), Manager: strings.ToValidUTF8(s.request.Manager, "?"),
	}
	s.warn(HeldBack+" %s, so the Deployment itself does not roll; follow it with: kubectl sluice watch %s -n %s, or: kubectl get canaries.sluice.dev %s -n %s -w",
		workload.Short(s.candidate.Hash), s.name(), s.namespace(), s.name(), s.namespace())
	s.warnOfUnavailable()
	s.warn("stop it with: kubectl sluice abort %s -n %s (setting the old image again sends nothing), or: kubectl annotate deployment %s -n %s %s=true",
		s.name(), s.namespace(), s.name(), s.namespace(), config.AnnotationAbort)
	s.warnOfTheRest()
}
