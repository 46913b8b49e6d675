package rollout

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/config/policy"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
	"sluice.dev/sluice/rollout/target"
)

// sendingFrom is a route of a namespace that sends to a Service.
func sendingFrom(namespace, name string, to types.NamespacedName) route.Route {
	r := routeTo(name, to.Name)
	r.Namespace = namespace
	r.Rules = []any{map[string]any{"backendRefs": []any{map[string]any{"name": to.Name, "namespace": to.Namespace, "port": int64(80)}}}}
	return reported(r)
}

// granting is a grant of a namespace for the routes of another to send to a Service.
func granting(to types.NamespacedName, from string) gatewayv1.ReferenceGrant {
	grant := route.MakeGrant(to, []route.Key{{Kind: route.HTTP, Namespace: from}})
	grant.Name += "-" + from
	return *grant
}

func backendIn(namespace, name string) v1alpha1.Backend {
	ref := gatewayv1.BackendObjectReference{Name: gatewayv1.ObjectName(name)}
	if namespace != "" {
		in := gatewayv1.Namespace(namespace)
		ref.Namespace = &in
	}
	port := gatewayv1.PortNumber(80)
	ref.Port = &port
	return v1alpha1.Backend{BackendRef: ref}
}

func serviceIn(namespace, name string) types.NamespacedName {
	return types.NamespacedName{Namespace: namespace, Name: name}
}

func generatedBy(p *config.Policy) *v1alpha1.ServiceSpec {
	if p.Generated == nil {
		p.Generated = &v1alpha1.ServiceSpec{}
	}
	return p.Generated
}

