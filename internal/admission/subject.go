package admission

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// Request says who asks for an update, and when.
type Request struct {
	// User is the name of the authenticated user.
	User string
	// Manager is the field manager of the request.
	Manager string
	// Subresource is the part of the object that the request writes, such as status; empty for the object itself.
	Subresource string
	// Reconciler is set if the user is Sluice's own reconciler, which alone may set reserved annotations.
	Reconciler bool
	// Now is when the request arrived.
	Now time.Time
}

// Result is what becomes of an update.
type Result struct {
	// Object is what will be stored. It shares unchanged parts with the objects of the update.
	Object map[string]any
	// Warnings are printed by kubectl.
	Warnings []string
}

// subject is one update of a Deployment in the making.
type subject struct {
	request Request
	// old and new are the stored and the requested object. They are never changed.
	old, new map[string]any
	// live is the pod template of the stored object, requested that of the requested object.
	live, requested workload.Comparable
	// candidate, previous, directs and leftOut are the records kept in annotations, as they will be stored.
	candidate *workload.Candidate
	previous  *workload.Previous
	directs   workload.Directs
	leftOut   *workload.LeftOut
	// storedAnnotations are those of the stored object, requestedAnnotations those of the request.
	storedAnnotations, requestedAnnotations map[string]string
	// annotations are those that will be stored.
	annotations map[string]string
	// spec are fields of the spec, beside the template, that will not be stored as requested.
	spec     workload.Around
	warnings []string
	// owners replace the request's managedFields where the API server computed those from a template that is not the
	// latest one requested; nil to leave them.
	owners []metav1.ManagedFieldsEntry
	// intent is the result of meaning, once it was called.
	intent *intent
}

func newSubject(old, updated map[string]any, request Request) (*subject, error) {
	live, err := templateOf(old)
	if err != nil {
		return nil, err
	}
	requested, err := templateOf(updated)
	if err != nil {
		return nil, err
	}
	s := &subject{request: request, old: old, new: updated, live: workload.ComparableOf(live), requested: workload.ComparableOf(requested)}
	s.storedAnnotations = (&unstructured.Unstructured{Object: old}).GetAnnotations()
	s.requestedAnnotations = (&unstructured.Unstructured{Object: updated}).GetAnnotations()
	s.annotations, s.spec = map[string]string{}, workload.Around{}
	maps.Copy(s.annotations, s.requestedAnnotations)
	// A record that cannot be read counts as absent: it must not prevent a repair of the Deployment.
	if s.candidate, err = workload.CandidateOf(s.storedAnnotations); err != nil {
		s.warn("annotation %s cannot be read and is dropped: %v", config.AnnotationCandidate, err)
	}
	if s.previous, err = workload.PreviousOf(s.storedAnnotations); err != nil {
		s.warn("annotation %s cannot be read and is dropped: %v", config.AnnotationPrevious, err)
	}
	if s.directs, err = workload.DirectsOf(s.storedAnnotations); err != nil {
		s.warn("annotation %s cannot be read and is dropped: %v", config.AnnotationDirect, err)
	}
	if s.leftOut, err = workload.LeftOutOf(s.storedAnnotations); err != nil {
		s.warn("annotation %s cannot be read and is dropped: %v", config.AnnotationLeftOut, err)
	}
	return s, nil
}

// templateOf returns the template inside an object, not a copy of it.
func templateOf(object map[string]any) (workload.Template, error) {
	value, _, _ := unstructured.NestedFieldNoCopy(object, "spec", "template")
	template, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("spec.template: must be a pod template")
	}
	return template, nil
}

// withTemplate returns an object with another template. Its top level, metadata and spec may be changed; everything
// below is shared.
func withTemplate(object map[string]any, template workload.Template) *unstructured.Unstructured {
	result := maps.Clone(object)
	for _, key := range []string{"metadata", "spec"} {
		if fields, ok := object[key].(map[string]any); ok {
			result[key] = maps.Clone(fields)
		}
	}
	result["spec"].(map[string]any)["template"] = map[string]any(template)
	return &unstructured.Unstructured{Object: result}
}

