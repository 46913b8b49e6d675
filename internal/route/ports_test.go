package route

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

func TestPortsToAService(t *testing.T) {
	ref := func(name string, port int64) map[string]any { return map[string]any{"name": name, "port": port} }
	mirror := func(name string, port int64) []any {
		return []any{map[string]any{"type": requestMirror, "requestMirror": map[string]any{"backendRef": ref(name, port)}}}
	}
	withMirror := ref("other", 7)
	withMirror["filters"] = mirror("podinfo-canary", 83)
	r := Route{Kind: HTTP, Rules: []any{
		map[string]any{"backendRefs": []any{ref("podinfo", 80), ref("podinfo-canary", 81), withMirror}},
		map[string]any{"backendRefs": []any{ref("podinfo-canary", 81)}, "filters": mirror("podinfo-canary", 82)},
		map[string]any{"backendRefs": []any{map[string]any{"name": "podinfo-canary", "namespace": "other", "port": int64(9)}, map[string]any{"name": "podinfo-canary"}}},
		"no rule",
	}}
	r.Namespace = "test"
	if ports := PortsTo(r, types.NamespacedName{Namespace: "test", Name: "podinfo-canary"}); !slices.Equal(ports, []int32{81, 82, 83}) {
		t.Errorf("the ports are %v", ports)
	}
}

func TestARouteIsRejectedOnlyInItsPresentForm(t *testing.T) {
	parent := gatewayv1.ParentReference{Name: "gateway"}
	for name, c := range map[string]struct {
		parent     gatewayv1.ObjectName
		kind       gatewayv1.RouteConditionType
		status     metav1.ConditionStatus
		generation int64
		want       string
	}{
		"a backend is missing":           {"gateway", gatewayv1.RouteConditionResolvedRefs, metav1.ConditionFalse, 2, "Gateway test/gateway reports ResolvedRefs=False: Why: how"},
		"it is not accepted":             {"gateway", gatewayv1.RouteConditionAccepted, metav1.ConditionFalse, 2, "Gateway test/gateway reports Accepted=False: Why: how"},
		"all is well":                    {"gateway", gatewayv1.RouteConditionResolvedRefs, metav1.ConditionTrue, 2, ""},
		"an earlier form was rejected":   {"gateway", gatewayv1.RouteConditionResolvedRefs, metav1.ConditionFalse, 1, ""},
		"another kind of condition":      {"gateway", "PartiallyInvalid", metav1.ConditionFalse, 2, ""},
		"a parent that it names no more": {"old", gatewayv1.RouteConditionResolvedRefs, metav1.ConditionFalse, 2, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := Route{Kind: HTTP, ParentRefs: []gatewayv1.ParentReference{parent}}
			r.Namespace, r.Generation = "test", 2
			r.Parents = []gatewayv1.RouteParentStatus{{ParentRef: gatewayv1.ParentReference{Name: c.parent},
				Conditions: []metav1.Condition{{Type: string(c.kind), Status: c.status, ObservedGeneration: c.generation, Reason: "Why", Message: "how"}}}}
			if why := Rejected(r); why != c.want {
				t.Errorf("it is rejected: %q", why)
			}
		})
	}
}
