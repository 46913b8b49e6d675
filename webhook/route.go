package webhook

import (
	"encoding/json"
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/route"
)

// RenderRoute is what becomes of an HTTPRoute that is created (old is nil) or updated. Only the reconciler states or ends
// a split: a requester who leaves the annotation out, as kubectl replace does, or brings an earlier one, did not mean to.
// The objects are decoded JSON and are not changed.
func RenderRoute(old, updated map[string]any, request Request) (Result, error) {
	result := (&unstructured.Unstructured{Object: updated}).DeepCopy()
	if old == nil {
		return restoredRoute(result, request)
	}
	if !request.Reconciler {
		if err := keepSplit(old, result, request); err != nil {
			return Result{}, err
		}
	}
	before, err := typedRoute(old)
	if err != nil {
		return Result{}, err
	}
	after, err := typedRoute(result.Object)
	if err != nil {
		return Result{}, err
	}
	rendered, err := route.Render(before, after)
	if err != nil {
		return Result{}, fmt.Errorf("metadata.annotations[%s]: %w", config.AnnotationSplit, err)
	}
	return Result{Object: result.Object}, putBackends(result.Object, after, rendered)
}

// keepSplit puts the stored split back, and refuses one where there was none.
func keepSplit(old map[string]any, updated *unstructured.Unstructured, request Request) error {
	split, had := (&unstructured.Unstructured{Object: old}).GetAnnotations()[config.AnnotationSplit]
	annotations := updated.GetAnnotations()
	if _, has := annotations[config.AnnotationSplit]; has && !had {
		return fmt.Errorf("metadata.annotations[%s]: only sluice itself may set it, not %s; leave it out", config.AnnotationSplit, request.User)
	}
	if !had {
		return nil
	}
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[config.AnnotationSplit] = split
	updated.SetAnnotations(annotations)
	return nil
}

// restoredRoute takes the split out of a route that is made anew, as from a backup that was taken during a rollout.
func restoredRoute(created *unstructured.Unstructured, request Request) (Result, error) {
	result := Result{Object: created.Object}
	split, err := route.SplitOf(created.GetAnnotations())
	if err != nil {
		return Result{}, fmt.Errorf("metadata.annotations[%s]: %w; leave it out", config.AnnotationSplit, err)
	}
	if split == nil || request.Reconciler {
		return result, nil
	}
	before, err := typedRoute(created.Object)
	if err != nil {
		return Result{}, err
	}
	result.Warnings = []string{fmt.Sprintf("%s: the split of an earlier rollout is taken out of the rules, all requests go to Service %s", created.GetName(), split.Primary)}
	return result, putBackends(created.Object, before, route.WithoutSplit(before, *split))
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
	if !maps.Equal(result.GetAnnotations(), rendered.Annotations) {
		result.SetAnnotations(rendered.Annotations)
	}
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
