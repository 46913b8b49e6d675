package app

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// decoded reads manifests. It refuses unknown fields.
func decoded(t *testing.T, manifests string) []client.Object {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, gatewayv1.Install} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	var objects []client.Object
	for _, document := range strings.Split(manifests, "\n---\n") {
		object, _, err := decoder.Decode([]byte(document), nil, nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, document)
		}
		objects = append(objects, object.(client.Object))
	}
	return objects
}

func TestManifests(t *testing.T) {
	for name, c := range map[string]struct {
		manifest string
		want     string
	}{
		"an application": {Manifest("shop", Options{}),
			"Namespace/shop Deployment/shop/podinfo Service/shop/podinfo HTTPRoute/shop/podinfo"},
		"with everything": {Manifest("shop", Options{Name: "cart", Annotations: map[string]string{"a": "b: c"}, Env: []string{"X=a=b"}, GRPC: true, Resources: true}),
			"Namespace/shop Deployment/shop/cart Service/shop/cart HTTPRoute/shop/cart"},
		"without a route":       {Manifest("shop", Options{NoRoute: true}), "Namespace/shop Deployment/shop/podinfo Service/shop/podinfo"},
		"without a Service":     {Manifest("shop", Options{NoService: true}), "Namespace/shop Deployment/shop/podinfo"},
		"paths":                 {PathRoute("shop", "cart"), "HTTPRoute/shop/cart-paths"},
		"gRPC":                  {GRPCRoute("shop", "cart"), "GRPCRoute/shop/cart"},
		"across namespaces":     {RemoteRoute("shop", "cart"), "Namespace/shop-edge HTTPRoute/shop-edge/cart ReferenceGrant/shop/edge"},
		"of a mesh":             {ServiceRoute("shop", "cart"), "HTTPRoute/shop/cart-mesh"},
		"an autoscaler":         {Autoscaler("shop", "cart"), "HorizontalPodAutoscaler/shop/cart"},
		"a disruption budget":   {DisruptionBudget("shop", "cart"), "PodDisruptionBudget/shop/cart"},
		"network policies":      {NetworkPolicies("shop", "cart"), "NetworkPolicy/shop/cart NetworkPolicy/shop/cart-deny"},
		"a class and a Gateway": {Class("plain"), "GatewayClass/plain Gateway/gateway-system/plain"},
	} {
		var got []string
		for _, object := range decoded(t, c.manifest) {
			parts := []string{object.GetObjectKind().GroupVersionKind().Kind, object.GetNamespace(), object.GetName()}
			got = append(got, strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "/"))
		}
		if line := strings.Join(got, " "); line != c.want {
			t.Errorf("%s: got %s, not %s", name, line, c.want)
		}
	}
}

func TestTheVersionIsTheFirstOfTheEnvironment(t *testing.T) {
	a := &App{Namespace: "shop", name: Name}
	env := append(a.Named("secondary").Upstream(), "ERROR_RATE=0.5")
	d := decoded(t, Manifest("shop", Options{Env: env, GRPC: true}))[1].(*appsv1.Deployment)
	var got []string
	for _, e := range d.Spec.Template.Spec.Containers[0].Env {
		got = append(got, fmt.Sprintf("%s=%s", e.Name, e.Value))
	}
	want := []string{"VERSION=v1", "UPSTREAM=http://gateway.gateway-system/", "UPSTREAM_HOST=secondary.shop.example.com", "ERROR_RATE=0.5", "GRPC_PORT=9000"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, not %q", got, want)
	}
	if a.Host() != "shop.example.com" {
		t.Errorf("its host is %s", a.Host())
	}
}
