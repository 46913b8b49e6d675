package reconciler

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/rollout"
	"sluice.dev/sluice/route"
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
func (r *Reconciler) writeGenerated(ctx context.Context, _ *v1alpha1.Canary, o rollout.Observation, plan rollout.Plan) error {
	key := types.NamespacedName{Namespace: o.Namespace, Name: o.Name}
	for _, made := range plan.Generate.Objects {
		what := rollout.Applied{Hash: made.GetAnnotations()[config.AnnotationGenerated], At: time.Now()}
		err := r.applyGenerated(ctx, made, o)
		if err != nil && !refused(err) && !unknownField(err) {
			return err
		}
		if err != nil {
			what.Refused = rollout.GeneratedRefused(made.GetKind(), made.GetName(), err)
		}
		r.applied.set(key, rollout.GeneratedKey{Kind: made.GetKind(), Name: made.GetName()}, what)
		if err != nil {
			return err
		}
	}
	for _, made := range plan.Generate.LetGo {
		if err := r.letGoOf(ctx, made, o); err != nil {
			return err
		}
	}
	return nil
}

// unknownField reports whether the schema that the cluster has for an object has no such field; the API server calls that an
// error of its own.
func unknownField(err error) bool {
	return strings.Contains(err.Error(), "field not declared in schema")
}

// applyGenerated writes an object with the fields that are generated and no others. A field that the cluster's CRDs do not know
// is refused, and not dropped without a word: applying is always strict.
func (r *Reconciler) applyGenerated(ctx context.Context, made *unstructured.Unstructured, o rollout.Observation) error {
	object := made.DeepCopy()
	if object.GetKind() == route.HTTP {
		if err := keepIntents(object, o); err != nil {
			return fmt.Errorf("repair %s: %w", nameOf(object), err)
		}
	}
	err := r.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), client.ForceOwnership, client.FieldOwner(config.FieldManager))
	if err != nil {
		return fmt.Errorf("apply %s: %w", nameOf(made), err)
	}
	return nil
}

// keepIntents renders the split and the cohorts that the route has on the rules that are to be applied.
func keepIntents(object *unstructured.Unstructured, o rollout.Observation) error {
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

// letGoOf makes a generated object the user's, as it is: without our labels, its owner, and our claim to its fields.
func (r *Reconciler) letGoOf(ctx context.Context, made rollout.GeneratedKey, o rollout.Observation) error {
	object := routeObject(made.Kind)
	if made.Kind != route.HTTP {
		object.SetAPIVersion("v1")
	}
	if err := r.Live.Get(ctx, client.ObjectKey{Namespace: o.Namespace, Name: made.Name}, object); err != nil {
		return client.IgnoreNotFound(err)
	}
	var owners []metav1.OwnerReference
	for _, owner := range object.GetOwnerReferences() {
		if o.Primary == nil || owner.UID != o.Primary.UID {
			owners = append(owners, owner)
		}
	}
	fields := []metav1.ManagedFieldsEntry{}
	for _, entry := range object.GetManagedFields() {
		if entry.Manager != config.FieldManager || entry.Operation != metav1.ManagedFieldsOperationApply {
			fields = append(fields, entry)
		}
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"resourceVersion": object.GetResourceVersion(),
		"labels":          map[string]any{config.LabelRole: nil, config.LabelPrimary: nil},
		"annotations":     map[string]any{config.AnnotationGenerated: nil},
		"ownerReferences": owners,
		"managedFields":   fields,
	}})
	if err != nil {
		return fmt.Errorf("encode metadata: %w", err)
	}
	if err := r.Client.Patch(ctx, object, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(config.FieldManager)); err != nil {
		return fmt.Errorf("let go of %s: %w", nameOf(object), err)
	}
	return nil
}
