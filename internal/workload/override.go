package workload

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/apimachinery/pkg/util/validation/field"
	kjson "sigs.k8s.io/json"

	"sluice.dev/sluice/config"
)

// overridePath is where a policy says how the canary's pods differ.
var overridePath = field.NewPath("spec", "canary", "template")

// Override merges a policy's patch into the pod template of a canary, which is left as it is by an empty patch. The error has
// the path of what cannot be: a field that pod templates do not have, or a label that the canary's pods are known by.
func Override(canary *appsv1.Deployment, patch []byte) error {
	if len(patch) == 0 {
		return nil
	}
	before, err := json.Marshal(canary.Spec.Template)
	if err != nil {
		return fmt.Errorf("encode the pod template: %w", err)
	}
	merged, err := strategicpatch.StrategicMergePatch(before, patch, corev1.PodTemplateSpec{})
	if err != nil {
		return fmt.Errorf("%s: must be a strategic merge patch of a pod template: %w", overridePath, err)
	}
	var template corev1.PodTemplateSpec
	unknown, err := kjson.UnmarshalStrict(merged, &template)
	if err != nil {
		return fmt.Errorf("%s: must be a part of a pod template: %w", overridePath, err)
	}
	if len(unknown) > 0 {
		return fmt.Errorf("%s: must have only fields of a pod template: %w", overridePath, unknown[0])
	}
	for _, key := range slices.Sorted(maps.Keys(canary.Spec.Selector.MatchLabels)) {
		if want := canary.Spec.Selector.MatchLabels[key]; template.Labels[key] != want {
			return field.Invalid(overridePath.Child("metadata", "labels").Key(key), template.Labels[key],
				fmt.Sprintf("must stay %q, by which the canary's pods are selected; leave it out, or name other labels in the annotation %s",
					want, config.AnnotationIdentityLabels))
		}
	}
	canary.Spec.Template = template
	return nil
}
