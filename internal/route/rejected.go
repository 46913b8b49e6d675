package route

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// Rejected says which parent refuses the current generation of a route or does not find one of its backends; empty if none
// does. A parent that has not reported on that generation yet refuses nothing.
func Rejected(r Route) string {
	for _, ref := range r.ParentRefs {
		for _, report := range reportsOn(r, ref) {
			if why := refusal(report, r.Generation); why != "" {
				return fmt.Sprintf("%s reports %s", parentOf(ref, r.Namespace), why)
			}
		}
	}
	return ""
}

func refusal(report gatewayv1.RouteParentStatus, generation int64) string {
	for _, kind := range []gatewayv1.RouteConditionType{gatewayv1.RouteConditionAccepted, gatewayv1.RouteConditionResolvedRefs} {
		condition := meta.FindStatusCondition(report.Conditions, string(kind))
		if condition != nil && condition.ObservedGeneration >= generation && condition.Status == metav1.ConditionFalse {
			return fmt.Sprintf("%s=%s: %s: %s", kind, condition.Status, condition.Reason, condition.Message)
		}
	}
	return ""
}
