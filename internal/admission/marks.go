package admission

import (
	"strings"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

func fail(s *subject) {
	hash, asked := s.take(config.AnnotationFail)
	if candidate := s.inFlight(); asked && candidate != nil && candidate.Hash == hash {
		s.candidate = s.marked(*candidate, workload.MarkFailed, s.request.User)
	}
}

func abort(s *subject) {
	hash, user, asked := s.takeAsked(config.AnnotationAbort)
	if !asked {
		return
	}
	candidate := s.inFlight()
	switch {
	case candidate == nil:
		s.warn("nothing to abort: no candidate is in flight")
	case hash != "" && hash != candidate.Hash:
		s.warn("nothing to abort: the candidate in flight is %s, not %s", candidate.Hash, hash)
	default:
		s.candidate = s.marked(*candidate, workload.MarkAborted, user)
		s.warn("aborted %s; to try the same template again: kubectl annotate deployment %s -n %s %s=true",
			candidate.Hash, s.name(), s.namespace(), config.AnnotationRetry)
	}
}

// reset forgets the candidate, whether or not it is marked: the next request for a template makes a new candidate,
// even if the template is the same.
func reset(s *subject) {
	hash, _, asked := s.takeAsked(config.AnnotationReset)
	if !asked {
		return
	}
	switch {
	case s.candidate == nil:
		s.warn("nothing to reset: there is no candidate")
	case hash != "" && hash != s.candidate.Hash:
		s.warn("nothing to reset: the current candidate is %s, not %s", s.candidate.Hash, hash)
	default:
		s.warn("reset: %s is forgotten; apply it again to start over", s.candidate.Hash)
		s.candidate = nil
	}
}

func retry(s *subject) {
	hash, user, asked := s.takeAsked(config.AnnotationRetry)
	if !asked {
		return
	}
	switch {
	case s.candidate == nil || s.candidate.Mark == workload.MarkNone:
		s.warn("nothing to retry: no candidate failed or was aborted")
	case hash != "" && hash != s.candidate.Hash:
		s.warn("nothing to retry: the current candidate is %s, not %s", s.candidate.Hash, hash)
	default:
		again := *s.candidate
		again.Mark, again.MarkedBy, again.MarkedAt = workload.MarkNone, "", nil
		again.Attempt++
		again.RetriedBy = user
		s.candidate = &again
	}
}

// takeAsked reads an annotation that asks for a mark: "true" means the current candidate, anything else is a hash. Only the
// reconciler can add the user in whose name it asks.
func (s *subject) takeAsked(key string) (hash, user string, asked bool) {
	value, asked := s.take(key)
	user = strings.ToValidUTF8(s.request.User, "?")
	hash, behalf, _ := strings.Cut(value, " ")
	if behalf != "" && s.request.Reconciler {
		user = behalf
	}
	if hash == "true" {
		hash = ""
	}
	return hash, user, asked
}

func (s *subject) marked(candidate workload.Candidate, mark workload.Mark, user string) *workload.Candidate {
	now := s.request.Now
	candidate.Mark, candidate.MarkedBy, candidate.MarkedAt = mark, user, &now
	return &candidate
}
