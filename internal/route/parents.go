package route

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// Kinds of parents of a route.
const (
	ParentGateway     = "Gateway"
	ParentListenerSet = "ListenerSet"
	ParentService     = "Service"
)

// Parent is a parent of a route, with the defaults of the Gateway API filled in.
type Parent struct {
	Kind string
	types.NamespacedName
}

// String returns the kind and the full name: "Gateway infra/public".
func (p Parent) String() string {
	return p.Kind + " " + p.NamespacedName.String()
}

func parentOf(ref gatewayv1.ParentReference, namespace string) Parent {
	return Parent{Kind: string(ptr.Deref(ref.Kind, ParentGateway)),
		NamespacedName: types.NamespacedName{Namespace: string(ptr.Deref(ref.Namespace, gatewayv1.Namespace(namespace))), Name: string(ref.Name)}}
}

// ParentsOf returns the parents of the route in order. Through a parent that is a Service, the route shares requests from
// within the cluster (GAMMA).
func ParentsOf(r Route) []Parent {
	found := make([]Parent, 0, len(r.ParentRefs))
	for _, ref := range r.ParentRefs {
		found = append(found, parentOf(ref, r.Namespace))
	}
	return found
}

// Unreported names the first parent that has never reported on the route. It is empty if all have.
func Unreported(r Route) string {
	for _, ref := range r.ParentRefs {
		if len(reportsOn(r, ref)) == 0 {
			return parentOf(ref, r.Namespace).String()
		}
	}
	return ""
}

// WithReportsOf returns the routes without the reports of controllers that do not serve the parent. Nobody updates those: a
// former controller has left them. serves returns the name of the controller of a parent, or an empty name if it is not known.
// Then the reports of any controller count.
func WithReportsOf(routes []Route, serves func(Parent) string) []Route {
	result, isCopy := routes, false
	for i, r := range routes {
		leftover := func(report gatewayv1.RouteParentStatus) bool {
			controller := serves(parentOf(report.ParentRef, r.Namespace))
			return controller != "" && controller != string(report.ControllerName)
		}
		if !slices.ContainsFunc(r.Parents, leftover) {
			continue
		}
		if !isCopy {
			result, isCopy = slices.Clone(routes), true
		}
		result[i].Parents = slices.DeleteFunc(slices.Clone(r.Parents), leftover)
	}
	return result
}

// reportsOn returns the reports on a parent: those for exactly this reference or, if there are none, those for its listeners. A
// controller may report each listener separately, and a report for an earlier reference may be left.
func reportsOn(r Route, ref gatewayv1.ParentReference) []gatewayv1.RouteParentStatus {
	var exact, listeners []gatewayv1.RouteParentStatus
	for _, report := range r.Parents {
		reported := report.ParentRef
		switch {
		case parentOf(reported, r.Namespace) != parentOf(ref, r.Namespace):
		case ptr.Equal(reported.SectionName, ref.SectionName) && ptr.Equal(reported.Port, ref.Port):
			exact = append(exact, report)
		case covers(ref.SectionName, reported.SectionName) && covers(ref.Port, reported.Port):
			listeners = append(listeners, report)
		}
	}
	if len(exact) > 0 {
		return exact
	}
	return listeners
}

// covers reports whether a reference without the field, or with the same value, includes what was reported.
func covers[T comparable](asked, reported *T) bool {
	return asked == nil || reported != nil && *reported == *asked
}
