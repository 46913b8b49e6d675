package config

import (
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	sigsjson "sigs.k8s.io/json"
)

// PatchTemplate returns a pod template with spec.canary.template merged into it. The error says what is wrong with the patch, such as
// a field that pod templates do not have.
func PatchTemplate(template corev1.PodTemplateSpec, patch []byte) (corev1.PodTemplateSpec, error) {
	var result corev1.PodTemplateSpec
	if err := CheckJSON(patch); err != nil {
		return result, fmt.Errorf("must be a strategic merge patch of a pod template: %w", err)
	}
	original, err := json.Marshal(template)
	if err != nil {
		return result, fmt.Errorf("encode the pod template: %w", err)
	}
	patched, err := strategicpatch.StrategicMergePatch(original, patch, corev1.PodTemplateSpec{})
	if err != nil {
		return result, fmt.Errorf("must be a strategic merge patch of a pod template: %w", err)
	}
	unknown, err := sigsjson.UnmarshalStrict(patched, &result)
	if err != nil {
		return result, fmt.Errorf("must be a strategic merge patch of a pod template: %w", err)
	}
	if len(unknown) > 0 {
		return result, fmt.Errorf("must be a strategic merge patch of a pod template: %w", unknown[0])
	}
	return result, nil
}
