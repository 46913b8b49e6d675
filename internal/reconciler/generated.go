package reconciler

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
	"sluice.dev/sluice/rollout/target"
)

// applied remembers the result for each generated object, by Deployment. Without it, an object that is refused, or that others
// keep changing, would be applied without end. Losing it costs one more write.
type applied struct {
	mu sync.Mutex
	of map[types.NamespacedName]map[observed.GeneratedKey]observed.Applied
}

func (a *applied) get(deployment types.NamespacedName) map[observed.GeneratedKey]observed.Applied {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.of[deployment])
}

func (a *applied) set(deployment types.NamespacedName, made observed.GeneratedKey, what observed.Applied) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of == nil {
		a.of = map[types.NamespacedName]map[observed.GeneratedKey]observed.Applied{}
	}
	if a.of[deployment] == nil {
		a.of[deployment] = map[observed.GeneratedKey]observed.Applied{}
	}
	a.of[deployment][made] = what
}

func (a *applied) forget(deployment types.NamespacedName) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.of, deployment)
}

// writeGenerated applies the objects that the policy describes, and releases those that it no longer describes.
func (r *Reconciler) writeGenerated(ctx context.Context, o reading, p plan.Plan) error {
	for _, made := range p.Generate.Objects {
		what := observed.Applied{Hash: made.GetAnnotations()[config.AnnotationGenerated], At: time.Now()}
		err := r.applyGenerated(ctx, made, o)
		if err != nil && !refused(err) && !unknownField(err) {
			return err
		}
		if err != nil {
			what.Refused = target.Refused(made.GetKind(), made.GetName(), err)
		}
		r.memory.applied.set(o.Key(), observed.GeneratedKey{Kind: made.GetKind(), Name: made.GetName()}, what)
		if err != nil {
			return err
		}
	}
	for _, made := range p.Generate.LetGo {
		if err := r.letGoOf(ctx, made, o); err != nil {
			return err
		}
	}
	return r.writeGrants(ctx, o.Key(), p.Generate)
}

// unknownField reports whether the cluster's schema of an object lacks a field. The API server has no error code for that.
func unknownField(err error) bool {
	return strings.Contains(err.Error(), "field not declared in schema")
}

// applyGenerated writes only the generated fields of an object. Apply is always strict: a field that the cluster's CRDs lack is
// refused, not dropped silently.
func (r *Reconciler) applyGenerated(ctx context.Context, made *unstructured.Unstructured, o reading) error {
	object := made.DeepCopy()
	if object.GetKind() == route.HTTP {
		if err := keepIntents(object, o); err != nil {
			return fmt.Errorf("repair %s: %w", nameOf(object), err)
		}
	}
	err := r.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), client.ForceOwnership, client.FieldOwner(config.FieldManager))
	if err != nil {
		return fmt.Errorf("apply %s: %w", nameOf(made), err)
	}
	return nil
}

// keepIntents renders the route's current split and cohorts on the rules that are about to be applied.
func keepIntents(object *unstructured.Unstructured, o reading) error {
	generated, err := route.FromObject(object.Object)
	if err != nil {
		return err
	}
	for _, current := range o.Routes {
		if current.Key() != generated.Key() {
			continue
		}
		repaired, err := route.Repaired(current, generated)
		if err != nil {
			return err
		}
		return unstructured.SetNestedSlice(object.Object, repaired.Rules, "spec", "rules")
	}
	return nil
}

// letGoOf gives a generated object to the user unchanged: without Sluice's labels, its owner and any claim to its fields, so
// that a later apply has no conflict. Some API servers let only those who may delete the object change its owners; then the
// owner stays.
func (r *Reconciler) letGoOf(ctx context.Context, made observed.GeneratedKey, o reading) error {
	current := metadataOf(made, o)
	if current == nil {
		return nil
	}
	metadata := map[string]any{
		"resourceVersion": current.ResourceVersion,
		"labels":          map[string]any{config.LabelRole: nil, config.LabelPrimary: nil, config.LabelManagedBy: nil},
		"annotations":     map[string]any{config.AnnotationGenerated: nil},
		"ownerReferences": slices.DeleteFunc(slices.Clone(current.OwnerReferences), func(owner metav1.OwnerReference) bool { return owner.UID == o.Primary.UID }),
		// One empty entry makes the API server forget the owners of all fields.
		"managedFields": []any{map[string]any{}},
	}
	err := r.patchMetadata(ctx, made, o.Namespace, metadata)
	if apierrors.IsForbidden(err) {
		delete(metadata, "ownerReferences")
		err = r.patchMetadata(ctx, made, o.Namespace, metadata)
	}
	return err
}

func (r *Reconciler) patchMetadata(ctx context.Context, made observed.GeneratedKey, namespace string, metadata map[string]any) error {
	patch, err := json.Marshal(map[string]any{"metadata": metadata})
	if err != nil {
		return fmt.Errorf("encode metadata: %w", err)
	}
	object := routeObject(made.Kind)
	if made.Kind != route.HTTP {
		object.SetAPIVersion("v1")
	}
	object.SetNamespace(namespace)
	object.SetName(made.Name)
	if err := r.client.Patch(ctx, object, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(config.FieldManager)); err != nil {
		return fmt.Errorf("let go of %s: %w", made, err)
	}
	return nil
}

func metadataOf(made observed.GeneratedKey, o reading) *metav1.ObjectMeta {
	for i := range o.Services {
		if made.Kind == "Service" && o.Services[i].Name == made.Name {
			return &o.Services[i].ObjectMeta
		}
	}
	for i := range o.Routes {
		if o.Routes[i].Key() == (route.Key{Kind: made.Kind, Namespace: o.Namespace, Name: made.Name}) {
			return &o.Routes[i].ObjectMeta
		}
	}
	return nil
}
