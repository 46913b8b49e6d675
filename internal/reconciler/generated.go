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
	"sluice.dev/sluice/rollout"
)

// applied remembers what became of generated objects, by their Deployments: it keeps what is refused, or changed by others again
// and again, from being applied without end. Nothing is lost when it is: one write more.
type applied struct {
	mu sync.Mutex
	of map[types.NamespacedName]map[rollout.GeneratedKey]rollout.Applied
}

func (a *applied) get(deployment types.NamespacedName) map[rollout.GeneratedKey]rollout.Applied {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.of[deployment])
}

func (a *applied) set(deployment types.NamespacedName, made rollout.GeneratedKey, what rollout.Applied) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of == nil {
		a.of = map[types.NamespacedName]map[rollout.GeneratedKey]rollout.Applied{}
	}
	if a.of[deployment] == nil {
		a.of[deployment] = map[rollout.GeneratedKey]rollout.Applied{}
	}
	a.of[deployment][made] = what
}

func (a *applied) forget(deployment types.NamespacedName) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.of, deployment)
}

// writeGenerated applies what the policy has made, and lets go of what it no longer asks for.
func (r *Reconciler) writeGenerated(ctx context.Context, o observed, plan rollout.Plan) error {
	for _, made := range plan.Generate.Objects {
		what := rollout.Applied{Hash: made.GetAnnotations()[config.AnnotationGenerated], At: time.Now()}
		err := r.applyGenerated(ctx, made, o)
		if err != nil && !refused(err) && !unknownField(err) {
			return err
		}
		if err != nil {
			what.Refused = rollout.GeneratedRefused(made.GetKind(), made.GetName(), err)
		}
		r.memory.applied.set(o.Key(), rollout.GeneratedKey{Kind: made.GetKind(), Name: made.GetName()}, what)
		if err != nil {
			return err
		}
	}
	for _, made := range plan.Generate.LetGo {
		if err := r.letGoOf(ctx, made, o); err != nil {
			return err
		}
	}
	return r.writeGrants(ctx, o.Key(), plan.Generate)
}

// unknownField reports whether the schema that the cluster has for an object has no such field; the API server calls that an
// error of its own.
func unknownField(err error) bool {
	return strings.Contains(err.Error(), "field not declared in schema")
}

// applyGenerated writes an object with the fields that are generated and no others. A field that the cluster's CRDs do not know
// is refused, and not dropped without a word: applying is always strict.
func (r *Reconciler) applyGenerated(ctx context.Context, made *unstructured.Unstructured, o observed) error {
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

// keepIntents renders the split and the cohorts that the route has on the rules that are to be applied.
func keepIntents(object *unstructured.Unstructured, o observed) error {
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

// letGoOf makes a generated object the user's, as it is: without our labels, its owner, and any claim to its fields, so that
// whoever applies it next meets no conflict. Where the API server lets only those change owners who may delete the object, the
// owner stays.
func (r *Reconciler) letGoOf(ctx context.Context, made rollout.GeneratedKey, o observed) error {
	current := metadataOf(made, o)
	if current == nil {
		return nil
	}
	metadata := map[string]any{
		"resourceVersion": current.ResourceVersion,
		"labels":          map[string]any{config.LabelRole: nil, config.LabelPrimary: nil},
		"annotations":     map[string]any{config.AnnotationGenerated: nil},
		"ownerReferences": slices.DeleteFunc(slices.Clone(current.OwnerReferences), func(owner metav1.OwnerReference) bool { return owner.UID == o.Primary.UID }),
		// One empty entry is how the API server is told to forget who owns which field.
		"managedFields": []any{map[string]any{}},
	}
	err := r.patchMetadata(ctx, made, o.Namespace, metadata)
	if apierrors.IsForbidden(err) {
		delete(metadata, "ownerReferences")
		err = r.patchMetadata(ctx, made, o.Namespace, metadata)
	}
	return err
}

func (r *Reconciler) patchMetadata(ctx context.Context, made rollout.GeneratedKey, namespace string, metadata map[string]any) error {
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

func metadataOf(made rollout.GeneratedKey, o observed) *metav1.ObjectMeta {
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
