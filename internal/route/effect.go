package route

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// Status says how far a route follows a split.
type Status struct {
	// Weight is the canary's percentage in the rules of the route.
	Weight float64
	// InEffect is true if the route states the split and every parent has accepted it.
	InEffect bool
	// Reason says why the split is not in effect, and which parent it waits for. Empty if it is in effect.
	Reason string
}

// StatusOf returns how far a route follows a split.
func StatusOf(r Route, split Split) Status {
	status := Status{Weight: WeightOf(r, split)}
	rendered, why := IsRendered(r)
	switch {
	case !States(r, split) || !rendered && why == "":
		status.Reason = "its split is being written"
		if _, err := WithSplit(r, split); err != nil {
			status.Reason = err.Error()
		}
	case !rendered:
		status.Reason = why
	default:
		status.InEffect, status.Reason = InEffect(r)
	}
	return status
}

// Gateways returns the parents of the route that are Gateways.
func Gateways(r Route) []types.NamespacedName {
	return parentsOf(r, "Gateway")
}

// Services returns the parents of the route that are Services. The route shares their requests from within the cluster
// (GAMMA).
func Services(r Route) []types.NamespacedName {
	return parentsOf(r, "Service")
}

func parentsOf(r Route, kind string) []types.NamespacedName {
	var found []types.NamespacedName
	for _, parent := range r.ParentRefs {
		if kindOf(parent) == kind {
			found = append(found, parentName(parent, r.Namespace))
		}
	}
	return found
}

func parentName(parent gatewayv1.ParentReference, namespace string) types.NamespacedName {
	if parent.Namespace != nil {
		namespace = string(*parent.Namespace)
	}
	return types.NamespacedName{Namespace: namespace, Name: string(parent.Name)}
}

// InEffect reports whether every parent of the route has accepted its current generation and resolved its backends. The
// reason names the parent that has not, and what it reports.
func InEffect(r Route) (ok bool, reason string) {
	return parentsSay(r, true)
}

// Processed reports whether every parent of the route has processed its current generation, with any result: a parent that
// refuses the route, or does not find a backend, no longer sends requests by an earlier generation.
func Processed(r Route) (ok bool, reason string) {
	return parentsSay(r, false)
}

// IsAbandoned reports whether nothing serves the route any more: each parent that has not processed its current generation is
// a Gateway that does not exist, or has never reported on the route.
func IsAbandoned(r Route, exists func(gateway types.NamespacedName) bool) bool {
	return !slices.ContainsFunc(r.ParentRefs, func(parent gatewayv1.ParentReference) bool {
		gone := kindOf(parent) == "Gateway" && !exists(parentName(parent, r.Namespace))
		reported := slices.ContainsFunc(r.Parents, func(status gatewayv1.RouteParentStatus) bool {
			return sameParent(status.ParentRef, parent, r.Namespace)
		})
		return !gone && reported && parentLacks(r, parent, false) != ""
	})
}

func parentsSay(r Route, yes bool) (ok bool, reason string) {
	for _, parent := range r.ParentRefs {
		if reason := parentLacks(r, parent, yes); reason != "" {
			return false, reason
		}
	}
	return true, ""
}

// parentLacks says what a parent has not reported for the current generation or, if it must accept, what it refuses.
func parentLacks(r Route, parent gatewayv1.ParentReference, yes bool) string {
	name := fmt.Sprintf("%s %s", kindOf(parent), parentName(parent, r.Namespace))
	found := false
	for _, status := range r.Parents {
		if !sameParent(status.ParentRef, parent, r.Namespace) {
			continue
		}
		found = true
		for _, kind := range []gatewayv1.RouteConditionType{gatewayv1.RouteConditionAccepted, gatewayv1.RouteConditionResolvedRefs} {
			condition := meta.FindStatusCondition(status.Conditions, string(kind))
			switch {
			case condition == nil || condition.ObservedGeneration < r.Generation:
				return fmt.Sprintf("%s has not reported %s for generation %d yet", name, kind, r.Generation)
			case yes && condition.Status != metav1.ConditionTrue:
				return fmt.Sprintf("%s reports %s=%s: %s: %s", name, kind, condition.Status, condition.Reason, condition.Message)
			}
		}
	}
	if !found {
		return fmt.Sprintf("%s has not reported on generation %d: is its controller running?", name, r.Generation)
	}
	return ""
}

func kindOf(parent gatewayv1.ParentReference) string {
	if parent.Kind == nil {
		return "Gateway"
	}
	return string(*parent.Kind)
}

// sameParent compares a parent in the status with one in the spec. A controller may report each listener separately.
func sameParent(reported, asked gatewayv1.ParentReference, namespace string) bool {
	return kindOf(reported) == kindOf(asked) &&
		parentName(reported, namespace) == parentName(asked, namespace) &&
		(asked.SectionName == nil || reported.SectionName != nil && *reported.SectionName == *asked.SectionName) &&
		(asked.Port == nil || reported.Port != nil && *reported.Port == *asked.Port)
}
