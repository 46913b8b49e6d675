package admission

import (
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// meaning returns the template that the requester wants, which is not always the one in the request: tools assume that
// their last request is live, even if it was held back. The request is therefore read as if the latest requested
// template were live. It reports false if the request does not concern the template.
func (s *subject) meaning() (meant workload.Comparable, changed bool, err error) {
	if s.intent == nil {
		meant, changed, err := s.readMeaning()
		s.intent = &intent{meant, changed, err}
	}
	return s.intent.meant, s.intent.changed, s.intent.err
}

// intent is the result of reading a request. It is kept because several rows need it, and reading can warn.
type intent struct {
	meant   workload.Comparable
	changed bool
	err     error
}

func (s *subject) readMeaning() (meant workload.Comparable, changed bool, err error) {
	if s.candidate == nil {
		return s.requested, !s.requested.Equal(s.live), nil
	}
	template, applies, err := s.applied()
	if err != nil || applies {
		return workload.ComparableOf(template), err == nil, err
	}
	same := s.requested.Equal(s.live)
	whole := s.isWhole(same)
	switch {
	case same && !whole:
		return workload.Comparable{}, false, nil
	case whole:
		meant = s.requested
	case s.candidate.Mark != workload.MarkNone:
		return s.requested, true, nil
	default:
		if template, err = replayDifference(s.live.Template, s.requested.Template, s.candidate.Template); err != nil {
			template, err = s.replayUnknown()
		}
		meant = workload.ComparableOf(template)
	}
	if err == nil {
		s.ownUpdated(meant.Template)
	}
	return meant, err == nil, err
}

// applied returns the template that the request makes of the candidate if it is an apply; false for any other update.
func (s *subject) applied() (workload.Template, bool, error) {
	if s.isManifest() {
		return nil, false, nil // it may carry what an apply has written, and be sent by a manager that has applied before
	}
	entry, err := s.serverSideApply()
	if err != nil {
		return nil, false, err
	}
	if entry != nil {
		meant, err := s.replayServerSideApply(entry)
		if err == nil {
			return meant, true, nil
		}
		// A field that a newer API server has added must not block changes of the Deployment.
		s.warn("treated as a change to the stored template: %v", err)
		meant, err = s.replayUnknown()
		return meant, true, err
	}
	original, modified, applies := s.clientSideApply()
	if !applies {
		return nil, false, nil
	}
	onCandidate, err := replayClientSideApply(original, modified, s.candidate.Template)
	if err != nil {
		return nil, false, err
	}
	onLive, err := replayClientSideApply(original, modified, s.live.Template)
	if err != nil {
		return nil, false, err
	}
	if meant, err := s.completed(onCandidate, onLive); err == nil {
		onCandidate = meant
	}
	s.ownUpdated(onCandidate)
	return onCandidate, true, nil
}

// isWhole reports whether the request gives the whole template. A requester that writes the whole object without
// having read the stored one, or restores an old revision, sends the annotation of another candidate or none.
func (s *subject) isWhole(same bool) bool {
	brought, held := s.requestedAnnotations[config.AnnotationCandidate], s.storedAnnotations[config.AnnotationCandidate]
	return brought != held && (!same || s.isManifest())
}

// isManifest reports whether the request puts in a whole object that was not read from the API server, as kubectl replace
// does, whoever sends it. Patches, and objects that were read and are written back, carry what the API server has added.
func (s *subject) isManifest() bool {
	stored, requested := &unstructured.Unstructured{Object: s.old}, &unstructured.Unstructured{Object: s.new}
	return stored.GetUID() != "" && requested.GetUID() == "" || stored.GetResourceVersion() != "" && requested.GetResourceVersion() == ""
}

// serverSideApply returns the entry of the requester's field manager if the request is a server-side apply. A manager
// can both apply and update; an update changes its other entry.
func (s *subject) serverSideApply() (*metav1.ManagedFieldsEntry, error) {
	applied := entryOf(s.new, s.request.Manager, metav1.ManagedFieldsOperationApply)
	if applied == nil {
		return nil, nil
	}
	if takesOver, err := s.takesOver(); err != nil || takesOver {
		return nil, err
	}
	before := entryOf(s.old, s.request.Manager, metav1.ManagedFieldsOperationUpdate)
	after := entryOf(s.new, s.request.Manager, metav1.ManagedFieldsOperationUpdate)
	if after != nil && (before == nil || !before.FieldsV1.Equal(*after.FieldsV1)) {
		return nil, nil
	}
	return applied, nil
}

// entryOf returns the entry of a manager for the object itself, not for its status or scale.
func entryOf(object map[string]any, manager string, operation metav1.ManagedFieldsOperationType) *metav1.ManagedFieldsEntry {
	for _, entry := range (&unstructured.Unstructured{Object: object}).GetManagedFields() {
		if entry.Manager == manager && entry.Operation == operation && entry.Subresource == "" && entry.FieldsV1 != nil {
			return &entry
		}
	}
	return nil
}

// deploymentWith returns a Deployment with nothing but a template, for typed merges.
func deploymentWith(template workload.Template) map[string]any {
	return map[string]any{
		"apiVersion": appsv1.SchemeGroupVersion.String(), "kind": "Deployment",
		"metadata": map[string]any{"name": "template"},
		"spec":     map[string]any{"template": map[string]any(template)},
	}
}
