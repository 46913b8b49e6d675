package route

import (
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// Route is an HTTPRoute or a GRPCRoute. No function of this package changes a Route that it is given.
type Route struct {
	// Kind is HTTP or GRPC.
	Kind string
	metav1.ObjectMeta
	// ParentRefs are the Gateways, Services and other parents that serve the route.
	ParentRefs []gatewayv1.ParentReference
	// Hostnames are the host names of the route. None means all.
	Hostnames []gatewayv1.Hostname
	// Rules are decoded JSON, so that both kinds are handled alike and fields that the types of this release do not know
	// survive.
	Rules []any
	// Parents are the reports of the parents' controllers.
	Parents []gatewayv1.RouteParentStatus
}

// FromHTTP converts an HTTPRoute.
func FromHTTP(r *gatewayv1.HTTPRoute) Route {
	return Route{Kind: HTTP, ObjectMeta: *r.ObjectMeta.DeepCopy(), ParentRefs: r.Spec.ParentRefs, Hostnames: r.Spec.Hostnames,
		Rules: rulesOf(r), Parents: r.Status.Parents}
}

// FromGRPC converts a GRPCRoute.
func FromGRPC(r *gatewayv1.GRPCRoute) Route {
	return Route{Kind: GRPC, ObjectMeta: *r.ObjectMeta.DeepCopy(), ParentRefs: r.Spec.ParentRefs, Hostnames: r.Spec.Hostnames,
		Rules: rulesOf(r), Parents: r.Status.Parents}
}

func rulesOf(typed any) []any {
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(typed)
	if err != nil {
		panic(err) // the types of the Gateway API can always be encoded
	}
	rules, _, _ := unstructured.NestedFieldNoCopy(object, "spec", "rules")
	list, _ := rules.([]any)
	return list
}

// FromObject converts decoded JSON, without copying its rules. The error names the field that is not as the Gateway API
// defines it.
func FromObject(object map[string]any) (Route, error) {
	var known struct {
		Kind              string `json:"kind"`
		metav1.ObjectMeta `json:"metadata"`
		Spec              struct {
			ParentRefs []gatewayv1.ParentReference `json:"parentRefs"`
			Hostnames  []gatewayv1.Hostname        `json:"hostnames"`
		} `json:"spec"`
		Status struct {
			Parents []gatewayv1.RouteParentStatus `json:"parents"`
		} `json:"status"`
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object, &known); err != nil {
		return Route{}, fmt.Errorf("decode route: %w", err)
	}
	value, set, err := unstructured.NestedFieldNoCopy(object, "spec", "rules")
	if err != nil {
		return Route{}, fmt.Errorf("decode route: %w", err)
	}
	rules, isList := value.([]any)
	if set && !isList {
		return Route{}, fmt.Errorf("spec.rules: must be a list of rules")
	}
	return Route{Kind: known.Kind, ObjectMeta: known.ObjectMeta, ParentRefs: known.Spec.ParentRefs, Hostnames: known.Spec.Hostnames,
		Rules: rules, Parents: known.Status.Parents}, nil
}

// Into writes the annotations and the rules into decoded JSON of the route. It leaves everything else there as it is.
func (r Route) Into(object map[string]any) error {
	result := &unstructured.Unstructured{Object: object}
	if !maps.Equal(result.GetAnnotations(), r.Annotations) {
		result.SetAnnotations(r.Annotations)
	}
	if len(r.Rules) == 0 {
		return nil
	}
	return unstructured.SetNestedSlice(object, r.Rules, "spec", "rules")
}

// Key returns the key that identifies the route.
func (r Route) Key() Key {
	return Key{Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
}

// SendsTo reports whether any rule of the route has the Service as a backend.
func SendsTo(r Route, service types.NamespacedName) bool {
	for _, rule := range r.Rules {
		if sends(asMap(rule), serviceBackend(service), r.Namespace) {
			return true
		}
	}
	return false
}

// Namespaces returns the route's namespace, those of its backends and those of the Deployments with intents on it, in no
// order.
func Namespaces(r Route) []string {
	found := map[string]bool{r.Namespace: true}
	if intents, err := IntentsOf(r.Annotations); err == nil {
		for _, split := range intents.Splits {
			found[split.namespaceIn(r.Namespace)] = true
		}
		for _, cohort := range intents.Cohorts {
			found[cohort.namespaceIn(r.Namespace)] = true
		}
	}
	for _, rule := range r.Rules {
		for _, ref := range listOf(asMap(rule), "backendRefs") {
			found[backendOf(asMap(ref), r.Namespace).namespace] = true
		}
	}
	return slices.Collect(maps.Keys(found))
}

// BackendPorts returns the ports of the Service that the rules send to.
func BackendPorts(r Route, service types.NamespacedName) []int32 {
	var ports []int32
	for _, rule := range r.Rules {
		for _, ref := range listOf(asMap(rule), "backendRefs") {
			port, set := number(asMap(ref), "port")
			if set && backendOf(asMap(ref), r.Namespace) == serviceBackend(service) {
				ports = append(ports, int32(port))
			}
		}
	}
	return ports
}

// WeightOf returns the canary's percentage in the first rule that has primary and canary, or 0 if no rule has both.
func WeightOf(r Route, split Split) float64 {
	primary, canary := split.backends(r.Namespace)
	control, _ := split.control(r.Namespace)
	for _, rule := range r.Rules {
		weights := map[backend]int64{}
		for _, ref := range listOf(asMap(rule), "backendRefs") {
			weights[backendOf(asMap(ref), r.Namespace)] += weightOf(asMap(ref))
		}
		if _, shared := weights[primary]; shared && weights[canary] > 0 {
			return 100 * float64(weights[canary]) / float64(weights[primary]+weights[canary]+weights[control])
		}
	}
	return 0
}
