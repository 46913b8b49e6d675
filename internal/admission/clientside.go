package admission

import (
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// clientSideApply is the field manager of kubectl apply without --server-side.
const clientSideApply = "kubectl-client-side-apply"

// clientSideApply returns the pod templates of the previously applied manifest and of this one, if the request is a
// client-side apply.
func (s *subject) clientSideApply() (original, modified []byte, applies bool) {
	before, after := s.storedAnnotations[corev1.LastAppliedConfigAnnotation], s.annotations[corev1.LastAppliedConfigAnnotation]
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
	if config.CheckJSON([]byte(manifest)) != nil || json.Unmarshal([]byte(manifest), &deployment) != nil {
		return nil
	}
	return deployment.Spec.Template
}

// replayClientSideApply makes the three-way merge that kubectl would have sent if the other template were live.
func replayClientSideApply(original, modified []byte, onto workload.Template) (workload.Template, error) {
	if original == nil {
		original = []byte("{}")
	}
	current, err := json.Marshal(onto)
	if err != nil {
		return nil, fmt.Errorf("spec.template: %w", err)
	}
	keys, err := podMergeKeys()
	if err != nil {
		return nil, err
	}
	patch, err := strategicpatch.CreateThreeWayMergePatch(original, modified, current, keys, true)
	if err != nil {
		return nil, fmt.Errorf("spec.template: merge the manifest with the candidate: %w", err)
	}
	merged, err := strategicpatch.StrategicMergePatchUsingLookupPatchMeta(current, patch, keys)
	if err != nil {
		return nil, fmt.Errorf("spec.template: merge the manifest with the candidate: %w", err)
	}
	return decodeTemplate(merged)
}

// replayUnknown applies the change of the stored template to the candidate if the types of this release do not know
// all of its fields.
func (s *subject) replayUnknown() (workload.Template, error) {
	var documents [3][]byte
	for i, template := range []workload.Template{s.live.Template, s.requested.Template, s.candidate.Template} {
		content, err := json.Marshal(template)
		if err != nil {
			return nil, fmt.Errorf("spec.template: %w", err)
		}
		documents[i] = content
	}
	keys, err := podMergeKeys()
	if err != nil {
		return nil, err
	}
	patch, err := strategicpatch.CreateTwoWayMergePatchUsingLookupPatchMeta(documents[0], documents[1], keys)
	if err != nil {
		return nil, fmt.Errorf("spec.template: compare with the stored template: %w", err)
	}
	merged, err := strategicpatch.StrategicMergePatchUsingLookupPatchMeta(documents[2], patch, keys)
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
