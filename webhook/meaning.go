package webhook

import (
	"encoding/json"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/strategicpatch"

	"sluice.dev/sluice/workload"
)

// clientSideApply is the field manager of kubectl apply without --server-side.
const clientSideApply = "kubectl-client-side-apply"

// meaning is the template that the requester asks for, which is not always the one in the request: tools believe that
// what they last asked for is what is there, also when it was held back. So the request is read as if the template last
// asked for were live. It reports false when the request does not speak of the template.
func (s *subject) meaning() (meant workload.Template, changed bool, err error) {
	if s.candidate == nil {
		return s.asked, !workload.Equal(s.asked, s.live), nil
	}
	applied, err := s.serverSideApply()
	if err != nil {
		return nil, false, err
	}
	if applied != nil {
		meant, err = s.replayServerSideApply(applied, s.candidate.Template)
		return meant, err == nil, err
	}
	if original, modified, applies := s.clientSideApply(); applies {
		meant, err = s.replayClientSideApply(original, modified, s.candidate.Template)
		return meant, err == nil, err
	}
	if workload.Equal(s.asked, s.live) {
		return nil, false, nil
	}
	if s.candidate.Mark != workload.MarkNone {
		return s.asked, true, nil
	}
	meant, err = s.replayDifference(s.candidate.Template)
	return meant, err == nil, err
}

// replayDifference puts the difference from the stored template to the requested one on top of another.
func (s *subject) replayDifference(onto workload.Template) (workload.Template, error) {
	var documents [3][]byte
	for i, template := range []workload.Template{s.live, s.asked, onto} {
		content, err := json.Marshal(template)
		if err != nil {
			return nil, fmt.Errorf("spec.template: %w", err)
		}
		documents[i] = content
	}
	patch, err := strategicpatch.CreateTwoWayMergePatch(documents[0], documents[1], corev1.PodTemplateSpec{})
	if err != nil {
		return nil, fmt.Errorf("spec.template: compare with the stored one: %w", err)
	}
	merged, err := strategicpatch.StrategicMergePatch(documents[2], patch, corev1.PodTemplateSpec{})
	if err != nil {
		return nil, fmt.Errorf("spec.template: merge with the candidate: %w", err)
	}
	return decodeTemplate(merged)
}

func decodeTemplate(content []byte) (workload.Template, error) {
	template, err := decodeNumbers(content)
	if err != nil {
		return nil, fmt.Errorf("spec.template: %w", err)
	}
	return template, nil
}

// clientSideApply returns the pod templates of the manifest applied last and of this one, when the request is a
// client-side apply.
func (s *subject) clientSideApply() (original, modified []byte, applies bool) {
	before, after := s.before[corev1.LastAppliedConfigAnnotation], s.annotations[corev1.LastAppliedConfigAnnotation]
	if after == "" || (before == after && s.request.Manager != clientSideApply) {
		return nil, nil, false
	}
	original, modified = manifestTemplate(before), manifestTemplate(after)
	return original, modified, modified != nil
}

func manifestTemplate(manifest string) []byte {
	var deployment struct {
		Spec struct {
			Template json.RawMessage `json:"template"`
		} `json:"spec"`
	}
	if err := json.Unmarshal([]byte(manifest), &deployment); err != nil {
		return nil
	}
	return deployment.Spec.Template
}

// replayClientSideApply makes the three-way merge that kubectl would have sent had the other template been live.
func (s *subject) replayClientSideApply(original, modified []byte, onto workload.Template) (workload.Template, error) {
	if original == nil {
		original = []byte("{}")
	}
	current, err := json.Marshal(onto)
	if err != nil {
		return nil, fmt.Errorf("spec.template: %w", err)
	}
	lookup, err := strategicpatch.NewPatchMetaFromStruct(corev1.PodTemplateSpec{})
	if err != nil {
		return nil, fmt.Errorf("spec.template: %w", err)
	}
	patch, err := strategicpatch.CreateThreeWayMergePatch(original, modified, current, lookup, true)
	if err != nil {
		return nil, fmt.Errorf("spec.template: merge the manifest with the candidate: %w", err)
	}
	merged, err := strategicpatch.StrategicMergePatch(current, patch, corev1.PodTemplateSpec{})
	if err != nil {
		return nil, fmt.Errorf("spec.template: merge the manifest with the candidate: %w", err)
	}
	template, err := decodeTemplate(merged)
	if err != nil {
		return nil, err
	}
	return s.withDefaults(onto, template)
}

// serverSideApply returns the entry of the requester's manager when the request is a server-side apply. A manager can
// both apply and update; an update shows in its other entry.
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

// entryOf finds the entry of a manager for the object itself, not for its status or scale.
func entryOf(object map[string]any, manager string, operation metav1.ManagedFieldsOperationType) *metav1.ManagedFieldsEntry {
	for _, entry := range (&unstructured.Unstructured{Object: object}).GetManagedFields() {
		if entry.Manager == manager && entry.Operation == operation && entry.Subresource == "" && entry.FieldsV1 != nil {
			return &entry
		}
	}
	return nil
}

// deploymentWith is a Deployment of nothing but a template, for the typed merges.
func deploymentWith(template workload.Template) map[string]any {
	return map[string]any{
		"apiVersion": appsv1.SchemeGroupVersion.String(), "kind": "Deployment",
		"metadata": map[string]any{"name": "template"},
		"spec":     map[string]any{"template": runtimeMap(template)},
	}
}
