package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// validatePolicy rejects a CanaryPolicy or ClusterCanaryPolicy that could not be used, with all that is wrong in it, and warns
// of what hardly is meant. One that is already there may be given labels, or be deleted, as it is.
func validatePolicy(_ context.Context, request admission.Request) admission.Response {
	var old, updated v1alpha1.CanaryPolicy
	if err := json.Unmarshal(request.Object.Raw, &updated); err != nil {
		return admission.Errored(http.StatusBadRequest, fmt.Errorf("decode %s %s: %w", request.Kind.Kind, request.Name, err))
	}
	if len(request.OldObject.Raw) > 0 && json.Unmarshal(request.OldObject.Raw, &old) == nil && len(config.Differences(old.Spec, updated.Spec)) == 0 {
		return admission.Allowed("")
	}
	if err := config.ValidatePolicy(updated.Spec).ToAggregate(); err != nil {
		return admission.Denied("sluice: " + err.Error())
	}
	var warnings []string
	for _, advice := range config.AdviceOf(updated.Spec) {
		warnings = append(warnings, readable(updated.Name+": "+advice.String()))
	}
	return admission.Allowed("").WithWarnings(warnings...)
}
