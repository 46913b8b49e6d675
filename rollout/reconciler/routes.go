package reconciler

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/rollout"
	"sluice.dev/sluice/route"
)

// routeKinds are the kinds of routes that the cluster knows: GRPCRoute is missing where only old CRDs are installed.
func routeKinds(mapper meta.RESTMapper) ([]string, error) {
	kinds := []string{route.HTTP}
	_, err := mapper.RESTMapping(schema.GroupKind{Group: gatewayv1.GroupName, Kind: route.GRPC}, gatewayv1.GroupVersion.Version)
	if meta.IsNoMatchError(err) {
		return kinds, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", route.GRPC, err)
	}
	return append(kinds, route.GRPC), nil
}

// routeObject is a route of a kind to be read or written as JSON, so that fields stay that the types of this release do not
// know.
func routeObject(kind string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetAPIVersion(gatewayv1.GroupVersion.String())
	object.SetKind(kind)
	return object
}

// listRoutes reads the routes of a namespace, or of all that are watched.
func (r *Reconciler) listRoutes(ctx context.Context, namespace string) ([]route.Route, error) {
	var routes []route.Route
	for _, kind := range r.routeKinds {
		list := &unstructured.UnstructuredList{}
		list.SetAPIVersion(gatewayv1.GroupVersion.String())
		list.SetKind(kind + "List")
		// Nothing changes a route in place, so that those of the cache need not be copied.
		if err := r.routes.List(ctx, list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil && !meta.IsNoMatchError(err) {
			return nil, fmt.Errorf("list %ss: %w", kind, err)
		}
		for i := range list.Items {
			one, err := route.FromObject(list.Items[i].Object)
			if err != nil {
				return nil, fmt.Errorf("%s %s/%s: %w", kind, list.Items[i].GetNamespace(), list.Items[i].GetName(), err)
			}
			routes = append(routes, one)
		}
	}
	return routes, nil
}

// writeSplit states the split and the cohorts on the routes, or takes them out.
func (r *Reconciler) writeSplit(ctx context.Context, _ *v1alpha1.Canary, o rollout.Observation, plan rollout.Plan) error {
	var failed []error
	for _, current := range o.Routes {
		desired, err := withSplit(current, o, plan.Split)
		if err == nil {
			desired, err = plan.Cohorts.On(desired, client.ObjectKey{Namespace: o.Namespace, Name: o.Name})
		}
		if err == nil {
			err = r.render(ctx, current, desired)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", current.Key(), err))
		}
	}
	return errors.Join(failed...)
}

func withSplit(current route.Route, o rollout.Observation, intent rollout.SplitIntent) (route.Route, error) {
	deployment := client.ObjectKey{Namespace: o.Namespace, Name: o.Name}
	switch {
	case intent.Action == rollout.SplitWrite && slices.Contains(intent.Routes, current.Key()):
		return route.WithSplit(current, intent.Split)
	case intent.Action == rollout.SplitRemove && route.SplitFor(current, deployment) != nil:
		return route.WithoutSplit(current), nil
	}
	return current, nil
}

// render writes the annotations of the desired route and leaves the rules to admission, so that they stay the user's.
// Where admission was away the rules are written as well: taking weight away must not depend on it.
func (r *Reconciler) render(ctx context.Context, current, desired route.Route) error {
	changes := map[string]any{}
	for _, key := range []string{config.AnnotationSplit, config.AnnotationCohorts} {
		if current.Annotations[key] == desired.Annotations[key] {
			continue
		}
		changes[key] = nil
		if value, set := desired.Annotations[key]; set {
			changes[key] = value
		}
	}
	if len(changes) == 0 && route.SameRules(current, desired) {
		return nil
	}
	object := routeObject(current.Kind)
	object.SetNamespace(current.Namespace)
	object.SetName(current.Name)
	if err := r.annotate(ctx, object, current.ResourceVersion, changes); err != nil {
		return err
	}
	written, err := route.FromObject(object.Object)
	if err != nil || route.SameRules(written, desired) {
		return err
	}
	log.FromContext(ctx).Info("admission did not render the route, writing its rules", "route", current.Key().String())
	if err := desired.Into(object.Object); err != nil {
		return err
	}
	return r.update(ctx, object)
}