func TestWhatAPolicyReachesInOtherNamespaces(t *testing.T) {
	front := sendingFrom("victim", "front", serviceIn("victim", "api"))
	edge := sendingFrom("infra", "edge", serviceIn("test", "shop"))
	mirroring := func(namespace string) []gatewayv1.HTTPRouteFilter {
		return []gatewayv1.HTTPRouteFilter{{Type: gatewayv1.HTTPRouteFilterRequestMirror, RequestMirror: &gatewayv1.HTTPRequestMirrorFilter{
			BackendRef: backendIn(namespace, "sink").BackendRef}}}
	}
	for name, c := range map[string]struct {
		change  func(*observed.World, *config.Policy)
		problem string
		// splits are the routes that are split.
		splits []string
	}{
		"the routes of the backend's owner": {func(o *observed.World, p *config.Policy) {
			primary, canary := backendIn("victim", "api"), backendIn("victim", "admin")
			generatedBy(p).PrimaryBackend, p.Generated.CanaryBackend = &primary, &canary
		}, "service.primaryBackend.backendRef names Service victim/api, and no ReferenceGrant in namespace victim", nil},
		"the routes of an owner who has granted the backend": {func(o *observed.World, p *config.Policy) {
			primary, canary := backendIn("victim", "api"), backendIn("", "next")
			generatedBy(p).PrimaryBackend, p.Generated.CanaryBackend = &primary, &canary
			o.Routes = append(o.Routes, sendingFrom("test", "own", serviceIn("victim", "api")))
			o.Grants = append(o.Grants, granting(serviceIn("victim", "api"), "test"))
		}, "", []string{"own"}},
		"a primary that nobody has granted": {func(o *observed.World, p *config.Policy) {
			primary, canary := backendIn("victim", "api"), backendIn("", "next")
			generatedBy(p).PrimaryBackend, p.Generated.CanaryBackend = &primary, &canary
			o.Routes = append(o.Routes, sendingFrom("test", "own", serviceIn("victim", "api")))
		}, "service.primaryBackend.backendRef names Service victim/api, and no ReferenceGrant in namespace victim lets HTTPRoutes of namespace test send to it", nil},
		"a Service of the platform behind its own route": {func(o *observed.World, p *config.Policy) {
			canary := backendIn("infra", "grafana")
			generatedBy(p).CanaryBackend = &canary
		}, "service.canaryBackend.backendRef names Service infra/grafana, and no ReferenceGrant in namespace infra lets HTTPRoutes of namespace test send to it", nil},
		"a Service that its owner has granted to another namespace": {func(o *observed.World, p *config.Policy) {
			canary := backendIn("victim", "next")
			generatedBy(p).CanaryBackend = &canary
			o.Grants = append(o.Grants, granting(serviceIn("victim", "next"), "infra"))
		}, "service.canaryBackend.backendRef names Service victim/next", nil},
		"a Service that its owner has granted": {func(o *observed.World, p *config.Policy) {
			canary := backendIn("victim", "next")
			generatedBy(p).CanaryBackend = &canary
			o.Grants = append(o.Grants, granting(serviceIn("victim", "next"), "test"))
		}, "", []string{"shop", "HTTPRoute/infra/edge"}},
		"a mirror of the canary's backend": {func(o *observed.World, p *config.Policy) {
			canary := backendIn("", "next")
			canary.Filters = mirroring("victim")
			generatedBy(p).CanaryBackend = &canary
		}, "service.canaryBackend.filters[0].requestMirror.backendRef names Service victim/sink", nil},
		"a mirror of the generated route": {func(o *observed.World, p *config.Policy) {
			generatedBy(p).Mirror = []gatewayv1.HTTPRequestMirrorFilter{{BackendRef: backendIn("victim", "sink").BackendRef}}
		}, "service.mirror[0].backendRef names Service victim/sink", nil},
		"an object by name in the namespace of a guest": {func(o *observed.World, p *config.Policy) {
			canary := backendIn("", "next")
			canary.Filters = []gatewayv1.HTTPRouteFilter{{Type: gatewayv1.HTTPRouteFilterExtensionRef, ExtensionRef: &gatewayv1.LocalObjectReference{Group: "x", Kind: "Auth", Name: "admin"}}}
			generatedBy(p).CanaryBackend = &canary
		}, "", []string{"shop"}},
		"a route by name without a grant": {func(o *observed.World, p *config.Policy) {
			p.Routes = []config.RouteRef{{Kind: route.HTTP, Namespace: "victim", Name: "front"}}
		}, "HTTPRoute victim/front, named by service.routes or the annotation sluice.dev/routes, does not exist, does not send to Service shop, or is in another namespace", nil},
	} {
		t.Run(name, func(t *testing.T) {
			o, p := complete(), policy.Defaults()
			o.Routes = append(o.Routes, front, edge)
			o.Grants = []gatewayv1.ReferenceGrant{granting(serviceIn("test", "shop"), "infra")}
			o.Gateways = append(o.Gateways, gatewayIn("victim"), gatewayIn("infra"))
			c.change(&o, &p)
			found, problem := target.Discover(p, o)
			if (c.problem == "") != (problem == "") || !strings.Contains(problem, c.problem) {
				t.Errorf("problem %q", problem)
			}
			if problem == "" && !slices.Equal(found.RouteNames(), c.splits) {
				t.Errorf("splits %v", found.RouteNames())
			}
		})
	}
}

func gatewayIn(namespace string) gatewayv1.Gateway {
	gateway := complete().Gateways[0]
	gateway.Namespace = namespace
	return gateway
}

// TestACanaryBackendWithoutANamespaceIsInTheDeploymentsNamespace checks it on a route of another namespace.
func TestACanaryBackendWithoutANamespaceIsInTheDeploymentsNamespace(t *testing.T) {
	o, p := withCanary(t, complete()), policy.Defaults()
	o.Routes = []route.Route{sendingFrom("infra", "edge", serviceIn("test", "shop"))}
	o.Grants, o.Gateways = []gatewayv1.ReferenceGrant{granting(serviceIn("test", "shop"), "infra")}, []gatewayv1.Gateway{gatewayIn("infra")}
	canary := backendIn("", "next")
	canary.Filters = []gatewayv1.HTTPRouteFilter{{Type: gatewayv1.HTTPRouteFilterRequestMirror, RequestMirror: &gatewayv1.HTTPRequestMirrorFilter{
		BackendRef: backendIn("", "sink").BackendRef}}}
	generatedBy(&p).CanaryBackend = &canary
	written, err := planFor(p, atFirstStep(), o).On(o.Routes[0], o.Key())
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range route.References(written) {
		if to.Namespace != "test" {
			t.Errorf("the route sends to %+v", to)
		}
	}
	if references := route.References(written); len(references) != 3 {
		t.Errorf("the route sends to %+v", references)
	}
}

