package admission

import (
	"fmt"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// Render returns what becomes of a Deployment that is created (old is nil) or updated: its pod template is held back, replaced
// or left alone, and its records are those that admission has written. The objects are decoded JSON and are not changed. An
// error rejects the request; it says why.
func Render(old, updated map[string]any, request Request) (Result, error) {
	switch {
	case request.Subresource != "":
		return renderSubresource(old, updated, request), nil
	case old == nil:
		return renderNew(updated, request), nil
	}
	s, err := newSubject(old, updated, request)
	if err != nil {
		return Result{}, err
	}
	if err := s.refuseReserved(); err != nil {
		return Result{}, err
	}
	s.warnOfRecords()
	if s.isManaged() {
		for _, answer := range requests {
			if err := answer(s); err != nil {
				return Result{}, err
			}
		}
	}
	if err := s.keepOptIn(); err != nil {
		return Result{}, err
	}
	template, err := s.decide()
	if err != nil {
		return Result{}, err
	}
	return s.store(template)
}

// requests handle annotations that make a one-time request about a record and decide nothing about the stored
// template. The reconciler makes one request at a time, so none of these comes together with a promotion or a restore.
var requests = []func(*subject) error{
	settle, // a promotion or a direct change is over, so its record can go
	fail,   // the candidate has failed
	reset,  // a user wants the candidate to be forgotten
	abort,  // a user wants the candidate to be rolled back
	retry,  // a user wants to try a failed or aborted candidate again
}

// row is one reason to store a template at once. It reports done if it has decided which one.
type row func(*subject) (template workload.Template, done bool, err error)

// rows are in the order of their priority.
var rows = []row{
	notOptedIn,         // the Deployment is not Sluice's to hold back
	newlyOptedIn,       // a change that comes with the opt-in has no earlier version to be compared with
	promote,            // the candidate has passed
	restore,            // a promotion has to be undone
	letThroughUnserved, // the reconciler has seen that the primary serves nobody
	ordered,            // the reconciler's other requests are about records
	bypassed,           // a user takes responsibility for the change
	restarted,          // a restart brings no new version, and the user lets restarts through
}

// decide returns the template to be stored: what the first row says, or the live one, with the change held back.
func (s *subject) decide() (workload.Template, error) {
	if s.isManaged() && config.OptedIn(s.annotations) {
		if err := s.keepSettings(); err != nil {
			return nil, err
		}
	}
	for _, row := range rows {
		if template, done, err := row(s); done || err != nil {
			return template, err
		}
	}
	return s.live.Template, s.hold()
}

// ordered keeps the template in every other request of the reconciler: what is new in it there, another webhook has added.
func ordered(s *subject) (workload.Template, bool, error) {
	return s.live.Template, s.request.Reconciler, nil
}

// isManaged reports whether the Deployment was opted in before the request, and the request does not say otherwise.
func (s *subject) isManaged() bool {
	_, says := s.annotations[config.AnnotationCanary]
	return config.OptedIn(s.storedAnnotations) && (!says || config.OptedIn(s.annotations))
}

// refuseReserved refuses annotations that only the reconciler may set, from anybody else.
func (s *subject) refuseReserved() error {
	if s.request.Reconciler {
		return nil
	}
	for _, key := range config.Reserved() {
		if value, set := s.requestedAnnotations[key]; set && s.storedAnnotations[key] != value {
			return fmt.Errorf("metadata.annotations[%s]: only Sluice itself may set it, not %s; use instead: kubectl sluice promote, abort or retry %s -n %s",
				key, s.request.User, s.name(), s.namespace())
		}
	}
	return nil
}
