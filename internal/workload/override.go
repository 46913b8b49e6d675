package workload

import (
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"sluice.dev/sluice/config"
)

// overridePath is the policy field that changes the canary's pods.
var overridePath = field.NewPath("spec", "canary", "template")

// Override merges a policy's patch into the pod template of a canary. An empty patch changes nothing. The error has the path
// of what cannot be patched: a field that pod templates do not have, or a label that identifies the canary's pods.
func Override(canary *appsv1.Deployment, patch []byte) error {
	if len(patch) == 0 {
		return nil
	}
	template, err := config.PatchTemplate(canary.Spec.Template, patch)
	if err != nil {
		return fmt.Errorf("%s: %w", overridePath, err)
	}
	for _, key := range slices.Sorted(maps.Keys(canary.Spec.Selector.MatchLabels)) {
		if want := canary.Spec.Selector.MatchLabels[key]; template.Labels[key] != want {
			return field.Invalid(overridePath.Child("metadata", "labels").Key(key), template.Labels[key],
				fmt.Sprintf("must stay %q, because it selects the canary's pods; leave it out, or name other labels in the annotation %s",
					want, config.AnnotationIdentityLabels))
		}
	}
	canary.Spec.Template = template
	return nil
}
