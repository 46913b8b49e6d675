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
	"sigs.k8s.io/controller-runtime/pkg/log"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
)

// write is one kind of write. It decides for itself whether there is anything to do.
type write func(context.Context, reading, plan.Plan) error

// apply writes a plan in an order that makes a crash between two writes harmless. Routes that only take requests away from the
// canary come first and wait for nothing. Then come the state, the effects that may add requests, and the events. The
// finalizer is added before a split and removed after it.
func (r *Reconciler) apply(ctx context.Context, o reading, p plan.Plan) error {
	stated := changed(o.canary.Status, p.Next)
	if stated {
		log.FromContext(ctx).Info("tick", "plan", p.String())
	}
	lowering, raising, unrendered := routeWrites(o, p)
	lowered := errors.Join(unrendered, r.writeRoutes(ctx, lowering))
	if err := r.createCanary(ctx, o); err != nil {
		return errors.Join(lowered, err)
	}
	r.memory.ask(ctx, o)
	if err := inOrder(ctx, o, p, r.addFinalizer, r.writeState); err != nil {
		return errors.Join(lowered, err)
	}
	writeSplit := func(ctx context.Context, _ reading, _ plan.Plan) error {
		return errors.Join(lowered, r.writeRoutes(ctx, raising))
	}
	// An object that cannot be generated must not keep a rollout from taking requests away from the canary.
	err := errors.Join(
		r.writeGenerated(ctx, o, p),
		inOrder(ctx, o, p, r.effects(p, writeSplit)...))
	// Report a written state now, even if an effect is still missing: no later tick reports it.
	if err == nil || stated && !p.DeleteCanary {
		r.publish(ctx, o, p)
	}
	return err
}

// effects returns the writes after the state, in order.
func (r *Reconciler) effects(p plan.Plan, writeSplit write) []write {
	if p.Ask.Key == config.AnnotationRestore {
		// A primary that does not become ready gets its template back, even if other writes fail.
		return []write{r.writeAsk, r.writeCanary, writeSplit, r.letGo}
	}
	return []write{r.writeCanary, r.writeControl, writeSplit, r.writeAsk, r.letGo}
}

func inOrder(ctx context.Context, o reading, p plan.Plan, writes ...write) error {
	for _, next := range writes {
		if err := next(ctx, o, p); err != nil {
			return err
		}
	}
	return nil
}

// publish reports what was written, as metrics, events and hook calls.
func (r *Reconciler) publish(ctx context.Context, o reading, p plan.Plan) {
	if !r.options.DryRun {
		r.memory.metrics.show(o.canary, p)
	}
	r.tell(o, p.Events...)
	r.tellHooks(ctx, o, p)
}

// createCanary creates the Canary in the first tick of a Deployment. If something else has created it in the meantime, the next
// tick reads it.
func (r *Reconciler) createCanary(ctx context.Context, o reading) error {
	if o.canary.UID != "" {
		return nil
	}
	if err := controllerutil.SetControllerReference(o.Primary, o.canary, r.client.Scheme()); err != nil {
		return fmt.Errorf("own Canary %s: %w", o.Key(), err)
	}
	if err := r.client.Create(ctx, o.canary, client.FieldOwner(config.FieldManager)); err != nil {
		return fmt.Errorf("create Canary %s: %w", o.Key(), err)
	}
	return nil
}

// changed reports whether a state is worth a write. A new revision of the primary alone is not: the Deployment controller
// counts it a while after the template has changed. It is written with the next change.
func changed(before, next observed.State) bool {
	if before.Primary != nil && next.Primary != nil && before.Primary.Template == next.Primary.Template {
		next.Primary = before.Primary
	}
	return !equality.Semantic.DeepEqual(before, next)
}

func (r *Reconciler) addFinalizer(ctx context.Context, o reading, p plan.Plan) error {
	if !p.Finalizer || o.Finalizer || o.DeletedAt != nil {
		return nil
	}
	return r.patchFinalizer(ctx, o.canary, controllerutil.AddFinalizer)
}

func (r *Reconciler) patchFinalizer(ctx context.Context, canary *v1alpha1.Canary, change func(client.Object, string) bool) error {
	status := *canary.Status.DeepCopy()
	base := canary.DeepCopy()
	change(canary, config.Finalizer)
	patch := client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{})
	if err := r.client.Patch(ctx, canary, patch, client.FieldOwner(config.FieldManager)); err != nil {
		return fmt.Errorf("write finalizer of Canary %s/%s: %w", canary.Namespace, canary.Name, err)
	}
	canary.Status = status
	return nil
}

func (r *Reconciler) writeState(ctx context.Context, o reading, p plan.Plan) error {
	canary := o.canary
	if !changed(canary.Status, p.Next) || p.DeleteCanary {
		return nil
	}
	updated := canary.DeepCopy()
	updated.Status = p.Next
	if err := r.client.Status().Update(ctx, updated, client.FieldOwner(config.FieldManager)); err != nil {
		return fmt.Errorf("write status of Canary %s/%s: %w", canary.Namespace, canary.Name, err)
	}
	canary.ResourceVersion = updated.ResourceVersion
	return nil
}

func (r *Reconciler) writeCanary(ctx context.Context, o reading, p plan.Plan) error {
	switch p.Canary.Action {
	case plan.CanaryEnsure, plan.CanaryScale:
		err := r.ensureCanary(ctx, o, p.Canary)
		r.memory.refusals.noteForbidden(o.Key(), err)
		if refused(err) && r.memory.refusals.get(o.Key(), o.Candidate) == "" {
			r.tell(o, events.CanaryRejected(err))
		}
		if err != nil {
			return err
		}
		if p.Canary.Ungrant {
			return r.removeGrants(ctx, o.canary, o.Grants)
		}
		return r.ensureGrant(ctx, o, p.Canary.Grant)
	case plan.CanaryRemove:
		r.memory.refusals.noteForbidden(o.Key(), nil)
		if err := r.removeGrants(ctx, o.canary, o.Grants); err != nil {
			return err
		}
		return r.removeCanary(ctx, o)
	}
	return nil
}

func (r *Reconciler) create(ctx context.Context, object client.Object) error {
	if err := r.client.Create(ctx, object, client.FieldOwner(config.FieldManager)); err != nil {
		return fmt.Errorf("create %T %s/%s: %w", object, object.GetNamespace(), object.GetName(), err)
	}
	return nil
}

func (r *Reconciler) update(ctx context.Context, object client.Object) error {
	if err := r.client.Update(ctx, object, client.FieldOwner(config.FieldManager)); err != nil {
		return fmt.Errorf("update %s: %w", nameOf(object), err)
	}
	return nil
}

func (r *Reconciler) delete(ctx context.Context, object client.Object) error {
	if object.GetDeletionTimestamp() != nil {
		return nil
	}
	uid := object.GetUID()
	err := r.client.Delete(ctx, object, client.PropagationPolicy(metav1.DeletePropagationBackground), client.Preconditions{UID: &uid})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete %T %s/%s: %w", object, object.GetNamespace(), object.GetName(), err)
	}
	return nil
}

// letGo comes last, because it removes the finalizer or deletes the Canary.
func (r *Reconciler) letGo(ctx context.Context, o reading, p plan.Plan) error {
	if !p.Finalizer && controllerutil.ContainsFinalizer(o.canary, config.Finalizer) {
		if err := r.patchFinalizer(ctx, o.canary, controllerutil.RemoveFinalizer); err != nil {
			return client.IgnoreNotFound(err)
		}
	}
	if p.DeleteCanary {
		return r.delete(ctx, o.canary)
	}
	return nil
}
