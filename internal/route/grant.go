package route

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// Granted reports whether any grant of a backend's namespace allows routes of a kind and a namespace to send to it. The backend has
// all fields filled in.
func Granted(grants []gatewayv1.ReferenceGrant, from Key, backend Backend) bool {
	return slices.ContainsFunc(grants, func(g gatewayv1.ReferenceGrant) bool {
		return g.Namespace == backend.Namespace &&
			slices.ContainsFunc(g.Spec.From, func(f gatewayv1.ReferenceGrantFrom) bool { return f == grantFrom(from) }) &&
			slices.ContainsFunc(g.Spec.To, func(to gatewayv1.ReferenceGrantTo) bool {
				return string(to.Group) == backend.Group && string(to.Kind) == backend.Kind && (to.Name == nil || string(*to.Name) == backend.Name)
			})
	})
}

// MakeGrant returns a grant with the name of the Service that allows the routes to send to it.
func MakeGrant(service types.NamespacedName, routes []Key) *gatewayv1.ReferenceGrant {
	to := gatewayv1.ObjectName(service.Name)
	grant := &gatewayv1.ReferenceGrant{ObjectMeta: metav1.ObjectMeta{Namespace: service.Namespace, Name: service.Name}}
	grant.Spec.To = []gatewayv1.ReferenceGrantTo{{Kind: "Service", Name: &to}}
	for _, key := range routes {
		if from := grantFrom(key); !slices.Contains(grant.Spec.From, from) {
			grant.Spec.From = append(grant.Spec.From, from)
		}
	}
	return grant
}

func grantFrom(key Key) gatewayv1.ReferenceGrantFrom {
	return gatewayv1.ReferenceGrantFrom{Group: gatewayv1.GroupName, Kind: gatewayv1.Kind(key.Kind), Namespace: gatewayv1.Namespace(key.Namespace)}
}
