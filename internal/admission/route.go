package admission

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
)

// RenderRoute returns what becomes of an HTTPRoute or a GRPCRoute that is created (old is nil) or updated. Only the
// reconciler starts or ends splits and cohorts: a requester that leaves the annotations out, as kubectl replace does,
// or sends earlier ones, did not mean to. The objects are decoded JSON and are not changed.
func RenderRoute(old, updated map[string]any, request Request) (Result, error) {
	result := Result{Object: (&unstructured.Unstructured{Object: updated}).DeepCopy().Object}
	if old == nil {
		return restoredRoute(result, request)
	}
	if !request.Reconciler {
		for _, key := range []string{config.AnnotationSplit, config.AnnotationCohorts} {
			if err := keepStated(old, result.Object, key, request); err != nil {
				return Result{}, err
			}
		}
	}
	before, err := route.FromObject(old)
	if err != nil {
		return Result{}, err
	}
	after, err := route.FromObject(result.Object)
	if err != nil {
		return Result{}, err
	}
	rendered, err := route.Render(before, after)
	if err != nil {
		return Result{}, err
	}
	if !request.Reconciler {
		result.Warnings = route.Dropped(before, after)
	}
	return result, rendered.Into(result.Object)
}

// keepStated restores a stored annotation, and refuses one that was not stored.
func keepStated(old, updated map[string]any, key string, request Request) error {
	result := &unstructured.Unstructured{Object: updated}
	stated, had := (&unstructured.Unstructured{Object: old}).GetAnnotations()[key]
	annotations := result.GetAnnotations()
	if _, has := annotations[key]; has && !had {
		return fmt.Errorf("metadata.annotations[%s]: only Sluice itself may set it, not %s; leave it out", key, request.User)
	}
	if !had {
		return nil
	}
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[key] = stated
	result.SetAnnotations(annotations)
	return nil
}

// restoredRoute removes everything that Sluice added from a route that is created, for example from a backup that was
// taken during a rollout.
func restoredRoute(result Result, request Request) (Result, error) {
	created, err := route.FromObject(result.Object)
	if err != nil {
		return Result{}, err
	}
	intents, err := route.IntentsOf(created.Annotations)
	if err != nil {
		return Result{}, fmt.Errorf("%w; leave it out", err)
	}
	if intents.None() || request.Reconciler {
		return result, nil
	}
	where := "their Services"
	if len(intents.Splits) == 1 {
		where = "Service " + intents.Splits[0].Primary
	}
	result.Warnings = []string{fmt.Sprintf("%s: the split of an earlier rollout was removed from the rules; all requests go to %s", created.Name, where)}
	return result, route.Plain(created).Into(result.Object)
}
