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
)

// Paths of the webhooks.
const (
	MutateDeploymentPath   = "/mutate-deployment"
	ValidateDeploymentPath = "/validate-deployment"
	MutateRoutePath        = "/mutate-route"
	ValidateGeneratedPath  = "/validate-generated"
	MutateCanaryPath       = "/mutate-canary"
	ValidatePolicyPath     = "/validate-policy"
	MutateFreezePath       = "/mutate-freeze"
)

// Register adds the webhooks to a server. The reconciler is the name of the user that the reconciler is to the API
// server, such as system:serviceaccount:sluice-system:sluice: nobody else may promote or split. In a dry run
// every change of a Deployment or a route is let through as it is.
func Register(server webhook.Server, reconciler string, dryRun bool) {
	// Reading the schema takes a second, which no request should wait for.
	converter()
	h := handlers{reconciler: reconciler, dryRun: dryRun}
	for path, handle := range map[string]admission.HandlerFunc{
		MutateDeploymentPath:   h.mutateDeployment,
		ValidateDeploymentPath: h.validateDeployment,
		MutateRoutePath:        h.mutateRoute,
		ValidateGeneratedPath:  h.validateGenerated,
		MutateCanaryPath:       h.mutateCanary,
		ValidatePolicyPath:     validatePolicy,
		MutateFreezePath:       h.mutateFreeze,
	} {
		server.Register(path, &webhook.Admission{Handler: handle})
	}
}

// handlers decode requests, have them rendered or judged, and encode the answers.
type handlers struct {
	reconciler string
	dryRun     bool
}

func (h handlers) requestOf(request admission.Request) Request {
	return Request{
		User: request.UserInfo.Username, Reconciler: request.UserInfo.Username == h.reconciler,
		Manager: managerOf(request), Now: time.Now().UTC().Truncate(time.Second),
	}
}

func (h handlers) mutateDeployment(_ context.Context, request admission.Request) admission.Response {
	old, updated, err := decode(request)
	if err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	if h.dryRun {
		return dryRunDeployment(old, updated, h.requestOf(request))
	}
	result, err := Render(old, updated, h.requestOf(request))
	if err != nil {
		return admission.Denied("sluice: " + err.Error())
	}
	return patched(request, result.Object).WithWarnings(result.Warnings...)
}

// decode returns the stored and the requested object; the former is nil when the request creates one.
func decode(request admission.Request) (old, updated map[string]any, err error) {
	var objects [2]map[string]any
	for i, raw := range [][]byte{request.OldObject.Raw, request.Object.Raw} {
		if len(raw) == 0 {
			continue
		}
		var object unstructured.Unstructured
		if err := object.UnmarshalJSON(raw); err != nil {
			return nil, nil, fmt.Errorf("decode %s %s/%s: %w", request.Kind.Kind, request.Namespace, request.Name, err)
		}
		objects[i] = object.Object
	}
	return objects[0], objects[1], nil
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

func (h handlers) validateDeployment(_ context.Context, request admission.Request) admission.Response {
	old, updated, err := decode(request)
	if err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	if h.dryRun {
		return dryRunSettings(old, updated, h.requestOf(request))
	}
	if err := Validate(old, updated, h.requestOf(request)); err != nil {
		return admission.Denied("sluice: " + err.Error())
	}
	return admission.Allowed("").WithWarnings(settingsWarnings(old, updated)...)
}

func (h handlers) mutateRoute(_ context.Context, request admission.Request) admission.Response {
	old, updated, err := decode(request)
	if err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	if h.dryRun {
		return admission.Allowed("")
	}
	result, err := RenderRoute(old, updated, h.requestOf(request))
	if err != nil {
		return admission.Denied("sluice: " + err.Error())
	}
	return patched(request, result.Object).WithWarnings(result.Warnings...)
}

// validateGenerated warns whoever edits or deletes what sluice has made: it goes when the rollout ends.
func (h handlers) validateGenerated(_ context.Context, request admission.Request) admission.Response {
	if request.UserInfo.Username == h.reconciler {
		return admission.Allowed("")
	}
	return admission.Allowed("").WithWarnings(fmt.Sprintf("%s %s was made by sluice for one rollout and is removed at its end; change the primary instead",
		request.Kind.Kind, request.Name))
}
