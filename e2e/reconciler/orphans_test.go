package reconciler

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
)

// TestARouteIsFreedOfASplitWhoseCanaryIsGone has a route with a split that somebody has left by removing a finalizer.
func TestARouteIsFreedOfASplitWhoseCanaryIsGone(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	plain := &gatewayv1.HTTPRoute{ObjectMeta: a.named("left")}
	plain.Spec.ParentRefs = []gatewayv1.ParentReference{{Name: "gateway"}}
	plain.Spec.Rules = []gatewayv1.HTTPRouteRule{{BackendRefs: []gatewayv1.HTTPBackendRef{{BackendRef: gatewayv1.BackendRef{
		BackendObjectReference: gatewayv1.BackendObjectReference{Name: "gone", Port: ptr.To(gatewayv1.PortNumber(80))}}}}}}
	left, err := route.WithSplit(route.FromHTTP(plain), route.Split{Deployment: "gone", Namespace: a.namespace, Primary: "gone", Canary: "gone-canary", Weight: 20})
	a.Expect(err).NotTo(HaveOccurred())
	object := routeObject(route.HTTP)
	object.SetNamespace(a.namespace)
	object.SetName("left")
	a.Expect(left.Into(object.Object)).To(Succeed())
	a.Expect(object.GetAnnotations()).To(HaveKey(config.AnnotationSplit))
	object.Object["spec"].(map[string]any)["parentRefs"] = []any{map[string]any{"name": "gateway"}}
	a.create(object)
	key := route.Key{Kind: route.HTTP, Namespace: a.namespace, Name: "left"}
	a.Eventually(func() map[string]string { r, _ := a.stored(key); return r.Annotations }, patience, glance).ShouldNot(HaveKey(config.AnnotationSplit))
	a.Eventually(func() []any { r, _ := a.stored(key); return r.Rules }, patience, glance).Should(ConsistOf(
		HaveKeyWithValue("backendRefs", ConsistOf(HaveKeyWithValue("name", "gone")))))
	a.Eventually(func() (reasons []string) {
		var told corev1.EventList
		a.Expect(server.Client.List(a.t.Context(), &told, client.InNamespace(a.namespace))).To(Succeed())
		for _, event := range told.Items {
			if event.InvolvedObject.Name == "left" {
				reasons = append(reasons, event.Reason)
			}
		}
		return reasons
	}, patience, glance).Should(ContainElement("SplitOrphaned"))
}
