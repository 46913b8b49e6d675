package reconciler

import (
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
	"sluice.dev/sluice/rollout/target"
)

// ensureCanary creates, updates or deletes the objects that run the candidate, in order.
func (r *Reconciler) ensureCanary(ctx context.Context, o reading, intent plan.CanaryIntent) error {
	owner := *metav1.NewControllerRef(o.canary, v1alpha1.GroupVersion.WithKind("Canary"))
	desired, err := target.CanaryObjects(o.World, intent, owner)
	if err != nil {
		return fmt.Errorf("make the canary of Deployment %s: %w", o.Key(), err)
	}
	canarys := slices.DeleteFunc(slices.Clone(o.Made), observed.IsControls)
	return r.ensureAll(ctx, canarys, desired, func(object workload.Object) error { return r.ensureObject(ctx, o, object, intent) })
}

// ensureAll creates or updates the desired objects in order, and deletes those of the made ones that are not desired any more.
func (r *Reconciler) ensureAll(ctx context.Context, made, desired []workload.Object, ensure func(workload.Object) error) error {
	intended := map[string]bool{}
	for _, object := range desired {
		intended[keyOf(object)] = true
		if err := ensure(object); err != nil {
			return err
		}
	}
	for _, object := range made {
		if !intended[keyOf(object)] {
			if err := r.delete(ctx, object); err != nil {
				return err
			}
		}
	}
	return nil
}

// ensureObject creates or updates one object. What the API server says of the Deployment it says of the candidate; the others
// are copies of the user's objects, and say nothing of it.
func (r *Reconciler) ensureObject(ctx context.Context, o reading, desired workload.Object, intent plan.CanaryIntent) error {
	switch want := desired.(type) {
	case *appsv1.Deployment:
		err := r.ensureDeployment(ctx, o, want, intent)
		r.memory.refusals.note(o.Key(), o.Candidate, err)
		return err
	case *corev1.Service:
		return r.ensureService(ctx, o.CanaryService, want, intent.Replace)
	}
	return r.ensure(ctx, currentOf(o, desired), desired)
}

func keyOf(object workload.Object) string {
	return workload.KindOf(object) + "/" + object.GetName()
}

// currentOf returns the object that was made with the canary for an intended one, or nil if there is none.
func currentOf(o reading, desired workload.Object) workload.Object {
	for _, made := range o.Made {
		if keyOf(made) == keyOf(desired) {
			return made
		}
	}
	return nil
}

// ensure creates an object or gives it the desired spec.
func (r *Reconciler) ensure(ctx context.Context, current, desired workload.Object) error {
	if current == nil {
		return r.create(ctx, desired)
	}
	updated, err := r.withSpec(current, desired)
	if err != nil {
		return fmt.Errorf("compare %T %s/%s: %w", desired, desired.GetNamespace(), desired.GetName(), err)
	}
	if equality.Semantic.DeepEqual(current, updated) {
		return nil
	}
	return r.update(ctx, updated)
}

// withSpec returns the current object with the desired spec, or the current object itself if the specs are equal. It compares
// them as they are, because they are copies in which the API server has already filled in its defaults.
func (r *Reconciler) withSpec(current, desired workload.Object) (client.Object, error) {
	have, err := runtime.DefaultUnstructuredConverter.ToUnstructured(current)
	if err != nil {
		return nil, err
	}
	want, err := runtime.DefaultUnstructuredConverter.ToUnstructured(desired)
	if err != nil {
		return nil, err
	}
	if equality.Semantic.DeepEqual(have["spec"], want["spec"]) {
		return current, nil
	}
	kind, err := apiutil.GVKForObject(desired, r.client.Scheme())
	if err != nil {
		return nil, err
	}
	updated := &unstructured.Unstructured{Object: runtime.DeepCopyJSON(have)}
	updated.SetGroupVersionKind(kind)
	updated.Object["spec"] = want["spec"]
	return updated, nil
}

// removeCanary deletes all objects of the canary, and of its control.
func (r *Reconciler) removeCanary(ctx context.Context, o reading) error {
	objects := slices.Clone(o.Made)
	if o.CanaryDeployment != nil {
		objects = append(objects, o.CanaryDeployment)
	}
	if o.CanaryService != nil {
		objects = append(objects, o.CanaryService)
	}
	return r.removeAll(ctx, objects)
}

// removeAll deletes objects. NetworkPolicies go last, so that no pod runs without them.
func (r *Reconciler) removeAll(ctx context.Context, objects []workload.Object) error {
	var first, last []client.Object
	for _, object := range objects {
		if _, protects := object.(*networkingv1.NetworkPolicy); protects {
			last = append(last, object)
			continue
		}
		first = append(first, object)
	}
	for _, object := range append(first, last...) {
		if err := r.delete(ctx, object); err != nil {
			return err
		}
	}
	return nil
}
