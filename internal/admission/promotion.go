package admission

import (
	"fmt"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// promote stores the candidate as the template, and keeps the previous template until the promotion has settled.
func promote(s *subject) (workload.Template, bool, error) {
	hash, asked := s.take(config.AnnotationPromote)
	if !asked {
		return nil, false, nil
	}
	candidate := s.inFlight()
	if candidate == nil && s.previous != nil && s.previous.Promoted == hash {
		return nil, false, nil // it was promoted a moment ago, by another replica
	}
	if candidate == nil {
		return nil, false, fmt.Errorf("promote %s: there is no candidate in flight", hash)
	}
	if candidate.Hash != hash {
		return nil, false, fmt.Errorf("promote %s: the candidate is now %s", hash, candidate.Hash)
	}
	s.previous = &workload.Previous{Hash: s.live.Hash(), Template: s.live.Template, Promoted: hash, By: candidate.By}
	s.candidate = nil
	return candidate.Template, true, nil
}

// restore undoes a promotion. A newer candidate stays the candidate.
func restore(s *subject) (workload.Template, bool, error) {
	hash, asked := s.take(config.AnnotationRestore)
	if !asked {
		return nil, false, nil
	}
	if s.previous == nil || s.previous.Hash != hash {
		return nil, false, fmt.Errorf("restore %s: there is no such template in %s", hash, config.AnnotationPrevious)
	}
	previous := s.previous
	s.previous = nil
	if s.inFlight() == nil {
		s.candidate = s.marked(workload.Candidate{
			Hash: previous.Promoted, Template: s.live.Template, By: previous.By, At: s.request.Now,
		}, workload.MarkFailed, s.request.User)
	}
	return previous.Template, true, nil
}

// settle drops the records of a promotion or of a direct change that is over.
func settle(s *subject) {
	hash, asked := s.take(config.AnnotationSettle)
	if asked && s.previous != nil && s.previous.Hash == hash {
		s.previous = nil
	}
	if asked && s.direct != nil && s.direct.Hash == hash {
		s.direct = nil
	}
}