// atFirstStep is the state of a rollout at its first step.
func atFirstStep() observed.State {
	return observed.State{Phase: v1alpha1.PhaseProgressing, CanaryWeight: 10, Candidate: v1alpha1.CandidateStatus{Hash: "c"},
		Rollout: &v1alpha1.RolloutStatus{Step: v1alpha1.StepStatus{Number: 1}}}
}

// withCanary gives the world a canary that serves.
func withCanary(t *testing.T, o observed.World) observed.World {
	t.Helper()
	found, problem := target.Discover(policy.Defaults(), o)
	objects, err := target.CanaryObjects(o, plan.CanaryIntent{Service: "shop", Replicas: 1, Identity: found.Identity}, metav1.OwnerReference{})
	if problem != "" || err != nil {
		t.Fatalf("no canary: %v, %s", err, problem)
	}
	for _, object := range objects {
		switch made := object.(type) {
		case *appsv1.Deployment:
			made.Status = appsv1.DeploymentStatus{Replicas: 1, ReadyReplicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1}
			o.CanaryDeployment = made
		case *corev1.Service:
			o.CanaryService = made
			o.Services = append(o.Services, *made)
		}
	}
	o.ReadyEndpoints, o.Primary.Status.AvailableReplicas = 1, 1
	return o
}

var tenants = []string{"test", "victim", "infra"}

// randomReach fills a policy with backends, mirrors and routes of any namespace.
func randomReach(chance *rand.Rand) func(*config.Policy) {
	services := []string{"shop", "api", "next"}
	anywhere := func() v1alpha1.Backend {
		made := backendIn(append(tenants, "")[chance.IntN(4)], services[chance.IntN(3)])
		if chance.IntN(4) == 0 {
			made.Filters = []gatewayv1.HTTPRouteFilter{{Type: gatewayv1.HTTPRouteFilterRequestMirror, RequestMirror: &gatewayv1.HTTPRequestMirrorFilter{
				BackendRef: backendIn(append(tenants, "")[chance.IntN(4)], services[chance.IntN(3)]).BackendRef}}}
		}
		return made
	}
	service := v1alpha1.ServiceSpec{}
	if chance.IntN(3) == 0 {
		primary := anywhere()
		service.PrimaryBackend = &primary
	}
	if chance.IntN(2) == 0 {
		canary := anywhere()
		service.CanaryBackend = &canary
	}
	if chance.IntN(5) == 0 {
		service.Mirror = []gatewayv1.HTTPRequestMirrorFilter{{BackendRef: anywhere().BackendRef}}
	}
	if chance.IntN(5) == 0 {
		service.GatewayRefs = []gatewayv1.ParentReference{{Name: "gateway"}}
	}
	var routes []config.RouteRef
	for range chance.IntN(3) {
		routes = append(routes, config.RouteRef{Kind: route.HTTP, Namespace: tenants[chance.IntN(3)], Name: fmt.Sprintf("r%d", chance.IntN(4))})
	}
	return func(p *config.Policy) { p.Generated, p.Routes = &service, routes }
}

