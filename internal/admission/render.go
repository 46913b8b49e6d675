package admission

import (
	"fmt"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// Render returns what becomes of an update of a Deployment: its pod template is held back, replaced or left alone. The
// objects are decoded JSON and are not changed. An error rejects the update; it says why.
func Render(old, updated map[string]any, request Request) (Result, error) {
	s, err := newSubject(old, updated, request)
	if err != nil {
		return Result{}, err
	}
	if err := s.refuseReserved(); err != nil {
		return Result{}, err
	}
	if s.isManaged() {
		for _, answer := range requests {
			answer(s)
		}
	}
	template, err := s.decide()
	if err != nil {
		return Result{}, err
	}
	return s.store(template)
}

// requests answer annotations that ask for something about a record and decide nothing about the template that is stored.
// The reconciler asks for one thing at a time, so none of these comes together with a promotion or a restore.
var requests = []func(*subject){
	settle, // the promotion or the direct change is over: its record is no longer needed
	fail,   // the analysis has failed
	reset,  // the user wants no candidate at all
	abort,  // the user wants the candidate no longer
	retry,  // the user wants a failed or aborted candidate judged again
}

// row is one reason to store a template at once. It reports done when it has decided which one.
type row func(*subject) (template workload.Template, done bool, err error)

// rows are in the order of their priority.
var rows = []row{
	notOptedIn,   // without the opt-in sluice has no say
	newlyOptedIn, // what came with the opt-in cannot be judged: there was nothing to compare it with
	promote,      // the reconciler has judged the candidate
	restore,      // the reconciler takes a promotion back
	bypassed,     // a person takes the responsibility
	unavailable,  // a primary that serves nobody must be repairable
	restarted,    // a restart brings no new version, where the user wants that
}

// decide returns the template to be stored: what the first row says, or the live one, with the change held back.
func (s *subject) decide() (workload.Template, error) {
	for _, row := range rows {
		if template, done, err := row(s); done || err != nil {
			return template, err
		}
	}
	return s.live.Template, s.hold()
}

// isManaged reports whether the Deployment is opted in, and was before.
func (s *subject) isManaged() bool {
	return config.OptedIn(s.storedAnnotations) && config.OptedIn(s.annotations)
}

// refuseReserved refuses annotations that only the reconciler may set, from anybody else.
func (s *subject) refuseReserved() error {
	if s.request.Reconciler {
		return nil
	}
	for _, key := range config.Reserved() {
		if value, set := s.requestedAnnotations[key]; set && s.storedAnnotations[key] != value {
			return fmt.Errorf("metadata.annotations[%s]: only sluice itself may set it, not %s; use instead: kubectl sluice promote, abort or retry %s -n %s",
				key, s.request.User, s.name(), s.namespace())
		}
	}
	return nil
}

// notOptedIn lets the request through. A candidate stays parked, so that the next apply, which was written against it,
// can be read.
func notOptedIn(s *subject) (workload.Template, bool, error) {
	if config.OptedIn(s.annotations) {
		return nil, false, nil
	}
	s.previous, s.direct = nil, nil
	if s.candidate == nil {
		return s.requested.Template, true, nil
	}
	if config.OptedIn(s.storedAnnotations) {
		s.warn("opted out; candidate %s was held back and is not running: apply it again to roll it out", s.candidate.Hash)
		return s.requested.Template, true, nil
	}
	meant, changed, err := s.meaning()
	if err != nil || !changed {
		return s.live.Template, true, err
	}
	s.candidate = nil
	return meant.Template, true, nil
}

func newlyOptedIn(s *subject) (workload.Template, bool, error) {
	if config.OptedIn(s.storedAnnotations) {
		return nil, false, nil
	}
	if !s.requested.Equal(s.live) {
		s.warn("this request opts in and changes the pod template: this change rolls out directly, the next one as a canary")
		s.candidate = nil
		return s.requested.Template, true, nil
	}
	return s.live.Template, true, nil
}
