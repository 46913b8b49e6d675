package admission

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/freeze"
)

// RenderFreeze returns the spec of a Freeze to store. It records who wrote it and when. An error rejects a spec that cannot be
// parsed; it names the field and the allowed values.
func RenderFreeze(old, updated v1alpha1.Freeze, request Request) (v1alpha1.FreezeSpec, error) {
	if _, err := freeze.WindowOf(&updated, request.Now); err != nil {
		return v1alpha1.FreezeSpec{}, err
	}
	spec, was := *updated.Spec.DeepCopy(), old.Spec
	spec.Stamp, was.Stamp = v1alpha1.Stamp{}, v1alpha1.Stamp{}
	if old.Spec.Stamp != (v1alpha1.Stamp{}) && equality.Semantic.DeepEqual(was, spec) {
		spec.Stamp = old.Spec.Stamp
		return spec, nil
	}
	now := metav1.NewTime(request.Now)
	spec.Stamp = v1alpha1.Stamp{By: strings.ToValidUTF8(request.User, "?"), At: &now}
	return spec, nil
}
