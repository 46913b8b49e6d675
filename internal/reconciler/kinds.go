package reconciler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/source"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/internal/route"
)

// kinds are the optional kinds of the Gateway API that the cluster has.
type kinds struct {
	// routes are the kinds of routes. GRPCRoute is missing if only old CRDs are installed.
	routes []string
	// grants is the version at which the cluster serves ReferenceGrants: v1, else v1beta1, which has the same fields. Empty if it
	// serves neither.
	grants string
	// listenerSets is whether the cluster serves ListenerSets.
	listenerSets bool
}

// complete reports whether no kind is missing.
func (k kinds) complete() bool {
	return slices.Contains(k.routes, route.GRPC) && k.grants != "" && k.listenerSets
}

// known are the kinds that the cluster has.
func (r *reader) known() kinds {
	if k := r.kinds.Load(); k != nil {
		return *k
	}
	return kinds{}
}

func kindsOf(mapper meta.RESTMapper) (*kinds, error) {
	found := &kinds{routes: []string{route.HTTP}}
	calls, err := servedVersion(mapper, route.GRPC, gatewayv1.GroupVersion.Version)
	if calls != "" {
		found.routes = append(found.routes, route.GRPC)
	}
	grants, other := servedVersion(mapper, grantKind, "v1", "v1beta1")
	found.grants = grants
	sets, third := servedVersion(mapper, route.ParentListenerSet, gatewayv1.GroupVersion.Version)
	found.listenerSets = sets != ""
	return found, errors.Join(err, other, third)
}

// servedVersion returns the first of these versions that the cluster serves, or an empty string.
func servedVersion(mapper meta.RESTMapper, kind string, versions ...string) (string, error) {
	mapping, err := mapper.RESTMapping(schema.GroupKind{Group: gatewayv1.GroupName, Kind: kind}, versions...)
	if meta.IsNoMatchError(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look up %s: %w", kind, err)
	}
	return mapping.GroupVersionKind.Version, nil
}

// arrivalPeriod is how often to look for a kind that the cluster does not have.
const arrivalPeriod = 30 * time.Second

// arrivals watches kinds whose CRDs are installed while the process runs.
type arrivals struct {
	*reader
	mapper meta.RESTMapper
	cache  cache.Cache
	watch  controller.Controller
}

// Start looks for missing kinds until there are none. In a cluster that has every kind, it sends no request.
func (a arrivals) Start(ctx context.Context) error {
	_ = wait.PollUntilContextCancel(ctx, arrivalPeriod, true, func(ctx context.Context) (bool, error) {
		if err := a.look(ctx); err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "look for kinds of the Gateway API that were missing; it is tried again")
		}
		return a.known().complete(), nil
	})
	return nil
}

// look watches the kinds that have arrived since the last look.
func (a arrivals) look(ctx context.Context) error {
	before := a.known()
	found, err := kindsOf(a.mapper)
	if err != nil {
		return err
	}
	arrived := map[string]watch{}
	if len(found.routes) > len(before.routes) {
		arrived[route.GRPC] = watch{routeObject(route.GRPC), anyChange, a.ofRoute}
	}
	if found.grants != "" && before.grants == "" {
		arrived[grantKind] = watch{grantOf(found.grants), anyChange, a.ofGrant}
	}
	if found.listenerSets && !before.listenerSets {
		arrived[route.ParentListenerSet] = watch{&gatewayv1.ListenerSet{}, newSpec, a.ofServing}
	}
	for kind, w := range arrived {
		ctrl.LoggerFrom(ctx).Info("the cluster has "+kind+"s now, which are watched from now on", "kind", kind)
		err = errors.Join(err, a.watch.Watch(source.Kind(a.cache, w.kind, handler.EnqueueRequestsFromMapFunc(w.ticks), w.on)))
	}
	if err == nil && len(arrived) > 0 {
		a.kinds.Store(found)
	}
	return err
}

func grantOf(version string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(schema.GroupVersionKind{Group: gatewayv1.GroupName, Version: version, Kind: grantKind})
	return object
}