// TestNoPolicyWritesToARouteOfAnotherNamespaceWithoutAGrant makes any policy, routes and grants in any namespaces. A route of another
// namespace is written only if it sends to a backend of the Deployment's namespace, which has granted that. No written route sends
// anything to a namespace that has not granted it to routes of the Deployment's namespace.
func TestNoPolicyWritesToARouteOfAnotherNamespaceWithoutAGrant(t *testing.T) {
	foreign, world := 0, withCanary(t, complete())
	world.Gateways = append(world.Gateways, gatewayIn("victim"), gatewayIn("infra"))
	world.Routes = slices.Clip(world.Routes)
	for seed := range uint64(3000) {
		chance := rand.New(rand.NewPCG(seed, 7))
		o, p := world, policy.Defaults()
		for i := range 4 {
			to := serviceIn(tenants[chance.IntN(3)], []string{"shop", "api"}[chance.IntN(2)])
			o.Routes = append(o.Routes, sendingFrom(tenants[chance.IntN(3)], fmt.Sprintf("r%d", i), to))
		}
		for range chance.IntN(4) {
			o.Grants = append(o.Grants, granting(serviceIn(tenants[chance.IntN(3)], []string{"shop", "api", "next"}[chance.IntN(3)]), tenants[chance.IntN(3)]))
		}
		if chance.IntN(2) == 0 {
			o.Grants = append(o.Grants, granting(serviceIn("test", "shop"), tenants[1+chance.IntN(2)]))
		}
		randomReach(chance)(&p)
		decided := planFor(p, atFirstStep(), o)
		for _, r := range o.Routes {
			written, err := decided.On(r, o.Key())
			if err != nil || route.Same(r, written) {
				continue
			}
			if r.Namespace != "test" {
				foreign++
			}
			checkReach(t, o, r, written)
			if t.Failed() {
				t.Fatalf("seed %d: %s with %+v", seed, r.Key(), *p.Generated)
			}
		}
	}
	if foreign < 50 {
		t.Errorf("only %d routes of other namespaces were written", foreign)
	}
}

func checkReach(t *testing.T, o observed.World, before, written route.Route) {
	t.Helper()
	isOurs := func(to route.Backend) bool {
		return to.Namespace == "test" && route.Granted(o.Grants, before.Key(), to)
	}
	if before.Namespace != "test" && !slices.ContainsFunc(route.References(before), isOurs) {
		t.Errorf("%s is written without a grant", before.Key())
	}
	for _, to := range route.References(written) {
		isNew := !slices.Contains(route.References(before), to)
		if isNew && to.Namespace != "test" && !route.Granted(o.Grants, route.Key{Kind: route.HTTP, Namespace: "test"}, to) {
			t.Errorf("%s sends to %+v without a grant", written.Key(), to)
		}
	}
}

