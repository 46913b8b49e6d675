package route

// Kinds of routes.
const (
	HTTP = "HTTPRoute"
	GRPC = "GRPCRoute"
)

// Key tells a route of one kind from every other.
type Key struct {
	// Kind is HTTP or GRPC.
	Kind string
	// Namespace and Name of the route.
	Namespace, Name string
}

// String is how a route is named where no namespace is understood: "HTTPRoute shop/podinfo".
func (k Key) String() string {
	return k.Kind + " " + k.Namespace + "/" + k.Name
}

// From is how a route is named to somebody in a namespace: "HTTPRoute podinfo" for one of the same namespace.
func (k Key) From(namespace string) string {
	if k.Namespace == namespace {
		return k.Kind + " " + k.Name
	}
	return k.String()
}

// Short is a single word for the route, as the status of a Canary in this namespace lists it: the bare name of an HTTPRoute
// of the same namespace, else "GRPCRoute/name" or "HTTPRoute/namespace/name".
func (k Key) Short(namespace string) string {
	switch {
	case k.Namespace != namespace:
		return k.Kind + "/" + k.Namespace + "/" + k.Name
	case k.Kind != HTTP:
		return k.Kind + "/" + k.Name
	}
	return k.Name
}
