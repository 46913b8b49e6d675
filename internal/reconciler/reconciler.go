// Package reconciler does the reading and writing around rollout.Decide: gather, decide, apply.
package reconciler

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/rollout"
)

// Reconciler takes the rollouts of opted-in Deployments through their ticks.
type Reconciler struct {
	// Client reads from the cache and writes to the API server.
	Client client.Client
	// Live reads from the API server: the state of an open rollout must not be a stale one.
	Live client.Reader
	// Recorder sends events.
	Recorder record.EventRecorder
	// Limits are how many rollouts may be open at the same time.
	Limits rollout.Limits
	// DryRun changes nothing but status.
	DryRun bool

	// routes reads routes and grants of the kinds that the cluster has. A client does not read JSON from its cache.
	routes  client.Reader
	kinds   atomic.Pointer[kinds]
	decoded decodedRoutes
	metrics *metrics
	absent  absences
	hooks   *hooks
	samples *samples
	// prometheus, noCrossNamespaceRefs, crossNamespaceGrants and namespaces are described at Options.
	prometheus, noCrossNamespaceRefs, crossNamespaceGrants bool
	namespaces                                             []string

	slots slots
	// wake has the next candidate of the queue looked at.
	wake    chan event.GenericEvent
	applied applied
}

// Reconcile is one tick for the Deployment of the request.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	canary, observation, err := r.subjects(ctx, request)
	if err != nil {
		return ctrl.Result{}, err
	}
	if canary == nil {
		r.metrics.forget(request.NamespacedName)
		r.hooks.forget(request.NamespacedName)
		r.samples.forget(request.NamespacedName)
		r.slots.forget(request.NamespacedName)
		r.applied.forget(request.NamespacedName)
		return ctrl.Result{}, r.releaseGrants(ctx, request.NamespacedName, observation.Primary)
	}
	policy, err := r.gather(ctx, canary, &observation)
	if err != nil {
		return ctrl.Result{}, err
	}
	plan, err := r.decide(ctx, policy, canary, &observation)
	if err != nil {
		return ctrl.Result{}, err
	}
	if changed(canary.Status, plan.Next) {
		log.FromContext(ctx).Info("tick", "plan", plan.String())
	}
	if err := r.apply(ctx, canary, observation, plan); err != nil {
		return r.afterError(ctx, err)
	}
	r.settleSlot(ctx, canary, plan)
	return ctrl.Result{RequeueAfter: plan.Wait}, nil
}

// readable are the namespaces by which lists are asked for: one that stands for all where nothing limits them.
func (r *Reconciler) readable() []string {
	if len(r.namespaces) == 0 {
		return []string{corev1.NamespaceAll}
	}
	return r.namespaces
}

// staleRetry lets the cache catch up with what somebody else wrote.
const staleRetry = 50 * time.Millisecond

// afterError tries again at once after a write that lost a race: the next tick reads what is there now.
func (r *Reconciler) afterError(ctx context.Context, err error) (ctrl.Result, error) {
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		log.FromContext(ctx).V(1).Info("reading again", "because", err.Error())
		return ctrl.Result{RequeueAfter: staleRetry}, nil
	}
	return ctrl.Result{}, err
}

// subjects are the Canary, which is made when the Deployment is opted in and nil when there is nothing to do, and what is
// observed before it is read. The state of an open rollout is read after the routes, which are written only as they were
// read: so a weight that an older state asked for cannot be written over what somebody else has made of a newer one.
func (r *Reconciler) subjects(ctx context.Context, request ctrl.Request) (*v1alpha1.Canary, rollout.Observation, error) {
	o := rollout.Observation{Namespace: request.Namespace, Name: request.Name}
	var err error
	if o.Primary, err = fetch(ctx, r.Client, request.NamespacedName, &appsv1.Deployment{}); err != nil {
		return nil, o, err
	}
	canary, err := fetch(ctx, r.Client, request.NamespacedName, &v1alpha1.Canary{})
	if err == nil && canary == nil {
		canary, err = r.createCanary(ctx, o.Primary)
	}
	if err != nil || canary == nil {
		return nil, o, err
	}
	if err := r.readLists(ctx, &o); err != nil {
		return nil, o, err
	}
	if rollout.Active(canary.Status) || canary.DeletionTimestamp != nil {
		canary, err = fetch(ctx, r.Live, request.NamespacedName, &v1alpha1.Canary{})
	}
	return canary, o, err
}

// createCanary makes the Canary of a Deployment that is opted in, and returns nil for any other.
func (r *Reconciler) createCanary(ctx context.Context, primary *appsv1.Deployment) (*v1alpha1.Canary, error) {
	if primary == nil || primary.DeletionTimestamp != nil || !config.OptedIn(primary.Annotations) {
		return nil, nil
	}
	canary := &v1alpha1.Canary{ObjectMeta: metav1.ObjectMeta{Namespace: primary.Namespace, Name: primary.Name}}
	if err := controllerutil.SetControllerReference(primary, canary, r.Client.Scheme()); err != nil {
		return nil, fmt.Errorf("own Canary %s/%s: %w", canary.Namespace, canary.Name, err)
	}
	err := r.Client.Create(ctx, canary, client.FieldOwner(config.FieldManager))
	if apierrors.IsAlreadyExists(err) {
		return fetch(ctx, r.Live, client.ObjectKeyFromObject(primary), &v1alpha1.Canary{})
	}
	if err != nil {
		return nil, fmt.Errorf("create Canary %s/%s: %w", canary.Namespace, canary.Name, err)
	}
	return canary, nil
}

// fetch reads an object, or nil when there is none.
func fetch[T client.Object](ctx context.Context, reader client.Reader, key client.ObjectKey, object T) (T, error) {
	var none T
	err := reader.Get(ctx, key, object)
	if apierrors.IsNotFound(err) {
		return none, nil
	}
	if err != nil {
		return none, fmt.Errorf("read %T %s: %w", object, key, err)
	}
	return object, nil
}
