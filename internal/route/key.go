package route

// Kinds of routes.
const (
	HTTP = "HTTPRoute"
	GRPC = "GRPCRoute"
)

// Key identifies a route.
type Key struct {
	// Kind is HTTP or GRPC.
	Kind string
	// Namespace and Name identify the route within its kind.
	Namespace, Name string
}

// String returns the kind and the full name: "HTTPRoute shop/podinfo".
func (k Key) String() string {
	return k.Kind + " " + k.Namespace + "/" + k.Name
}

// From returns the kind and the name as seen from a namespace: "HTTPRoute podinfo" for a route of the same namespace.
func (k Key) From(namespace string) string {
	if k.Namespace == namespace {
		return k.Kind + " " + k.Name
	}
	return k.String()
}

// Short returns a single word, as in the status of a Canary in this namespace: the bare name of an HTTPRoute of the same
// namespace, else "GRPCRoute/name" or "HTTPRoute/namespace/name".
func (k Key) Short(namespace string) string {
	switch {
	case k.Namespace != namespace:
		return k.Kind + "/" + k.Namespace + "/" + k.Name
	case k.Kind != HTTP:
		return k.Kind + "/" + k.Name
	}
	return k.Name
}
