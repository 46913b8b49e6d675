package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	ctrladmission "sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/admission"
)

// object is decoded JSON.
type object = unstructured.Unstructured

func renderDeployment(old, updated object, request admission.Request) (admission.Result, error) {
	return admission.Render(old.Object, updated.Object, request)
}

func keepDeployment(old, updated object, request admission.Request) (admission.Result, error) {
	return admission.Keep(old.Object, updated.Object, request)
}

func validateDeployment(old, updated object, request admission.Request) ([]string, error) {
	if err := admission.Validate(old.Object, updated.Object, request); err != nil {
		return nil, err
	}
	return admission.SettingsWarnings(old.Object, updated.Object), nil
}

func renderRoute(old, updated object, request admission.Request) (admission.Result, error) {
	return admission.RenderRoute(old.Object, updated.Object, request)
}

func dryRunDeployment(old, updated object, request admission.Request) (admission.Result, error) {
	return admission.DryRun(old.Object, updated.Object, request), nil
}

func dryRunSettings(old, updated object, request admission.Request) ([]string, error) {
	return admission.DryRunSettings(old.Object, updated.Object, request), nil
}

// pass lets everything through that a dry run says nothing about.
func pass(_, _ object, _ admission.Request) ([]string, error) { return nil, nil }

// typed holds an object as this release knows it and as it was sent. A newer release may have added fields.
type typed[T any] struct {
	known T
	sent  json.RawMessage
}

// UnmarshalJSON decodes the known fields.
func (t *typed[T]) UnmarshalJSON(content []byte) error {
	t.sent = slices.Clone(content)
	return json.Unmarshal(content, &t.known)
}

// withSpec returns the object as it was sent, with another spec.
func (t typed[T]) withSpec(spec any) (map[string]any, error) {
	var sent object
	if err := json.Unmarshal(t.sent, &sent); err != nil {
		return nil, fmt.Errorf("decode the object: %w", err)
	}
	sent.Object["spec"] = spec
	return sent.Object, nil
}

func renderCanary(old, updated typed[v1alpha1.Canary], request admission.Request) (admission.Result, error) {
	spec, warnings, err := admission.RenderCanary(old.known, updated.known, request)
	if err != nil {
		return admission.Result{}, err
	}
	rendered, err := updated.withSpec(spec)
	for _, key := range admission.AskedOnCanary {
		unstructured.RemoveNestedField(rendered, "metadata", "annotations", key)
	}
	return admission.Result{Object: rendered, Warnings: warnings}, err
}

func renderFreeze(old, updated typed[v1alpha1.Freeze], request admission.Request) (admission.Result, error) {
	spec, err := admission.RenderFreeze(old.known, updated.known, request)
	if err != nil {
		return admission.Result{}, err
	}
	rendered, err := updated.withSpec(spec)
	return admission.Result{Object: rendered}, err
}

// validatePolicy judges a CanaryPolicy or a ClusterCanaryPolicy. A stored one that this release cannot decode may be replaced.
func validatePolicy(_ context.Context, request ctrladmission.Request) ctrladmission.Response {
	var stored, updated v1alpha1.ClusterCanaryPolicy // a CanaryPolicy is one without limits
	if err := json.Unmarshal(request.Object.Raw, &updated); err != nil {
		return ctrladmission.Errored(http.StatusBadRequest, fmt.Errorf("decode %s %s: %w", request.Kind.Kind, request.Name, err))
	}
	var old *v1alpha1.ClusterPolicySpec
	if len(request.OldObject.Raw) > 0 && json.Unmarshal(request.OldObject.Raw, &stored) == nil {
		old = &stored.Spec
	}
	warnings, err := admission.ValidatePolicy(old, updated.Name, updated.Spec)
	if err != nil {
		return denied(err)
	}
	return ctrladmission.Allowed("").WithWarnings(warnings...)
}

// validateGenerated judges changes of objects that Sluice created.
func (h handlers) validateGenerated(_ context.Context, request ctrladmission.Request) ctrladmission.Response {
	old, updated, err := decode[object](request)
	if err != nil {
		return ctrladmission.Errored(http.StatusBadRequest, err)
	}
	warnings, err := admission.ValidateGenerated(request.Kind.Kind, request.Name, old.Object, updated.Object, h.requestOf(request))
	if err != nil {
		return denied(err)
	}
	return ctrladmission.Allowed("").WithWarnings(warnings...)
}
