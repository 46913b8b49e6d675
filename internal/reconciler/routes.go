package reconciler

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
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

// routeWrite is a route as it is and as it should be.
type routeWrite struct{ current, desired route.Route }

// routeWrites are the routes that a plan changes. The lowering ones send nothing to the canary that they do not send now.
// The error says which routes cannot be rendered.
func routeWrites(o reading, p plan.Plan) (lowering, raising []routeWrite, err error) {
	var failed []error
	for _, current := range o.Routes {
		desired, err := p.On(current, o.Key())
		switch {
		case err != nil:
			failed = append(failed, fmt.Errorf("%s: %w", current.Key(), err))
		case route.Adds(current, desired):
			raising = append(raising, routeWrite{current, desired})
		default:
			lowering = append(lowering, routeWrite{current, desired})
		}
	}
	return lowering, raising, errors.Join(failed...)
}

// writeRoutes writes every route, even if another one cannot be written.
func (r *Reconciler) writeRoutes(ctx context.Context, writes []routeWrite) error {
	var failed []error
	for _, w := range writes {
		if err := r.render(ctx, w.current, w.desired); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", w.current.Key(), err))
		}
	}
	return errors.Join(failed...)
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
	object.SetUID(current.UID)
	object.SetResourceVersion(current.ResourceVersion)
	if err := r.annotate(ctx, object, changes); err != nil {
		return err
	}
	written, err := route.FromObject(object.Object)
	if err != nil || route.SameRules(written, desired) {
		return err
	}
	log.FromContext(ctx).Info("admission did not render the route, writing its rules", "route", current.Key().String())
	// The cache does not keep all annotations. Those that Sluice changes are written.
	desired.Annotations = written.Annotations
	if err := desired.Into(object.Object); err != nil {
		return err
	}
	return r.update(ctx, object)
}
