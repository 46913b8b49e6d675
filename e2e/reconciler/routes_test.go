package reconciler

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/rollout/observed"
)

func routeObject(kind string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(schema.GroupVersion(gatewayv1.GroupVersion).WithKind(kind))
	return object
}

// stored returns the route of a key as the API server has it.
func (a *app) stored(key route.Key) (route.Route, *unstructured.Unstructured) {
	a.t.Helper()
	object := routeObject(key.Kind)
	a.Expect(server.Client.Get(a.t.Context(), client.ObjectKey{Namespace: key.Namespace, Name: key.Name}, object)).To(Succeed())
	r, err := route.FromObject(object.Object)
	a.Expect(err).NotTo(HaveOccurred())
	return r, object
}

// acceptAll accepts the routes in place of the controllers of their parents.
func (a *app) acceptAll(keys ...route.Key) {
	a.t.Helper()
	for _, key := range keys {
		a.Eventually(func() error {
			r, object := a.stored(key)
			var parents []any
			for _, parent := range object.Object["spec"].(map[string]any)["parentRefs"].([]any) {
				var conditions []any
				for _, kind := range []string{"Accepted", "ResolvedRefs"} {
					conditions = append(conditions, map[string]any{"type": kind, "status": "True", "reason": kind, "message": "",
						"observedGeneration": r.Generation, "lastTransitionTime": "2026-01-01T00:00:00Z"})
				}
				parents = append(parents, map[string]any{"parentRef": parent, "controllerName": "traefik.io/gateway-controller", "conditions": conditions})
			}
			object.Object["status"] = map[string]any{"parents": parents}
			return server.Client.Status().Update(a.t.Context(), object)
		}, patience, glance).Should(Succeed())
	}
}

func TestRoutesOfEveryKindAndNamespaceMoveTogether(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	elsewhere := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	a.create(elsewhere)
	backend := gatewayv1.BackendRef{BackendObjectReference: gatewayv1.BackendObjectReference{Name: "podinfo", Port: ptr.To(gatewayv1.PortNumber(80))}}
	inside := &gatewayv1.GRPCRoute{ObjectMeta: a.named("podinfo")}
	inside.Spec.ParentRefs = []gatewayv1.ParentReference{{Group: ptr.To(gatewayv1.Group("")), Kind: ptr.To(gatewayv1.Kind("Service")), Name: "podinfo"}}
	inside.Spec.Rules = []gatewayv1.GRPCRouteRule{{BackendRefs: []gatewayv1.GRPCBackendRef{{BackendRef: backend}}}}
	outside := &gatewayv1.HTTPRoute{ObjectMeta: metav1.ObjectMeta{Namespace: elsewhere.Name, Name: "podinfo"}}
	outside.Spec.ParentRefs = []gatewayv1.ParentReference{{Name: "gateway", Namespace: ptr.To(gatewayv1.Namespace(a.namespace))}}
	backend.Namespace = ptr.To(gatewayv1.Namespace(a.namespace))
	outside.Spec.Rules = []gatewayv1.HTTPRouteRule{{BackendRefs: []gatewayv1.HTTPBackendRef{{BackendRef: backend}}}}
	a.annotate(config.AnnotationMetrics, "app")
	a.create(inside)
	// Without a grant, a route of any namespace could hold up the rollout.
	grant := route.MakeGrant(client.ObjectKey{Namespace: a.namespace, Name: "podinfo"}, []route.Key{{Kind: route.HTTP, Namespace: elsewhere.Name, Name: "podinfo"}})
	grant.Name = "podinfo-for-all"
	a.create(grant)
	a.create(outside)
	keys := []route.Key{{Kind: route.HTTP, Namespace: a.namespace, Name: "podinfo"}, {Kind: route.GRPC, Namespace: a.namespace, Name: "podinfo"}, {Kind: route.HTTP, Namespace: elsewhere.Name, Name: "podinfo"}}
	user := map[route.Key]route.Route{}
	for _, key := range keys {
		user[key], _ = a.stored(key)
	}
	// A route of another namespace counts once its gateway reports on it.
	a.acceptAll(keys...)
	a.waitFor("all routes found", func(s v1alpha1.CanaryStatus) bool { return s.Target != nil && len(s.Target.Routes) == 3 })
	a.Expect(a.canary().Status.Target.Routes).To(ConsistOf("podinfo", "GRPCRoute/podinfo", "HTTPRoute/"+elsewhere.Name+"/podinfo"))

	split := route.Split{Deployment: "podinfo", Namespace: a.namespace, Primary: "podinfo", Canary: "podinfo-canary"}
	states := func(weight float64) func() bool {
		split.Weight = weight
		return func() bool {
			for _, key := range keys {
				r, _ := a.stored(key)
				if rendered, _ := route.IsRendered(r); !rendered || !route.States(r, split) {
					return false
				}
			}
			return true
		}
	}
	a.hold()
	a.available("podinfo-canary")
	a.endpoints(4)
	a.Eventually(states(0), patience, glance).Should(BeTrue())
	a.acceptAll(keys...)
	a.Eventually(states(10), patience, glance).Should(BeTrue())
	a.acceptAll(keys[0], keys[2])
	a.waitFor("the parent that does not report", func(s v1alpha1.CanaryStatus) bool {
		return s.Message == "Waiting for weight 10% to take effect: GRPCRoute podinfo: Service "+a.namespace+"/podinfo has not reported Accepted for generation 3 yet"
	})
	a.acceptAll(keys...)
	a.waitFor("the first step in effect", observed.Checked)

	a.annotate(config.AnnotationCandidate, "")
	for _, key := range keys {
		a.Eventually(func() []any { r, _ := a.stored(key); return r.Rules }, patience, glance).Should(Equal(user[key].Rules))
	}
	a.acceptAll(keys...)
	a.waitForPhase(v1alpha1.PhaseInitialized)
}