func (s *subject) name() string { return (&unstructured.Unstructured{Object: s.new}).GetName() }
func (s *subject) namespace() string {
	return (&unstructured.Unstructured{Object: s.new}).GetNamespace()
}

// mostWarning is the length at which API servers cut a warning.
const mostWarning = 250

// warn adds a warning.
func (s *subject) warn(format string, args ...any) {
	s.warnings = append(s.warnings, warning(s.new, format, args...))
}

// warning is a text about an object that fits into a header: one line of readable characters.
func warning(about map[string]any, format string, args ...any) string {
	return readable(fmt.Sprintf("%s: %s", (&unstructured.Unstructured{Object: about}).GetName(), fmt.Sprintf(format, args...)))
}

// readable makes a text fit into a header.
func readable(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > mostWarning {
		text = string(runes[:mostWarning]) + "…"
	}
	return text
}

// inFlight returns the candidate if it is neither failed nor aborted.
func (s *subject) inFlight() *workload.Candidate {
	if !s.candidate.InFlight() {
		return nil
	}
	return s.candidate
}

// take returns the value of an annotation that makes a one-time request, and removes it. A value that was stored
// before is not a request.
func (s *subject) take(key string) (value string, asked bool) {
	value, asked = s.annotations[key]
	delete(s.annotations, key)
	old, stored := s.storedAnnotations[key]
	return value, asked && (!stored || old != value)
}

// store returns the result: the template to be stored, and the records in annotations.
func (s *subject) store(template workload.Template) (Result, error) {
	for _, key := range config.Requests() {
		delete(s.annotations, key)
	}
	if err := s.keepAll(); err != nil {
		return Result{}, err
	}
	object := withTemplate(s.new, template)
	s.spec.Put(specOf(object.Object))
	if s.owners != nil {
		object.SetManagedFields(s.owners)
	}
	if len(s.annotations) == 0 {
		object.SetAnnotations(nil)
	} else {
		object.SetAnnotations(s.annotations)
	}
	return Result{Object: object.Object, Warnings: s.warnings}, nil
}

// empty leaves an empty annotation of a record with a template that is dropped. The Deployment controller copies annotations to
// the current ReplicaSet and never removes one there, but it copies an empty value over what was dropped, perhaps because of a
// password in it.
func (s *subject) empty(key string) {
	if _, had := s.storedAnnotations[key]; had && slices.Contains(config.TemplateKeys(), key) {
		s.annotations[key] = ""
	}
}

type encoder interface{ Encode() (string, error) }

// keepAll writes the annotations that belong to Sluice, regardless of what the request has there.
func (s *subject) keepAll() error {
	for _, record := range []struct {
		key   string
		value encoder
		none  bool
	}{
		{config.AnnotationCandidate, s.candidate, s.candidate == nil},
		{config.AnnotationPrevious, s.previous, s.previous == nil},
		{config.AnnotationDirect, s.directs, len(s.directs) == 0},
		{config.AnnotationLeftOut, s.leftOut, s.leftOut == nil},
	} {
		delete(s.annotations, record.key)
		if record.none {
			s.empty(record.key)
			continue
		}
		text, err := record.value.Encode()
		if err != nil {
			return err
		}
		s.annotations[record.key] = text
	}
	s.keepAuthor()
	return nil
}

// keepAuthor names, for the policies of the cluster, who requested the template that Sluice has put in: they see the reconciler as
// the user of that request. It follows from the records, so what a request brings does not count.
func (s *subject) keepAuthor() {
	if !s.isManaged() {
		return
	}
	delete(s.annotations, config.AnnotationRequestedBy)
	if by := s.author(); by != "" {
		s.annotations[config.AnnotationRequestedBy] = by
	}
}

// author is who requested the template that Sluice has put in; empty where no record of that is left.
func (s *subject) author() string {
	if s.previous != nil {
		return s.previous.By
	}
	if last := s.directs.Last(); last != nil && last.How == workload.DirectUnavailable {
		return last.By
	}
	return ""
}
