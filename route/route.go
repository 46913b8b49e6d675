package route

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// namesService reports whether a reference is to a Service of this name in the route's own namespace.
func namesService(ref gatewayv1.BackendRef, service, namespace string) bool {
	return string(ref.Name) == service &&
		(ref.Group == nil || *ref.Group == "") &&
		(ref.Kind == nil || *ref.Kind == "Service") &&
		(ref.Namespace == nil || string(*ref.Namespace) == namespace)
}

// SendsTo reports whether any rule of the route has the Service as a backend.
func SendsTo(route *gatewayv1.HTTPRoute, service string) bool {
	for _, rule := range route.Spec.Rules {
		for _, ref := range rule.BackendRefs {
			if namesService(ref.BackendRef, service, route.Namespace) {
				return true
			}
		}
	}
	return false
}

// BackendPorts are the ports of the Service that the rules send to.
func BackendPorts(route *gatewayv1.HTTPRoute, service string) []int32 {
	var ports []int32
	for _, rule := range route.Spec.Rules {
		for _, ref := range rule.BackendRefs {
			if namesService(ref.BackendRef, service, route.Namespace) && ref.Port != nil {
				ports = append(ports, int32(*ref.Port))
			}
		}
	}
	return ports
}

// WeightOf is the canary's share of the first rule that has it, in percent; 0 when no rule has it.
func WeightOf(route *gatewayv1.HTTPRoute, split Split) float64 {
	for _, rule := range route.Spec.Rules {
		var primary, canary int32
		for _, ref := range rule.BackendRefs {
			switch {
			case namesService(ref.BackendRef, split.Primary, route.Namespace):
				primary += weightOf(ref)
			case namesService(ref.BackendRef, split.Canary, route.Namespace):
				canary += weightOf(ref)
			}
		}
		if canary > 0 {
			return 100 * float64(canary) / float64(primary+canary)
		}
	}
	return 0
}

// Gateways are the parents of the route that are Gateways.
func Gateways(route *gatewayv1.HTTPRoute) []types.NamespacedName {
	var found []types.NamespacedName
	for _, parent := range route.Spec.ParentRefs {
		if parent.Kind == nil || *parent.Kind == "Gateway" {
			found = append(found, parentName(parent, route.Namespace))
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

// InEffect reports whether every parent of the route has accepted its present generation and resolved its backends. The
// reason names the parent that has not, and what it says.
func InEffect(route *gatewayv1.HTTPRoute) (ok bool, reason string) {
	return parentsSay(route, true)
}

// Processed reports whether every parent of the route has dealt with its present generation, in whatever way: one that
// refuses the route, or does not find a backend, sends nothing by an earlier generation either.
func Processed(route *gatewayv1.HTTPRoute) (ok bool, reason string) {
	return parentsSay(route, false)
}

func parentsSay(route *gatewayv1.HTTPRoute, yes bool) (ok bool, reason string) {
	for _, parent := range route.Spec.ParentRefs {
		if reason := parentLacks(route, parent, yes); reason != "" {
			return false, reason
		}
	}
	return true, ""
}

// parentLacks says what a parent has not reported for the present generation, or, where it must say yes, what it refuses.
func parentLacks(route *gatewayv1.HTTPRoute, parent gatewayv1.ParentReference, yes bool) string {
	name := fmt.Sprintf("%s %s", kindOf(parent), parentName(parent, route.Namespace))
	found := false
	for _, status := range route.Status.Parents {
		if !sameParent(status.ParentRef, parent, route.Namespace) {
			continue
		}
		found = true
		for _, kind := range []gatewayv1.RouteConditionType{gatewayv1.RouteConditionAccepted, gatewayv1.RouteConditionResolvedRefs} {
			condition := meta.FindStatusCondition(status.Conditions, string(kind))
			switch {
			case condition == nil || condition.ObservedGeneration < route.Generation:
				return fmt.Sprintf("%s has not reported %s for generation %d yet", name, kind, route.Generation)
			case yes && condition.Status != metav1.ConditionTrue:
				return fmt.Sprintf("%s reports %s=%s: %s: %s", name, kind, condition.Status, condition.Reason, condition.Message)
			}
		}
	}
	if !found {
		return fmt.Sprintf("%s has not reported on generation %d: is its controller running?", name, route.Generation)
	}
	return ""
}

func kindOf(parent gatewayv1.ParentReference) string {
	if parent.Kind == nil {
		return "Gateway"
	}
	return string(*parent.Kind)
}

// sameParent compares a parent in the status with one in the spec; a controller may report each listener by itself.
func sameParent(reported, asked gatewayv1.ParentReference, namespace string) bool {
	return kindOf(reported) == kindOf(asked) &&
		parentName(reported, namespace) == parentName(asked, namespace) &&
		(asked.SectionName == nil || reported.SectionName != nil && *reported.SectionName == *asked.SectionName) &&
		(asked.Port == nil || reported.Port != nil && *reported.Port == *asked.Port)
}
