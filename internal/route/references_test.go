package route

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// TestGrantsForWhatARouteSendsTo checks that the backends of a route, its mirrors and its rules get one grant each, except
// those of the route's own namespace.
func TestGrantsForWhatARouteSendsTo(t *testing.T) {
	mirror := func(to map[string]any) []any {
		return []any{map[string]any{"type": requestMirror, "requestMirror": map[string]any{"backendRef": to}}}
	}
	away := func(name string) map[string]any { return map[string]any{"name": name, "namespace": "away"} }
	r := Route{Kind: HTTP}
	r.Namespace, r.Name = "test", "shop"
	front := away("front")
	front["filters"] = mirror(away("copies"))
	r.Rules = []any{
		map[string]any{"filters": mirror(map[string]any{"name": "archive", "namespace": "far"}), "backendRefs": []any{map[string]any{"name": "shop"}, front}},
		map[string]any{"backendRefs": []any{away("front")}},
	}
	granted := func(grants []*gatewayv1.ReferenceGrant) map[string][]string {
		found := map[string][]string{}
		for _, grant := range grants {
			for _, to := range grant.Spec.To {
				found[grant.Namespace] = append(found[grant.Namespace], string(to.Kind)+" "+string(*to.Name))
			}
		}
		return found
	}
	grants := GrantsFor("test", References(r))
	if diff := cmp.Diff(map[string][]string{"away": {"Service copies", "Service front"}, "far": {"Service archive"}}, granted(grants)); diff != "" {
		t.Error(diff)
	}
	r.Rules = r.Rules[1:]
	still := StillGranted("test", []Route{r}, []gatewayv1.ReferenceGrant{*grants[0], *grants[1]})
	if diff := cmp.Diff(map[string][]string{"away": {"Service front"}}, granted(GrantsFor("test", still))); diff != "" {
		t.Error(diff)
	}
	if still := StillGranted("test", []Route{r}, nil); len(still) > 0 {
		t.Errorf("what was not granted stays granted: %v", still)
	}
}
