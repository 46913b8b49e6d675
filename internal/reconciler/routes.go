package reconciler

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/log"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/rollout/plan"
)

// routeObject is a route to read or write as JSON, so that fields which the types of this release lack are kept.
func routeObject(kind string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetAPIVersion(gatewayv1.GroupVersion.String())
	object.SetKind(kind)
	return object
}

// writeSplit states the split and the cohorts on the routes, or removes them.
func (r *Reconciler) writeSplit(ctx context.Context, o reading, p plan.Plan) error {
	var failed []error
	for _, current := range o.Routes {
		desired, err := withSplit(current, o.Key(), p.Split)
		if err == nil {
			desired, err = p.Cohorts.On(desired, o.Key())
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

func withSplit(current route.Route, deployment types.NamespacedName, intent plan.SplitIntent) (route.Route, error) {
	switch {
	case intent.Action == plan.SplitWrite && slices.Contains(intent.Routes, current.Key()):
		return route.WithSplit(current, intent.Split)
	case intent.Action == plan.SplitRemove && route.SplitFor(current, deployment) != nil:
		return route.WithoutSplit(current), nil
	}
	return current, nil
}

// render writes only the annotations of the desired route. Admission then changes the rules, so the user keeps owning them. If
// admission did not, render writes the rules as well: taking weight away must not depend on it.
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
