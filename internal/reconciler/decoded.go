package reconciler

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/internal/route"
)

// decodedRoutes keeps the decoded routes of the last list. Every tick lists all routes, and few have changed since the last
// tick. Nothing changes a route in place, so ticks can share them.
type decodedRoutes struct {
	last atomic.Pointer[map[types.UID]route.Route]
}

func (d *decodedRoutes) known() map[types.UID]route.Route {
	if last := d.last.Load(); last != nil {
		return *last
	}
	return nil
}

// keep takes over the routes of all namespaces and forgets those that are gone. Usually nothing has changed.
func (d *decodedRoutes) keep(known map[types.UID]route.Route, routes []route.Route) {
	isNew := func(one route.Route) bool { return known[one.UID].ResourceVersion != one.ResourceVersion }
	if len(known) == len(routes) && !slices.ContainsFunc(routes, isNew) {
		return
	}
	kept := make(map[types.UID]route.Route, len(routes))
	for _, one := range routes {
		kept[one.UID] = one
	}
	d.last.Store(&kept)
}

// listRoutes reads the routes of a namespace, or of all watched namespaces.
func (r *reader) listRoutes(ctx context.Context, namespace string) ([]route.Route, error) {
	known := r.decoded.known()
	var routes []route.Route
	for _, kind := range r.known().routes {
		list := &unstructured.UnstructuredList{}
		list.SetAPIVersion(gatewayv1.GroupVersion.String())
		list.SetKind(kind + "List")
		if err := r.routes.List(ctx, list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil && !meta.IsNoMatchError(err) {
			return nil, fmt.Errorf("list %ss: %w", kind, err)
		}
		found, err := decodeRoutes(list.Items, known)
		if err != nil {
			return nil, err
		}
		routes = append(routes, found...)
	}
	if namespace == metav1.NamespaceAll {
		r.decoded.keep(known, routes)
	}
	return routes, nil
}

// decodeRoutes decodes the routes that are new or have changed.
func decodeRoutes(items []unstructured.Unstructured, known map[types.UID]route.Route) ([]route.Route, error) {
	routes := make([]route.Route, 0, len(items))
	for i := range items {
		one, found := known[items[i].GetUID()]
		if !found || one.ResourceVersion != items[i].GetResourceVersion() {
			var err error
			if one, err = route.FromObject(items[i].Object); err != nil {
				return nil, fmt.Errorf("%s %s/%s: %w", items[i].GetKind(), items[i].GetNamespace(), items[i].GetName(), err)
			}
		}
		routes = append(routes, one)
	}
	return routes, nil
}
