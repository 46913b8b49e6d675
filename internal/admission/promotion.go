package admission

import (
	"fmt"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// promote stores the candidate as the template, with the fields that are held back around it, and keeps the previous template until the promotion has settled.
func promote(s *subject) (workload.Template, bool, error) {
	order, asked := s.takeOrder(config.AnnotationPromote)
	if !asked {
		return nil, false, nil
	}
	candidate := s.inFlight()
	if candidate == nil && s.previous != nil && s.previous.PromotedID().Is(order.id) {
		return nil, false, nil // it was promoted a moment ago, by another replica
	}
	if candidate == nil {
		return nil, false, fmt.Errorf("promote %s: there is no candidate in flight", order)
	}
	if !order.means(*candidate) {
		return nil, false, fmt.Errorf("promote %s: the candidate is now %s", order, candidate.ID())
	}
	s.previous = &workload.Previous{Hash: s.live.Hash(), Template: s.live.Template, Around: s.putAround(candidate.Around, order.rest),
		Promoted: candidate.Hash, Attempt: candidate.Attempt, By: candidate.By, At: candidate.At}
	s.candidate = nil
	return candidate.Template, true, nil
}

// restore undoes a promotion. A newer candidate stays the candidate.
func restore(s *subject) (workload.Template, bool, error) {
	order, asked := s.takeOrder(config.AnnotationRestore)
	if !asked {
		return nil, false, nil
	}
	if s.previous == nil || !s.previous.ID().Is(order.id) {
		return nil, false, fmt.Errorf("restore %s: there is no such template in %s", order, config.AnnotationPrevious)
	}
	previous := s.previous
	s.previous = nil
	s.putAround(previous.Around.Undone(), "")
	if s.inFlight() == nil {
		s.candidate = s.marked(workload.Candidate{
			Hash: s.live.Hash(), Template: s.live.Template, Attempt: previous.Attempt, By: previous.By, At: previous.At,
		}, workload.MarkFailed, s.request.User)
	}
	restored := *s.candidate
	restored.Restored = previous.Hash
	restored.Around = s.aroundRestored(restored.Around)
	s.candidate = &restored
	return previous.Template, true, nil
}

// settle drops the record of a promotion that is over, or those of direct changes up to the one that was reported last.
func settle(s *subject) error {
	order, asked := s.takeOrder(config.AnnotationSettle)
	if asked && s.previous != nil && s.previous.ID().Is(order.id) {
		s.previous = nil
	}
	if asked {
		s.directs = s.directs.After(order.id)
	}
	return nil
}
