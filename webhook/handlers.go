package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/route"
)

// Paths of the webhooks.
const (
	MutateDeploymentPath   = "/mutate-deployment"
	ValidateDeploymentPath = "/validate-deployment"
	MutateRoutePath        = "/mutate-route"
	MutateCanaryPath       = "/mutate-canary"
)

// Register adds the webhooks to a server.
func Register(server webhook.Server) {
	// Reading the schema takes a second, which no request should wait for.
	converter()
	server.Register(MutateDeploymentPath, &webhook.Admission{Handler: admission.HandlerFunc(mutateDeployment)})
	server.Register(ValidateDeploymentPath, &webhook.Admission{Handler: admission.HandlerFunc(validateDeployment)})
	server.Register(MutateRoutePath, &webhook.Admission{Handler: admission.HandlerFunc(mutateRoute)})
	server.Register(MutateCanaryPath, &webhook.Admission{Handler: admission.HandlerFunc(mutateCanary)})
}

func mutateDeployment(_ context.Context, request admission.Request) admission.Response {
	old, updated, err := decode(request)
	if err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	result, err := Render(old, updated, requestOf(request))
	if err != nil {
		return admission.Denied("sluice: " + err.Error())
	}
	return patched(request, result.Object).WithWarnings(result.Warnings...)
}

func requestOf(request admission.Request) Request {
	return Request{User: request.UserInfo.Username, Manager: managerOf(request), Now: time.Now().UTC().Truncate(time.Second)}
}

func decode(request admission.Request) (old, updated map[string]any, err error) {
	var objects [2]unstructured.Unstructured
	for i, raw := range [][]byte{request.OldObject.Raw, request.Object.Raw} {
		if err := objects[i].UnmarshalJSON(raw); err != nil {
			return nil, nil, fmt.Errorf("decode %s %s/%s: %w", request.Kind.Kind, request.Namespace, request.Name, err)
		}
	}
	return objects[0].Object, objects[1].Object, nil
}

func managerOf(request admission.Request) string {
	var options metav1.UpdateOptions
	if err := json.Unmarshal(request.Options.Raw, &options); err != nil {
		return ""
	}
	return options.FieldManager
}

func patched(request admission.Request, object any) admission.Response {
	content, err := json.Marshal(object)
	if err != nil {
		return admission.Errored(http.StatusInternalServerError, fmt.Errorf("encode the answer: %w", err))
	}
	return admission.PatchResponseFromRaw(request.Object.Raw, content)
}

func validateDeployment(_ context.Context, request admission.Request) admission.Response {
	var old, updated metav1.PartialObjectMetadata
	if err := json.Unmarshal(request.Object.Raw, &updated); err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	if len(request.OldObject.Raw) > 0 {
		if err := json.Unmarshal(request.OldObject.Raw, &old); err != nil {
			return admission.Errored(http.StatusBadRequest, err)
		}
	}
	if err := Validate(old.Annotations, updated.Annotations); err != nil {
		return admission.Denied("sluice: " + err.Error())
	}
	return admission.Allowed("")
}

// mutateRoute renders the split. A requester that leaves the annotation out, as kubectl replace does, did not mean to end
// the rollout; only the reconciler takes it away.
func mutateRoute(_ context.Context, request admission.Request) admission.Response {
	old, updated, err := decode(request)
	if err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	object, err := RenderRoute(old, updated, managerOf(request))
	if err != nil {
		return admission.Denied("sluice: " + err.Error())
	}
	return patched(request, object)
}

// RenderRoute is what becomes of an update of an HTTPRoute. The objects are decoded JSON and are not changed.
func RenderRoute(old, updated map[string]any, manager string) (map[string]any, error) {
	result := (&unstructured.Unstructured{Object: updated}).DeepCopy()
	if split, had := (&unstructured.Unstructured{Object: old}).GetAnnotations()[config.AnnotationSplit]; had && manager != config.FieldManager {
		annotations := result.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[config.AnnotationSplit] = split
		result.SetAnnotations(annotations)
	}
	before, err := typedRoute(old)
	if err != nil {
		return nil, err
	}
	after, err := typedRoute(result.Object)
	if err != nil {
		return nil, err
	}
	rendered, err := route.Render(before, after)
	if err != nil {
		return nil, fmt.Errorf("metadata.annotations[%s]: %w", config.AnnotationSplit, err)
	}
	return result.Object, putBackends(result.Object, after, rendered)
}

func typedRoute(object map[string]any) (*gatewayv1.HTTPRoute, error) {
	content, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("encode route: %w", err)
	}
	var typed gatewayv1.HTTPRoute
	if err := json.Unmarshal(content, &typed); err != nil {
		return nil, fmt.Errorf("decode route: %w", err)
	}
	return &typed, nil
}

// putBackends takes over what rendering changed and nothing else: fields that the types do not know stay.
func putBackends(object map[string]any, before, rendered *gatewayv1.HTTPRoute) error {
	result := &unstructured.Unstructured{Object: object}
	result.SetAnnotations(rendered.Annotations)
	if route.SameBackends(before, rendered) {
		return nil
	}
	rules, _, err := unstructured.NestedSlice(object, "spec", "rules")
	if err != nil || len(rules) != len(rendered.Spec.Rules) {
		return fmt.Errorf("spec.rules: must be a list of rules")
	}
	for i := range rules {
		rule, ok := rules[i].(map[string]any)
		if !ok || len(rendered.Spec.Rules[i].BackendRefs) == 0 {
			continue
		}
		content, err := json.Marshal(map[string]any{"refs": rendered.Spec.Rules[i].BackendRefs})
		if err != nil {
			return fmt.Errorf("spec.rules[%d].backendRefs: %w", i, err)
		}
		refs, err := decodeNumbers(content)
		if err != nil {
			return fmt.Errorf("spec.rules[%d].backendRefs: %w", i, err)
		}
		rule["backendRefs"] = refs["refs"]
	}
	return unstructured.SetNestedSlice(object, rules, "spec", "rules")
}
