package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/freeze"
)

// mutateFreeze stamps who freezes, and rejects what could not be read later.
func (h handlers) mutateFreeze(_ context.Context, request admission.Request) admission.Response {
	var old, updated v1alpha1.Freeze
	for _, side := range []struct {
		raw  []byte
		into *v1alpha1.Freeze
	}{{request.OldObject.Raw, &old}, {request.Object.Raw, &updated}} {
		if len(side.raw) == 0 {
			continue
		}
		if err := json.Unmarshal(side.raw, side.into); err != nil {
			return admission.Errored(http.StatusBadRequest, fmt.Errorf("decode Freeze %s: %w", request.Name, err))
		}
	}
	spec, err := RenderFreeze(old, updated, h.requestOf(request))
	if err != nil {
		return admission.Denied("sluice: " + err.Error())
	}
	object, err := decodeNumbers(request.Object.Raw)
	if err != nil {
		return admission.Errored(http.StatusBadRequest, fmt.Errorf("decode Freeze %s: %w", request.Name, err))
	}
	object["spec"] = spec
	return patched(request, object)
}

// RenderFreeze is what becomes of the spec of a Freeze: it says who wrote what it says, and when. An error is a spec that
// cannot be read; it names the field and what is allowed.
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
