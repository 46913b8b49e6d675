package route

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"
)

// PortsTo returns the ports at which a route sends or mirrors requests to a Service, in order.
func PortsTo(r Route, service types.NamespacedName) []int32 {
	var ports []int32
	add := func(ref map[string]any) {
		if port, set := number(ref, "port"); set && ref != nil && backendOf(ref, r.Namespace) == serviceBackend(service) {
			ports = append(ports, int32(port))
		}
	}
	mirrors := func(holder map[string]any) {
		for _, filter := range listOf(holder, "filters") {
			add(asMap(asMap(asMap(filter)["requestMirror"])["backendRef"]))
		}
	}
	for _, rule := range r.Rules {
		mirrors(asMap(rule))
		for _, ref := range listOf(asMap(rule), "backendRefs") {
			add(asMap(ref))
			mirrors(asMap(ref))
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}
