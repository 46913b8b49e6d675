package admission

import (
	"fmt"
	"time"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// notOptedIn lets the request through and records who opted out. The candidate stays in its annotation, because the next
// apply may have been written against it.
func notOptedIn(s *subject) (workload.Template, bool, error) {
	if config.OptedIn(s.annotations) {
		return nil, false, nil
	}
	s.previous = nil
	if config.OptedIn(s.storedAnnotations) {
		s.optOut()
		return s.requested.Template, true, nil
	}
	s.dropForeign()
	if s.candidate == nil {
		return s.requested.Template, true, nil
	}
	meant, changed, err := s.meaning()
	if err != nil || !changed {
		return s.live.Template, true, err
	}
	err = s.letAroundThrough()
	s.candidate = nil
	return meant.Template, true, err
}

func (s *subject) optOut() {
	how := config.AnnotationCanary + " was removed"
	if value, says := s.annotations[config.AnnotationCanary]; says {
		how = fmt.Sprintf("%s was set to %q", config.AnnotationCanary, value)
	}
	s.recordOwn(s.requested.Template, workload.DirectOptedOut, how)
	if s.candidate != nil {
		s.warn("opted out; candidate %s was held back and is not running: apply it again to roll it out", workload.Short(s.candidate.Hash))
		return
	}
	s.warn("opted out: from now on, changes of the pod template roll out directly")
}

// dropForeign drops direct changes that admission has not recorded: the last of its own is that of opting out.
func (s *subject) dropForeign() {
	if last := s.directs.Last(); last != nil && last.How != workload.DirectOptedOut {
		s.directs = nil
	}
}

// newlyOptedIn lets a change through that comes with the opt-in, and records who opts in with a template that nobody has
// judged.
func newlyOptedIn(s *subject) (workload.Template, bool, error) {
	if config.OptedIn(s.storedAnnotations) {
		return nil, false, nil
	}
	s.previous = nil
	s.dropForeign()
	left := s.directs.Last()
	if !s.requested.Equal(s.live) {
		s.warn("this request opts in and changes the pod template: this change rolls out directly, the next one as a canary")
		s.candidate = nil
		s.recordOwn(s.requested.Template, workload.DirectOptedIn, "the request that opted in changed the template")
		return s.requested.Template, true, nil
	}
	if left != nil && left.Hash != s.live.KnownHash() {
		s.recordOwn(s.live.Template, workload.DirectOptedIn, fmt.Sprintf("the template was changed after %s had opted out at %s", left.By, left.At.UTC().Format(time.RFC3339)))
	}
	s.takeUp()
	return s.live.Template, true, nil
}
