package app

// The manifests below are routes to the application podinfo, or to another one by its name.

// PathRoute returns another HTTPRoute, called NAME-paths, for the host paths.NAMESPACE.example.com, with two rules: one for
// /cart and one for requests with the header x-tester: yes.
func PathRoute(namespace, name string) string {
	return replaced(namespace, name, `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: $NAME-paths, namespace: $NAMESPACE}
spec:
  parentRefs: [{name: gateway, namespace: gateway-system}]
  hostnames: [paths.$NAMESPACE.example.com]
  rules:
    - matches: [{path: {type: PathPrefix, value: /cart}}]
      backendRefs: [{name: $NAME, port: 80}]
    - matches: [{headers: [{name: x-tester, value: "yes"}]}]
      backendRefs: [{name: $NAME, port: 80}]
`)
}

// GRPCRoute returns a GRPCRoute, called NAME, for the host grpc.NAMESPACE.example.com.
func GRPCRoute(namespace, name string) string {
	return replaced(namespace, name, `apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: $NAME, namespace: $NAMESPACE}
spec:
  parentRefs: [{name: gateway, namespace: gateway-system}]
  hostnames: [grpc.$NAMESPACE.example.com]
  rules:
    - backendRefs: [{name: $NAME, port: 9000}]
`)
}

// RemoteRoute returns an HTTPRoute, called NAME, in the namespace NAMESPACE-edge, for the host edge.NAMESPACE.example.com, and
// the ReferenceGrant that lets it send to the application's Service and to no other of that namespace. App.Delete deletes that
// namespace too.
func RemoteRoute(namespace, name string) string {
	return replaced(namespace, name, `apiVersion: v1
kind: Namespace
metadata: {name: $NAMESPACE-edge}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: $NAME, namespace: $NAMESPACE-edge}
spec:
  parentRefs: [{name: gateway, namespace: gateway-system}]
  hostnames: [edge.$NAMESPACE.example.com]
  rules:
    - backendRefs: [{name: $NAME, namespace: $NAMESPACE, port: 80}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: edge, namespace: $NAMESPACE}
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: $NAMESPACE-edge}]
  to: [{group: "", kind: Service, name: $NAME}]
`)
}

// ServiceRoute returns an HTTPRoute, called NAME-mesh, whose parent is the Service itself, as for a mesh. Traefik does not
// serve it and reports nothing on it.
func ServiceRoute(namespace, name string) string {
	return replaced(namespace, name, `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: $NAME-mesh, namespace: $NAMESPACE}
spec:
  parentRefs: [{group: "", kind: Service, name: $NAME, port: 80}]
  rules:
    - backendRefs: [{name: $NAME, port: 80}]
`)
}
