package reconciler

import (
	"context"
	"maps"
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// wakes is what the tests of this file expect: which Canaries each change wakes.
func (w *world) wakes(ticks func(*reader, context.Context, client.Object) []ctrl.Request, want map[string][]string, object func(name string) client.Object) {
	w.t.Helper()
	r := w.reconciler(w.client, Options{}).reader
	r.kinds.Store(&kinds{routes: []string{"HTTPRoute"}, listenerSets: true})
	for name, canaries := range want {
		woken := map[string]bool{}
		for _, request := range ticks(r, w.t.Context(), object(name)) {
			woken[request.String()] = true
		}
		if got := slices.Sorted(maps.Keys(woken)); !slices.Equal(got, canaries) {
			w.t.Errorf("%T %s wakes %v, want %v", object(name), name, got, canaries)
		}
	}
}

// serviceFor selects the pods of an app; none if that is empty.
func serviceFor(name, app string) *corev1.Service {
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
	if app != "" {
		service.Spec.Selector = map[string]string{"app": app}
	}
	return service
}

// withServices has Canaries at rest, one that still looks for its Service, one with a candidate and one with an open rollout.
func withServices(t *testing.T) *world {
	w := newWorld(t)
	deployed := func(name string) *appsv1.Deployment {
		pods := map[string]string{"app": name}
		d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
		d.Annotations = map[string]string{config.AnnotationCanary: "true"}
		d.Spec.Replicas = new(int32(1))
		d.Spec.Selector, d.Spec.Template.Labels = &metav1.LabelSelector{MatchLabels: pods}, pods
		d.Spec.Template.Spec.Containers = []corev1.Container{{Name: "app", Image: "app:v1"}}
		return d
	}
	held, open := deployed("held"), canaryOf("shop", "open", "open")
	text, err := candidateFor(held).Encode()
	w.Expect(err).NotTo(HaveOccurred())
	held.Annotations[config.AnnotationCandidate] = text
	open.Status.Phase = v1alpha1.PhaseProgressing
	cohort := canaryOf("shop", "cohort", "cohort")
	cohort.Status.Cohort = []v1alpha1.CohortStatus{{Service: "peer", Target: "peer-v2"}}
	for _, object := range []client.Object{
		canaryOf("shop", "web", "web"), canaryOf("shop", "cart", "basket"), canaryOf("shop", "new", ""), canaryOf("pay", "web", "web"), cohort, open,
		canaryOf("shop", "held", "held"), deployed("web"), deployed("cart"), held, deployed("open"),
	} {
		w.Expect(w.client.Create(t.Context(), object)).To(Succeed())
	}
	return w
}

func TestARelabelledServiceWakesOnlyWhoUsesIt(t *testing.T) {
	withServices(t).wakes((*reader).ofService, map[string][]string{
		"web":        {"shop/new", "shop/web"},
		"web-canary": {"shop/new", "shop/web"},
		"basket":     {"shop/cart", "shop/new"},
		"peer-v2":    {"shop/cohort", "shop/new"},
		"other":      {"shop/new"},
	}, func(name string) client.Object { return serviceFor(name, "") })
	// One that is no longer a canary's selects the primary again.
	withServices(t).wakes((*reader).ofService, map[string][]string{"other": {"shop/cart", "shop/new"}},
		func(name string) client.Object { return serviceFor(name, "cart") })
}

func TestANewServiceWakesOnlyWhomItMayConcern(t *testing.T) {
	withServices(t).wakes((*reader).ofServiceSpec, map[string][]string{
		"basket": {"shop/cart", "shop/held", "shop/new", "shop/open"},
		// It may select the pods of a canary, by labels that only its rollout knows.
		"other": {"shop/held", "shop/new", "shop/open"},
	}, func(name string) client.Object { return serviceFor(name, "nobody") })
	withServices(t).wakes((*reader).ofServiceSpec, map[string][]string{"second": {"shop/held", "shop/new", "shop/open", "shop/web"}},
		func(name string) client.Object { return serviceFor(name, "web") })
}

// withGateways has a route for each Canary: directly at a Gateway, through a ListenerSet, and of another namespace.
func withGateways(t *testing.T) *world {
	w := newWorld(t)
	gateway := func(name, class string) client.Object {
		g := &gatewayv1.Gateway{ObjectMeta: metav1.ObjectMeta{Namespace: "infra", Name: name}}
		g.Spec.GatewayClassName = gatewayv1.ObjectName(class)
		return g
	}
	set := &gatewayv1.ListenerSet{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "set"}}
	set.Spec.ParentRef = gatewayv1.ParentGatewayReference{Name: "private", Namespace: new(gatewayv1.Namespace("infra"))}
	route := func(namespace, name string, parent gatewayv1.ParentReference) client.Object {
		r := accepted(metav1.ObjectMeta{Namespace: namespace, Name: name})
		r.Spec.ParentRefs = []gatewayv1.ParentReference{parent}
		r.Spec.Rules[0].BackendRefs[0].Name = gatewayv1.ObjectName(name)
		r.Spec.Rules[0].BackendRefs[0].Namespace = new(gatewayv1.Namespace("shop"))
		return r
	}
	at := func(name string) gatewayv1.ParentReference {
		return gatewayv1.ParentReference{Name: gatewayv1.ObjectName(name), Namespace: new(gatewayv1.Namespace("infra"))}
	}
	for _, object := range []client.Object{
		gateway("public", "fast"), gateway("private", "slow"), set,
		canaryOf("shop", "web", "web"), canaryOf("shop", "cart", "cart"), canaryOf("shop", "guest", "guest"), canaryOf("shop", "lost", "lost"), canaryOf("pay", "web", "web"),
		route("shop", "web", at("public")), route("shop", "lost", at("absent")), route("edge", "guest", at("private")),
		route("shop", "cart", gatewayv1.ParentReference{Kind: new(gatewayv1.Kind("ListenerSet")), Name: "set"}),
	} {
		w.Expect(w.client.Create(t.Context(), object)).To(Succeed())
	}
	return w
}

func TestAGatewayWakesOnlyWhoseRoutesAttachToIt(t *testing.T) {
	w := withGateways(t)
	w.wakes((*reader).ofServing, map[string][]string{
		"public": {"shop/web"}, "private": {"shop/cart", "shop/guest"}, "absent": {"shop/lost"}, "other": nil,
	}, func(name string) client.Object {
		return &gatewayv1.Gateway{ObjectMeta: metav1.ObjectMeta{Namespace: "infra", Name: name}}
	})
	w.wakes((*reader).ofServing, map[string][]string{"fast": {"shop/web"}, "slow": {"shop/cart", "shop/guest"}, "other": nil},
		func(name string) client.Object {
			return &gatewayv1.GatewayClass{ObjectMeta: metav1.ObjectMeta{Name: name}}
		})
	w.wakes((*reader).ofServing, map[string][]string{"set": {"shop/cart"}, "other": nil}, func(name string) client.Object {
		return &gatewayv1.ListenerSet{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
	})
}
