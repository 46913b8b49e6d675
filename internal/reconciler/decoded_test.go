package reconciler

import (
	"context"
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/internal/route"
)

// listed is a cache that holds these routes.
type listed struct {
	client.Reader
	items []unstructured.Unstructured
}

func (l *listed) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	list.(*unstructured.UnstructuredList).Items = l.items
	return nil
}

func listedRoute(n int, version, host string) unstructured.Unstructured {
	object := routeObject(route.HTTP)
	object.SetNamespace("shop")
	object.SetName(fmt.Sprintf("route-%d", n))
	object.SetUID(types.UID(object.GetName()))
	object.SetResourceVersion(version)
	object.Object["spec"] = map[string]any{"hostnames": []any{host}, "parentRefs": []any{map[string]any{"name": "gateway"}},
		"rules": []any{map[string]any{"backendRefs": []any{map[string]any{"name": "podinfo", "port": int64(80)}}}}}
	return *object
}

func TestOnlyRoutesThatHaveChangedAreDecodedAgain(t *testing.T) {
	cache := &listed{items: []unstructured.Unstructured{listedRoute(0, "1", "a"), listedRoute(1, "1", "a"), listedRoute(2, "1", "a")}}
	r := &reader{routes: cache}
	r.kinds.Store(&kinds{routes: []string{route.HTTP}})
	hosts := func(namespace string) (found []string) {
		t.Helper()
		routes, err := r.listRoutes(t.Context(), namespace)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range routes {
			found = append(found, one.Name+" "+string(one.Hostnames[0]))
		}
		return found
	}
	expect := func(got []string, want ...string) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	expect(hosts(metav1.NamespaceAll), "route-0 a", "route-1 a", "route-2 a")
	// No API server changes a host without a new version. The test does, to see which routes are decoded again.
	cache.items = []unstructured.Unstructured{listedRoute(0, "1", "b"), listedRoute(1, "2", "b")}
	expect(hosts("shop"), "route-0 a", "route-1 b")
	expect(hosts(metav1.NamespaceAll), "route-0 a", "route-1 b")
	if known := r.decoded.known(); len(known) != 2 {
		t.Errorf("%d routes are kept, a route that is gone among them", len(known))
	}
}

func BenchmarkListingAThousandRoutes(b *testing.B) {
	cache := &listed{}
	for n := range 1000 {
		cache.items = append(cache.items, listedRoute(n, "1", "a"))
	}
	r := &reader{routes: cache}
	r.kinds.Store(&kinds{routes: []string{route.HTTP}})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.listRoutes(b.Context(), metav1.NamespaceAll); err != nil {
			b.Fatal(err)
		}
	}
}
