// Package webhook is sluice's admission: it renders what the reconciler states into Deployments and routes, and keeps the
// pod template of an opted-in Deployment as it is. Render functions are pure and have no side effects, so that a dry run
// gives the same answer.
package webhook

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/workload"
)

// Request is who asks for an update, and when.
type Request struct {
	// User is the name of the authenticated user.
	User string
	// Manager is the field manager of the request.
	Manager string
	// Now is when the request came in.
	Now time.Time
}

// Result is what becomes of an update.
type Result struct {
	// Object is what should be stored.
	Object map[string]any
	// Warnings are printed by kubectl.
	Warnings []string
}

// subject is one update of a Deployment in the making.
type subject struct {
	request  Request
	old, new map[string]any
	// live and asked are the pod templates of the stored and the requested object.
	live, asked workload.Template
	candidate   *workload.Candidate
	previous    *workload.Previous
	// annotations of the requested object, a map that may be changed.
	annotations map[string]string
	before      map[string]string
	warnings    []string
}

func newSubject(old, updated map[string]any, request Request) (*subject, error) {
	s := &subject{request: request, old: old, new: (&unstructured.Unstructured{Object: updated}).DeepCopy().Object}
	var err error
	if s.live, err = templateOf(old); err != nil {
		return nil, err
	}
	if s.asked, err = templateOf(updated); err != nil {
		return nil, err
	}
	s.before = (&unstructured.Unstructured{Object: old}).GetAnnotations()
	s.annotations = (&unstructured.Unstructured{Object: updated}).GetAnnotations()
	if s.annotations == nil {
		s.annotations = map[string]string{}
	}
	// What cannot be read is as good as absent: it must not keep the Deployment from being repaired.
	if s.candidate, err = workload.CandidateOf(s.before); err != nil {
		s.warn("the annotation %s could not be read and is dropped: %v", config.AnnotationCandidate, err)
	}
	if s.previous, err = workload.PreviousOf(s.before); err != nil {
		s.warn("the annotation %s could not be read and is dropped: %v", config.AnnotationPrevious, err)
	}
	return s, nil
}

func templateOf(object map[string]any) (workload.Template, error) {
	template, found, err := unstructured.NestedMap(object, "spec", "template")
	if err != nil || !found {
		return nil, fmt.Errorf("spec.template: must be a pod template")
	}
	return template, nil
}

func (s *subject) name() string { return (&unstructured.Unstructured{Object: s.new}).GetName() }
func (s *subject) namespace() string {
	return (&unstructured.Unstructured{Object: s.new}).GetNamespace()
}

// mostWarning is how long a warning may be before API servers cut it.
const mostWarning = 250

func (s *subject) warn(format string, args ...any) {
	text := fmt.Sprintf("%s: %s", s.name(), fmt.Sprintf(format, args...))
	if len(text) > mostWarning {
		text = text[:mostWarning] + "…"
	}
	s.warnings = append(s.warnings, text)
}

// inFlight is the candidate while it is being judged.
func (s *subject) inFlight() *workload.Candidate {
	if s.candidate == nil || s.candidate.Mark != workload.MarkNone {
		return nil
	}
	return s.candidate
}

// take returns the value of an annotation that asks for something once, and drops it. A value that was there before is
// nothing that this request asks for.
func (s *subject) take(key string) (value string, asked bool) {
	value, asked = s.annotations[key]
	delete(s.annotations, key)
	return value, asked
}

// store makes the result: the template to be stored, and what is kept in annotations.
func (s *subject) store(template workload.Template) (Result, error) {
	delete(s.annotations, config.AnnotationCandidate)
	delete(s.annotations, config.AnnotationPrevious)
	if s.candidate != nil {
		if err := s.keep(config.AnnotationCandidate, s.candidate); err != nil {
			return Result{}, err
		}
	}
	if s.previous != nil {
		if err := s.keep(config.AnnotationPrevious, s.previous); err != nil {
			return Result{}, err
		}
	}
	if err := unstructured.SetNestedMap(s.new, runtimeMap(template), "spec", "template"); err != nil {
		return Result{}, fmt.Errorf("spec.template: %w", err)
	}
	object := &unstructured.Unstructured{Object: s.new}
	if len(s.annotations) == 0 {
		object.SetAnnotations(nil)
	} else {
		object.SetAnnotations(s.annotations)
	}
	return Result{Object: s.new, Warnings: s.warnings}, nil
}

func runtimeMap(template workload.Template) map[string]any {
	return (&unstructured.Unstructured{Object: template}).DeepCopy().Object
}

// keep writes an annotation of ours, whatever the requester did to it.
func (s *subject) keep(key string, value interface{ Encode() (string, error) }) error {
	text, err := value.Encode()
	if err != nil {
		return err
	}
	s.annotations[key] = text
	return nil
}
