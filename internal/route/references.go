package route

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// References returns the backends that a route, or one of its filters, sends requests to, with all fields filled in.
func References(r Route) []Backend {
	var found []Backend
	for _, rule := range r.Rules {
		found = append(found, ofFilters(asMap(rule), r.Namespace)...)
		for _, ref := range listOf(asMap(rule), "backendRefs") {
			found = append(found, ReferencesOf(asMap(ref), r.Namespace)...)
		}
	}
	return found
}

// BackendsOfRules returns the backends to which each rule of a route sends its requests, with all fields filled in.
func BackendsOfRules(r Route) [][]Backend {
	found := make([][]Backend, 0, len(r.Rules))
	for _, rule := range r.Rules {
		var backends []Backend
		for _, ref := range listOf(asMap(rule), "backendRefs") {
			backends = append(backends, filledIn(asMap(ref), r.Namespace))
		}
		found = append(found, backends)
	}
	return found
}

// ReferencesOf returns the backends of one reference of a route of this namespace, and of its filters.
func ReferencesOf(ref map[string]any, namespace string) []Backend {
	if ref == nil {
		return nil
	}
	return append(ofFilters(ref, namespace), filledIn(ref, namespace))
}

// ofFilters returns the backends that the filters of a rule or of a reference send requests to.
func ofFilters(holder map[string]any, namespace string) []Backend {
	var found []Backend
	for _, to := range backendsOfFilters(holder) {
		found = append(found, filledIn(to, namespace))
	}
	return found
}

// backendsOfFilters returns the references in the filters of a rule or of a reference: those that get copies, and those that decide
// who may pass.
func backendsOfFilters(holder map[string]any) []map[string]any {
	var found []map[string]any
	for _, filter := range listOf(holder, "filters") {
		for _, kind := range []string{"requestMirror", "externalAuth"} {
			if to := asMap(asMap(asMap(filter)[kind])["backendRef"]); to != nil {
				found = append(found, to)
			}
		}
	}
	return found
}

func filledIn(ref map[string]any, namespace string) Backend {
	is := backendOf(ref, namespace)
	return Backend{Group: is.group, Kind: is.kind, Namespace: is.namespace, Name: is.name}
}

// GrantsFor returns the grants, one in each other namespace, that allow HTTPRoutes of a namespace to send to the backends,
// which have all fields filled in. The caller names them.
func GrantsFor(namespace string, backends []Backend) []*gatewayv1.ReferenceGrant {
	backends = slices.SortedFunc(slices.Values(backends), func(a, b Backend) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Group, b.Group), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	var grants []*gatewayv1.ReferenceGrant
	for _, to := range slices.Compact(backends) {
		if to.Namespace == namespace {
			continue
		}
		if len(grants) == 0 || grants[len(grants)-1].Namespace != to.Namespace {
			grants = append(grants, &gatewayv1.ReferenceGrant{ObjectMeta: metav1.ObjectMeta{Namespace: to.Namespace},
				Spec: gatewayv1.ReferenceGrantSpec{From: []gatewayv1.ReferenceGrantFrom{grantFrom(Key{Kind: HTTP, Namespace: namespace})}}})
		}
		name, last := gatewayv1.ObjectName(to.Name), grants[len(grants)-1]
		last.Spec.To = append(last.Spec.To, gatewayv1.ReferenceGrantTo{Group: gatewayv1.Group(to.Group), Kind: gatewayv1.Kind(to.Kind), Name: &name})
	}
	return grants
}

// StillGranted returns the backends of grants that HTTPRoutes of a namespace still refer to.
func StillGranted(namespace string, routes []Route, grants []gatewayv1.ReferenceGrant) []Backend {
	var used, still []Backend
	for _, r := range routes {
		if r.Kind == HTTP && r.Namespace == namespace {
			used = append(used, References(r)...)
		}
	}
	for _, grant := range grants {
		for _, to := range grant.Spec.To {
			if to.Name == nil {
				continue
			}
			granted := Backend{Group: string(to.Group), Kind: string(to.Kind), Namespace: grant.Namespace, Name: string(*to.Name)}
			if slices.Contains(used, granted) {
				still = append(still, granted)
			}
		}
	}
	return still
}
