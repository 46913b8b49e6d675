package observed

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/internal/route"
)

// GatewayBehind returns the Gateway of a parent: the parent itself, or the one that a ListenerSet attaches to. It is empty for
// other kinds of parents, and for a ListenerSet that does not exist.
func (o World) GatewayBehind(parent route.Parent) types.NamespacedName {
	switch parent.Kind {
	case route.ParentGateway:
		return parent.NamespacedName
	case route.ParentListenerSet:
		at := slices.IndexFunc(o.ListenerSets, func(s gatewayv1.ListenerSet) bool { return s.Namespace == parent.Namespace && s.Name == parent.Name })
		if at == -1 {
			return types.NamespacedName{}
		}
		to := o.ListenerSets[at].Spec.ParentRef
		behind := types.NamespacedName{Namespace: parent.Namespace, Name: string(to.Name)}
		if to.Namespace != nil {
			behind.Namespace = string(*to.Namespace)
		}
		return behind
	}
	return types.NamespacedName{}
}

// GatewaysOf returns the Gateways that serve a route, in the order of its parents.
func (o World) GatewaysOf(r route.Route) []types.NamespacedName {
	var found []types.NamespacedName
	for _, parent := range route.ParentsOf(r) {
		if name := o.GatewayBehind(parent); name.Name != "" {
			found = append(found, name)
		}
	}
	return found
}

// Gateway returns a Gateway, or nil if it does not exist.
func (o World) Gateway(name types.NamespacedName) *gatewayv1.Gateway {
	for i := range o.Gateways {
		if o.Gateways[i].Namespace == name.Namespace && o.Gateways[i].Name == name.Name {
			return &o.Gateways[i]
		}
	}
	return nil
}

// ClassOf returns the class of a Gateway, or nil if it is not known.
func (o World) ClassOf(gateway types.NamespacedName) *gatewayv1.GatewayClass {
	g := o.Gateway(gateway)
	for i := range o.Classes {
		if g != nil && o.Classes[i].Name == string(g.Spec.GatewayClassName) {
			return &o.Classes[i]
		}
	}
	return nil
}

// ControllerOf returns the name of the controller that runs a Gateway; empty if its class is not known.
func (o World) ControllerOf(gateway types.NamespacedName) string {
	class := o.ClassOf(gateway)
	if class == nil {
		return ""
	}
	return string(class.Spec.ControllerName)
}

// Served returns the world in which routes have only the reports of the controllers that serve them.
func (o World) Served() World {
	known := map[route.Parent]string{}
	o.Routes = route.WithReportsOf(o.Routes, func(parent route.Parent) string {
		controller, asked := known[parent]
		if !asked {
			controller = o.ControllerOf(o.GatewayBehind(parent))
			known[parent] = controller
		}
		return controller
	})
	return o
}
