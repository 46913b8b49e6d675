package reconciler

import (
	"context"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

const cleanUpPeriod = 500 * time.Millisecond

// cleanUp ends all rollouts without a verdict. Canaries stay, and so do the candidates in the annotations of Deployments. A
// later installation starts those again at weight 0.
type cleanUp struct {
	*Reconciler
	// restored is when the routes of a Canary were first seen without its split, and cleared when that was also in effect.
	restored, cleared map[types.NamespacedName]time.Time
}

// CleanUp sets the weight of every canary to 0, restores the routes, removes the canaries and releases the Canary objects. It
// does so in the given namespaces, or in all if none are given. No reconciler may run at the same time. The client must not
// read from a cache.
func CleanUp(ctx context.Context, c client.Client, namespaces []string) error {
	found, err := kindsOf(c.RESTMapper())
	if err != nil {
		return err
	}
	u := &cleanUp{Reconciler: &Reconciler{reader: &reader{cached: c, live: c, routes: c, options: Options{Namespaces: namespaces}, memory: &memory{}}, client: c},
		restored: map[types.NamespacedName]time.Time{}, cleared: map[types.NamespacedName]time.Time{}}
	u.kinds.Store(found)
	var left error
	err = wait.PollUntilContextCancel(ctx, cleanUpPeriod, true, func(ctx context.Context) (bool, error) {
		now := u.pass(ctx)
		if now != nil && (left == nil || left.Error() != now.Error()) {
			log.FromContext(ctx).Info("cleaning up", "left", now.Error())
		}
		// An error of the time-out says less than what was left before it.
		if ctx.Err() == nil {
			left = now
		}
		return now == nil, nil
	})
	if err != nil {
		return fmt.Errorf("rollouts are not cleaned up: %w", errors.Join(left, err))
	}
	return nil
}

// pass does what is possible now and returns what is left.
func (u *cleanUp) pass(ctx context.Context) error {
	var left []error
	var routes []route.Route
	for _, namespace := range u.readable() {
		found, err := u.listRoutes(ctx, namespace)
		if err != nil {
			return err
		}
		routes = append(routes, found...)
	}
	serving, err := u.readServing(ctx)
	if err != nil {
		return err
	}
	world := observed.World{Routes: routes, Gateways: serving.gateways, Classes: serving.classes, ListenerSets: serving.listenerSets}
	world = world.Served()
	for _, r := range world.Routes {
		left = append(left, u.restore(ctx, r))
	}
	for _, namespace := range u.readable() {
		var canaries v1alpha1.CanaryList
		if err := u.cached.List(ctx, &canaries, client.InNamespace(namespace)); err != nil && !meta.IsNoMatchError(err) {
			return fmt.Errorf("list Canaries: %w", err)
		}
		for i := range canaries.Items {
			canary := &canaries.Items[i]
			if err := u.release(ctx, canary, world); err != nil {
				left = append(left, fmt.Errorf("canary %s/%s: %w", canary.Namespace, canary.Name, err))
			}
		}
	}
	return errors.Join(left...)
}

// restore removes the splits and the cohorts from a route. It keeps a split without which no pod would get the requests.
func (u *cleanUp) restore(ctx context.Context, current route.Route) error {
	intents, err := route.IntentsOf(current.Annotations)
	if err != nil || intents.None() {
		return nil // Sluice did not write an unreadable value, so it rendered no rules by it
	}
	var left []error
	desired, err := route.Keeping(current, func(split route.Split) bool {
		why := u.mayRestore(ctx, current, split)
		left = append(left, why)
		return why != nil
	})
	if err != nil {
		return errors.Join(append(left, err)...)
	}
	return errors.Join(append(left, u.render(ctx, current, desired))...)
}

// mayRestore returns an error that says why a route must keep its split.
func (u *cleanUp) mayRestore(ctx context.Context, current route.Route, split route.Split) error {
	key := split.DeploymentOn(current)
	primary, err := fetch(ctx, u.live, key, &appsv1.Deployment{})
	if err != nil {
		return err
	}
	key.Name = workload.CanaryName(key.Name)
	canary, err := fetch(ctx, u.live, key, &appsv1.Deployment{})
	if err != nil {
		return err
	}
	if workload.OnlyCanaryServes(primary, canary) {
		return fmt.Errorf("%s keeps its weights: Deployment %s has no available replica, and only its canary serves", current.Key(), primary.Name)
	}
	return nil
}
