package route

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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

// IsAbandoned reports whether nothing serves the route any more: each parent that has not processed its current generation does
// not exist, or has never reported on the route.
func IsAbandoned(r Route, exists func(Parent) bool) bool {
	return !slices.ContainsFunc(r.ParentRefs, func(ref gatewayv1.ParentReference) bool {
		return exists(parentOf(ref, r.Namespace)) && len(reportsOn(r, ref)) > 0 && parentLacks(r, ref, false) != ""
	})
}

func parentsSay(r Route, yes bool) (ok bool, reason string) {
	for _, ref := range r.ParentRefs {
		if reason := parentLacks(r, ref, yes); reason != "" {
			return false, reason
		}
	}
	return true, ""
}

// parentLacks says what a parent has not reported for the current generation or, if it must accept, what it refuses.
func parentLacks(r Route, ref gatewayv1.ParentReference, yes bool) string {
	name, reports := parentOf(ref, r.Namespace), reportsOn(r, ref)
	if len(reports) == 0 {
		return fmt.Sprintf("%s has not reported on generation %d: is its controller running?", name, r.Generation)
	}
	for _, report := range reports {
		for _, kind := range []gatewayv1.RouteConditionType{gatewayv1.RouteConditionAccepted, gatewayv1.RouteConditionResolvedRefs} {
			condition := meta.FindStatusCondition(report.Conditions, string(kind))
			switch {
			case condition == nil || condition.ObservedGeneration < r.Generation:
				return fmt.Sprintf("%s has not reported %s for generation %d yet", name, kind, r.Generation)
			case yes && condition.Status != metav1.ConditionTrue:
				return fmt.Sprintf("%s reports %s=%s: %s: %s", name, kind, condition.Status, condition.Reason, condition.Message)
			}
		}
	}
	return ""
}
