// Package webhook serves admission over HTTP: it decodes requests, lets package admission decide, and encodes the answers.
package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	ctrladmission "sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/admission"
)

// Paths of the webhooks.
const (
	MutateDeploymentPath   = "/mutate-deployment"
	KeepDeploymentPath     = "/keep-deployment"
	ValidateDeploymentPath = "/validate-deployment"
	MutateRoutePath        = "/mutate-route"
	ValidateGeneratedPath  = "/validate-generated"
	MutateCanaryPath       = "/mutate-canary"
	ValidatePolicyPath     = "/validate-policy"
	MutateFreezePath       = "/mutate-freeze"
)

// Register adds the webhooks to a server. The reconciler is the user name of Sluice's reconciler, such as
// system:serviceaccount:sluice-system:sluice. Only that user may promote or split. In a dry run, every change of a Deployment
// or a route passes. With ask, which can be nil, a template is held back only if the cluster's policies let its author have it.
func Register(server webhook.Server, reconciler string, dryRun bool, ask AskAs) {
	admission.Prepare()
	h := handlers{reconciler: reconciler}
	deployments, kept, settings, routes := h.renderAsked(ask), mutate(h, keepDeployment), judge(h, validateDeployment), mutate(h, renderRoute)
	if dryRun {
		deployments, kept, settings, routes = mutate(h, dryRunDeployment), judge(h, pass), judge(h, dryRunSettings), judge(h, pass)
	}
	for path, handle := range map[string]ctrladmission.HandlerFunc{
		MutateDeploymentPath:   deployments,
		KeepDeploymentPath:     kept,
		ValidateDeploymentPath: settings,
		MutateRoutePath:        routes,
		ValidateGeneratedPath:  h.validateGenerated,
		MutateCanaryPath:       mutate(h, renderCanary),
		ValidatePolicyPath:     validatePolicy,
		MutateFreezePath:       mutate(h, renderFreeze),
	} {
		server.Register(path, &webhook.Admission{Handler: handle})
	}
}

// handlers knows who the reconciler is.
type handlers struct{ reconciler string }

func (h handlers) requestOf(request ctrladmission.Request) admission.Request {
	return admission.Request{
		User: request.UserInfo.Username, Reconciler: request.UserInfo.Username == h.reconciler,
		Manager: managerOf(request), Subresource: request.SubResource, Now: time.Now().UTC().Truncate(time.Microsecond),
	}
}

func managerOf(request ctrladmission.Request) string {
	var options metav1.UpdateOptions
	if err := json.Unmarshal(request.Options.Raw, &options); err != nil {
		return ""
	}
	return options.FieldManager
}

// mutate answers with the patch to the object that render returns, or with the reason why the request is rejected.
func mutate[T any](h handlers, render func(old, updated T, request admission.Request) (admission.Result, error)) ctrladmission.HandlerFunc {
	return func(_ context.Context, request ctrladmission.Request) ctrladmission.Response {
		old, updated, err := decode[T](request)
		if err != nil {
			return ctrladmission.Errored(http.StatusBadRequest, err)
		}
		result, err := render(old, updated, h.requestOf(request))
		if err != nil {
			return denied(err)
		}
		content, err := json.Marshal(result.Object)
		if err != nil {
			return ctrladmission.Errored(http.StatusInternalServerError, fmt.Errorf("encode the answer: %w", err))
		}
		return ctrladmission.PatchResponseFromRaw(request.Object.Raw, content).WithWarnings(result.Warnings...)
	}
}

// judge answers with warnings, or with the reason why the request is rejected.
func judge[T any](h handlers, validate func(old, updated T, request admission.Request) ([]string, error)) ctrladmission.HandlerFunc {
	return func(_ context.Context, request ctrladmission.Request) ctrladmission.Response {
		old, updated, err := decode[T](request)
		if err != nil {
			return ctrladmission.Errored(http.StatusBadRequest, err)
		}
		warnings, err := validate(old, updated, h.requestOf(request))
		if err != nil {
			return denied(err)
		}
		return ctrladmission.Allowed("").WithWarnings(warnings...)
	}
}

// denied rejects a request. What the API server itself would have refused is refused with its status, so that clients show
// the same as for a Deployment that is not opted in.
func denied(err error) ctrladmission.Response {
	if invalid := apierrors.APIStatus(nil); errors.As(err, &invalid) {
		response := ctrladmission.Denied("")
		response.Result = ptr.To(invalid.Status())
		return response
	}
	return ctrladmission.Denied("sluice: " + err.Error())
}

// decode returns the stored and the requested object. The stored one is empty if the request creates the object.
func decode[T any](request ctrladmission.Request) (old, updated T, err error) {
	for _, side := range []struct {
		raw  []byte
		into *T
	}{{request.OldObject.Raw, &old}, {request.Object.Raw, &updated}} {
		if len(side.raw) == 0 {
			continue
		}
		if err := config.CheckObject(side.raw); err != nil {
			return old, updated, fmt.Errorf("decode %s %s: %w: make the object smaller", request.Kind.Kind, nameOf(request), err)
		}
		if err := json.Unmarshal(side.raw, side.into); err != nil {
			return old, updated, fmt.Errorf("decode %s %s: %w", request.Kind.Kind, nameOf(request), err)
		}
	}
	return old, updated, nil
}

func nameOf(request ctrladmission.Request) string {
	if request.Namespace == "" {
		return request.Name
	}
	return request.Namespace + "/" + request.Name
}
