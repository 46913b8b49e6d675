package admission

import (
	"strings"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

func fail(s *subject) error {
	order, asked := s.takeOrder(config.AnnotationFail)
	if candidate := s.inFlight(); asked && candidate != nil && order.means(*candidate) {
		s.candidate = s.marked(*candidate, workload.MarkFailed, s.request.User)
	}
	return nil
}

func abort(s *subject) error {
	order, asked, err := s.takeAsked(config.AnnotationAbort, s.inFlight())
	if err != nil || !asked {
		return err
	}
	candidate := s.inFlight()
	switch {
	case candidate == nil:
		s.warn("nothing to abort: no candidate is in flight")
	case !order.means(*candidate): // a newer one has come in between
	default:
		s.candidate = s.marked(*candidate, workload.MarkAborted, order.user)
		s.warn("aborted %s; to try the same template again: kubectl annotate deployment %s -n %s %s=true",
			workload.Short(candidate.Hash), s.name(), s.namespace(), config.AnnotationRetry)
	}
	return nil
}

// reset forgets the candidate, whether or not it is marked: the next request for a template makes a new candidate,
// even if the template is the same.
func reset(s *subject) error {
	order, asked, err := s.takeAsked(config.AnnotationReset, s.candidate)
	if err != nil || !asked {
		return err
	}
	switch {
	case s.candidate == nil:
		s.warn("nothing to reset: there is no candidate")
	case !order.means(*s.candidate): // a newer one has come in between
	default:
		s.warn("reset: %s is forgotten; apply it again to start over", workload.Short(s.candidate.Hash))
		s.candidate = nil
	}
	return nil
}

func retry(s *subject) error {
	order, asked, err := s.takeAsked(config.AnnotationRetry, s.candidate)
	if err != nil || !asked {
		return err
	}
	switch {
	case s.candidate == nil || s.candidate.Mark == workload.MarkNone:
		s.warn("nothing to retry: no candidate failed or was aborted")
	case !order.means(*s.candidate): // a newer one has come in between
	default:
		again := *s.candidate
		again.Mark, again.MarkedBy, again.MarkedAt = workload.MarkNone, "", nil
		again.Attempt++
		again.RetriedBy = strings.ToValidUTF8(order.user, "?")
		s.candidate = &again
	}
	return nil
}

func (s *subject) marked(candidate workload.Candidate, mark workload.Mark, user string) *workload.Candidate {
	now := s.request.Now
	candidate.Mark, candidate.MarkedBy, candidate.MarkedAt = mark, strings.ToValidUTF8(user, "?"), &now
	candidate.AtZero = false
	return &candidate
}
