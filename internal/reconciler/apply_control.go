package reconciler

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
	"sluice.dev/sluice/rollout/target"
)

// writeControl creates, scales or removes the control. A control that cannot be written must not keep the rollout from going on: the next
// tick tries again, and the plan leaves a control that is not ready in time.
func (r *Reconciler) writeControl(ctx context.Context, o reading, p plan.Plan) (err error) {
	switch p.Control.Action {
	case plan.ControlEnsure:
		err = r.ensureControl(ctx, o, p.Control)
	case plan.ControlRemove:
		err = r.removeAll(ctx, controlsOf(o))
	}
	if err != nil {
		log.FromContext(ctx).Info("the control cannot be written; it is tried again", "because", err.Error())
	}
	return nil
}

// controlsOf are the objects that were made for the control.
func controlsOf(o reading) (objects []workload.Object) {
	for _, object := range o.Made {
		if observed.IsControls(object) {
			objects = append(objects, object)
		}
	}
	return objects
}

func (r *Reconciler) ensureControl(ctx context.Context, o reading, intent plan.ControlIntent) error {
	owner := *metav1.NewControllerRef(o.canary, v1alpha1.GroupVersion.WithKind("Canary"))
	desired, err := target.ControlObjects(o.World, intent, owner)
	if err != nil {
		return fmt.Errorf("make the control of Deployment %s: %w", o.Key(), err)
	}
	return r.ensureAll(ctx, controlsOf(o), desired, func(object workload.Object) error { return r.ensureControlObject(ctx, o, object) })
}

// ensureControlObject creates or updates one object. Of the Deployment only the replicas follow: the control keeps the template that it
// began with, and the plan leaves one whose template differs from the primary's.
func (r *Reconciler) ensureControlObject(ctx context.Context, o reading, desired workload.Object) error {
	switch want := desired.(type) {
	case *appsv1.Deployment:
		current := o.Control()
		if current == nil {
			return r.create(ctx, want)
		}
		if workload.Replicas(current) == workload.Replicas(want) {
			return nil
		}
		updated := current.DeepCopy()
		updated.Spec.Replicas = want.Spec.Replicas
		return r.update(ctx, updated)
	case *corev1.Service:
		return r.ensureService(ctx, o.ControlService(), want, false)
	}
	return r.ensure(ctx, currentOf(o, desired), desired)
}