// TestAGuestDecidesNothing gives a rollout a route of another namespace beside its own, whose owner does everything to hold it.
func TestAGuestDecidesNothing(t *testing.T) {
	for name, change := range map[string]func(*observed.World, *route.Route){
		"a gateway that cannot match by method": func(o *observed.World, r *route.Route) {
			o.Gateways[1].Spec.GatewayClassName = "poor"
			class := gatewayv1.GatewayClass{}
			class.Name, class.Status.SupportedFeatures = "poor", []gatewayv1.SupportedFeature{{Name: "HTTPRoute"}}
			o.Classes = append(o.Classes, class)
		},
		"calls that its gateway does not count": func(o *observed.World, r *route.Route) { r.Kind = route.GRPC },
		"the split of another rollout that never ends": func(_ *observed.World, r *route.Route) {
			r.Annotations = map[string]string{config.AnnotationSplit: `[{"deployment":"theirs","primary":"other","canary":"shop","weight":1}]`}
			r.Rules = append(r.Rules, map[string]any{"backendRefs": []any{map[string]any{"name": "other"}, map[string]any{"name": "shop", "namespace": "test"}}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			o, p := complete(), policy.Defaults()
			p.Match = []v1alpha1.HTTPMatch{{Method: &v1alpha1.StringMatch{Exact: "GET"}}}
			o.Gateways = append(o.Gateways, gatewayIn("infra"))
			guest := sendingFrom("infra", "edge", serviceIn("test", "shop"))
			change(&o, &guest)
			o.Routes = append(o.Routes, reported(guest))
			grant := granting(serviceIn("test", "shop"), "infra")
			grant.Spec.From = append(grant.Spec.From, gatewayv1.ReferenceGrantFrom{Group: gatewayv1.GroupName, Kind: "GRPCRoute", Namespace: "infra"})
			o.Grants = []gatewayv1.ReferenceGrant{grant}
			found, problem := target.Discover(p, o)
			if problem != "" || !slices.Equal(found.RouteNames(), []string{"shop"}) || len(found.Skipped) != 1 {
				t.Errorf("problem %q, splits %v, skipped %v", problem, found.RouteNames(), found.Skipped)
			}
			o.Routes = o.Routes[1:]
			if _, problem = target.Discover(p, o); problem == "" {
				t.Error("without a route of its own the rollout starts")
			}
		})
	}
}

// TestARolloutHoldsNoOwner leaves a rule of another namespace alone that also sends to a Service of that namespace: its rollouts would
// wait for this one.
func TestARolloutHoldsNoOwner(t *testing.T) {
	rule := func(names ...types.NamespacedName) map[string]any {
		var refs []any
		for _, to := range names {
			refs = append(refs, map[string]any{"name": to.Name, "namespace": to.Namespace, "port": int64(80)})
		}
		return map[string]any{"backendRefs": refs}
	}
	own := serviceIn("test", "shop")
	for name, c := range map[string]struct {
		rules []any
		kept  bool
	}{
		"a rule of its own":                     {[]any{rule(own)}, true},
		"another rule has the owner's":          {[]any{rule(own), rule(serviceIn("infra", "edge"))}, true},
		"a rule with a Service of a third":      {[]any{rule(own, serviceIn("other", "api"))}, true},
		"a rule with a Service of the owner":    {[]any{rule(own, serviceIn("infra", "edge"))}, false},
		"one of its rules has the owner's, too": {[]any{rule(own), rule(serviceIn("infra", "edge"), own)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			o, p := complete(), policy.Defaults()
			o.Gateways = append(o.Gateways, gatewayIn("infra"))
			r := sendingFrom("infra", "edge", own)
			r.Rules = c.rules
			o.Routes = append(o.Routes, reported(r))
			o.Grants = []gatewayv1.ReferenceGrant{granting(own, "infra")}
			found, problem := target.Discover(p, o)
			if problem != "" || (len(found.Routes) == 2) != c.kept || (len(found.Skipped) == 0) != c.kept {
				t.Errorf("problem %q, splits %v, skipped %v", problem, found.RouteNames(), found.Skipped)
			}
			p.Routes = []config.RouteRef{{Kind: route.HTTP, Namespace: "infra", Name: "edge"}}
			if _, problem = target.Discover(p, o); strings.Contains(problem, "whose rollouts would wait for this one") == c.kept {
				t.Errorf("named, the problem is %q", problem)
			}
			p.Routes, o.Routes = nil, o.Routes[1:]
			if _, problem = target.Discover(p, o); (problem == "") != c.kept {
				t.Errorf("without a route of its own, the problem is %q", problem)
			}
		})
	}
}

func TestARolloutWaitsForNoGuest(t *testing.T) {
	o, p := complete(), policy.Defaults()
	o.Gateways = append(o.Gateways, gatewayIn("infra"))
	o.Routes = append(o.Routes, sendingFrom("infra", "edge", serviceIn("test", "shop")))
	o.Grants = []gatewayv1.ReferenceGrant{granting(serviceIn("test", "shop"), "infra")}
	found, _ := target.Discover(p, o)
	if len(found.Routes) != 2 || len(found.Deciding()) != 1 || found.Deciding()[0].Namespace != "test" {
		t.Errorf("splits %v, decided by %v", found.RouteNames(), found.Deciding())
	}
	p.Routes = []config.RouteRef{{Kind: route.HTTP, Namespace: "infra", Name: "edge"}}
	if found, _ = target.Discover(p, o); len(found.Deciding()) != 1 {
		t.Errorf("a route that is named does not decide: %v", found.RouteNames())
	}
	p.Routes, o.Routes = nil, o.Routes[1:]
	if found, _ = target.Discover(p, o); len(found.Deciding()) != 1 {
		t.Errorf("the only route does not decide: %v", found.RouteNames())
	}
}
