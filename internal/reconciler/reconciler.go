// Package reconciler is the controller around rollout.Decide: a tick observes, decides and applies.
package reconciler

import (
	"context"
	"errors"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"sluice.dev/sluice/rollout"
	"sluice.dev/sluice/rollout/observed"
)

// Reconciler runs the ticks of the rollouts of opted-in Deployments.
type Reconciler struct {
	*reader
	// client writes to the cluster.
	client client.Client
	// recorder sends events.
	recorder record.EventRecorder
	// wake wakes the next candidate of the queue.
	wake chan event.GenericEvent
}

// Reconcile is one tick for the Deployment of the request: observe, decide, apply.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	of, err := r.subjects(ctx, request.NamespacedName)
	if err != nil {
		r.memory.seen.failed(request.NamespacedName, time.Now())
		return ctrl.Result{}, err
	}
	// Candidates that may start decide one after another, so that each sees which slots are taken.
	turn, free := r.takeTurn(of)
	if !free {
		return ctrl.Result{RequeueAfter: turnRetry}, nil
	}
	defer turn.end()
	o, err := r.observe(ctx, of)
	if err != nil {
		r.memory.seen.failed(request.NamespacedName, time.Now())
		return ctrl.Result{}, err
	}
	if o.canary == nil {
		return ctrl.Result{}, r.forget(ctx, request.NamespacedName, of.primary)
	}
	plan := rollout.Decide(o.facts)
	if r.needsTurn(turn, o, plan) {
		return ctrl.Result{RequeueAfter: turnRetry}, nil
	}
	r.takeSlot(o.Key(), plan)
	r.memory.urgency.note(o.Key(), observed.UrgencyOf(o.Spec, plan.Next))
	turn.end()
	if err := r.apply(ctx, o, plan); err != nil {
		return r.afterError(ctx, err)
	}
	r.settleSlot(ctx, o.canary, plan)
	r.clearCopies(ctx, o, plan)
	return ctrl.Result{RequeueAfter: plan.Wait}, nil
}

// forget drops everything about a Canary that is gone.
func (r *Reconciler) forget(ctx context.Context, key types.NamespacedName, primary *appsv1.Deployment) error {
	r.memory.forget(key)
	return errors.Join(r.releaseRoutes(ctx, key), r.releaseGrants(ctx, key, primary))
}

// staleRetry gives the cache time to catch up with a write of others.
const staleRetry = 50 * time.Millisecond

// afterError retries at once after a write conflict: the next tick reads the current object.
func (r *Reconciler) afterError(ctx context.Context, err error) (ctrl.Result, error) {
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		log.FromContext(ctx).V(1).Info("reading again", "because", err.Error())
		return ctrl.Result{RequeueAfter: staleRetry}, nil
	}
	return ctrl.Result{}, err
}
