package reconciler

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/rollout"
)

// write is one kind of write, which knows by itself whether there is anything to do.
type write func(context.Context, *v1alpha1.Canary, rollout.Observation, rollout.Plan) error

// apply writes a plan in the order that makes a crash between two writes harmless: the state first, then its effects,
// and what happened last. The finalizer is there before a split and goes after it.
func (r *Reconciler) apply(ctx context.Context, canary *v1alpha1.Canary, o rollout.Observation, plan rollout.Plan) error {
	if err := inOrder(ctx, canary, o, plan, r.addFinalizer, r.writeState); err != nil {
		return err
	}
	stated := changed(canary.Status, plan.Next) && !plan.DeleteCanary
	writes := []write{r.writeCopy, r.writeSplit, r.writeAsk, r.letGo}
	if plan.Ask.Key == config.AnnotationRestore {
		// A primary that does not get ready gets its template back, whatever else cannot be written.
		writes = []write{r.writeAsk, r.writeCopy, r.writeSplit, r.letGo}
	}
	// What cannot be generated must not keep a rollout from taking the canary's requests away.
	err := errors.Join(
		r.writeGenerated(ctx, canary, o, plan),
		inOrder(ctx, canary, o, plan, writes...))
	// No later tick tells what a written state tells, even when an effect is still to come.
	if err == nil || stated {
		if !r.DryRun {
			r.metrics.observe(canary, plan)
		}
		r.tell(canary, o.Primary, plan.Events)
		r.tellHooks(ctx, canary, o, plan)
	}
	return err
}

func inOrder(ctx context.Context, canary *v1alpha1.Canary, o rollout.Observation, plan rollout.Plan, writes ...write) error {
	for _, next := range writes {
		if err := next(ctx, canary, o, plan); err != nil {
			return err
		}
	}
	return nil
}

// changed reports whether a state is worth a write. The primary's revision alone, which the Deployment controller counts
// some time after it was given the template, is not: it is written with whatever changes next.
func changed(before, next rollout.State) bool {
	if before.Primary != nil && next.Primary != nil && before.Primary.Template == next.Primary.Template {
		next.Primary = before.Primary
	}
	return !equality.Semantic.DeepEqual(before, next)
}

func (r *Reconciler) addFinalizer(ctx context.Context, canary *v1alpha1.Canary, o rollout.Observation, plan rollout.Plan) error {
	if !plan.Finalizer || o.Finalizer || o.DeletedAt != nil {
		return nil
	}
	return r.patchFinalizer(ctx, canary, controllerutil.AddFinalizer)
}

func (r *Reconciler) patchFinalizer(ctx context.Context, canary *v1alpha1.Canary, change func(client.Object, string) bool) error {
	status := *canary.Status.DeepCopy()
	base := canary.DeepCopy()
	change(canary, config.Finalizer)
	patch := client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Patch(ctx, canary, patch, client.FieldOwner(config.FieldManager)); err != nil {
		return fmt.Errorf("write finalizer of Canary %s/%s: %w", canary.Namespace, canary.Name, err)
	}
	canary.Status = status
	return nil
}

func (r *Reconciler) writeState(ctx context.Context, canary *v1alpha1.Canary, _ rollout.Observation, plan rollout.Plan) error {
	if !changed(canary.Status, plan.Next) || plan.DeleteCanary {
		return nil
	}
	updated := canary.DeepCopy()
	updated.Status = plan.Next
	if err := r.Client.Status().Update(ctx, updated, client.FieldOwner(config.FieldManager)); err != nil {
		return fmt.Errorf("write status of Canary %s/%s: %w", canary.Namespace, canary.Name, err)
	}
	canary.ResourceVersion = updated.ResourceVersion
	return nil
}

func (r *Reconciler) writeCopy(ctx context.Context, canary *v1alpha1.Canary, o rollout.Observation, plan rollout.Plan) error {
	switch plan.Copy.Action {
	case rollout.CopyEnsure, rollout.CopyScale:
		err := r.ensureCopy(ctx, canary, o, plan.Copy)
		if refused(err) {
			r.tell(canary, o.Primary, []rollout.Event{rollout.CanaryRejected(err)})
		}
		if err != nil {
			return err
		}
		return r.ensureGrant(ctx, canary, plan.Copy.Grant, o)
	case rollout.CopyRemove:
		if err := r.removeGrants(ctx, canary, o.Grants); err != nil {
			return err
		}
		return r.removeCopy(ctx, o)
	}
	return nil
}

func (r *Reconciler) create(ctx context.Context, object client.Object) error {
	if err := r.Client.Create(ctx, object, client.FieldOwner(config.FieldManager)); err != nil {
		return fmt.Errorf("create %T %s/%s: %w", object, object.GetNamespace(), object.GetName(), err)
	}
	return nil
}

func (r *Reconciler) update(ctx context.Context, object client.Object) error {
	if err := r.Client.Update(ctx, object, client.FieldOwner(config.FieldManager)); err != nil {
		return fmt.Errorf("update %s: %w", nameOf(object), err)
	}
	return nil
}

func (r *Reconciler) delete(ctx context.Context, object client.Object) error {
	if object.GetDeletionTimestamp() != nil {
		return nil
	}
	uid := object.GetUID()
	err := r.Client.Delete(ctx, object, client.PropagationPolicy(metav1.DeletePropagationBackground), client.Preconditions{UID: &uid})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete %T %s/%s: %w", object, object.GetNamespace(), object.GetName(), err)
	}
	return nil
}

// letGo comes last: without its finalizer, or deleted, the Canary is gone.
func (r *Reconciler) letGo(ctx context.Context, canary *v1alpha1.Canary, _ rollout.Observation, plan rollout.Plan) error {
	if !plan.Finalizer && controllerutil.ContainsFinalizer(canary, config.Finalizer) {
		if err := r.patchFinalizer(ctx, canary, controllerutil.RemoveFinalizer); err != nil {
			return client.IgnoreNotFound(err)
		}
	}
	if plan.DeleteCanary {
		return r.delete(ctx, canary)
	}
	return nil
}
