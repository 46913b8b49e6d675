package author

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"sluice.dev/sluice/config"
)

// send sends one dry run and returns the API server's warnings. Sluice's own webhooks are not called for it: see config.AuthorManager.
func (a *Author) send(ctx context.Context, method string, user authenticationv1.UserInfo, wanted map[string]any) ([]string, error) {
	object := &unstructured.Unstructured{Object: wanted}
	var request *rest.Request
	var content any
	switch method {
	case http.MethodPatch:
		request, content = a.client.Patch(types.JSONPatchType).Name(object.GetName()), patchOf(object)
	case http.MethodPut:
		request, content = a.client.Put().Name(object.GetName()), sendable(object)
	default:
		request, content = a.client.Post(), sendable(object)
	}
	body, err := json.Marshal(content)
	if err != nil {
		return nil, fmt.Errorf("encode the Deployment: %w", err)
	}
	for key, values := range a.as(user) {
		request.SetHeader(key, values...)
	}
	var told warnings
	// The answer repeats the Deployment. Its metadata are enough.
	err = request.Namespace(object.GetNamespace()).Resource("deployments").Body(body).WarningHandler(&told).
		SetHeader("Accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json").
		Param("dryRun", metav1.DryRunAll).Param("fieldManager", config.AuthorManager).Do(ctx).Error()
	return told, err
}

// operation is one of a JSON patch.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// patchOf states everything that a user can change in an object. An addition replaces what is there.
func patchOf(wanted *unstructured.Unstructured) []operation {
	return []operation{
		{"add", "/spec", wanted.Object["spec"]},
		{"add", "/metadata/labels", orEmpty(wanted.GetLabels())},
		{"add", "/metadata/annotations", orEmpty(wanted.GetAnnotations())},
		{"add", "/metadata/ownerReferences", append([]metav1.OwnerReference{}, wanted.GetOwnerReferences()...)},
		{"add", "/metadata/finalizers", append([]string{}, wanted.GetFinalizers()...)},
	}
}

func orEmpty(values map[string]string) map[string]string {
	if values == nil {
		return map[string]string{}
	}
	return values
}

// sendable is an object without what the API server writes. It may be newer by now.
func sendable(wanted *unstructured.Unstructured) map[string]any {
	object := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "spec": wanted.Object["spec"]}}
	object.SetNamespace(wanted.GetNamespace())
	object.SetName(wanted.GetName())
	object.SetGenerateName(wanted.GetGenerateName())
	object.SetLabels(wanted.GetLabels())
	object.SetAnnotations(wanted.GetAnnotations())
	object.SetOwnerReferences(wanted.GetOwnerReferences())
	object.SetFinalizers(wanted.GetFinalizers())
	return object.Object
}

// warnings collects what the API server warns of.
type warnings []string

// HandleWarningHeader takes one warning. Its code says that it is one.
func (w *warnings) HandleWarningHeader(code int, _ string, text string) {
	if code == 299 && text != "" {
		*w = append(*w, text)
	}
}
