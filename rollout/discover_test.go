package rollout

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/config/policy"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/coverage"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
	"sluice.dev/sluice/rollout/target"
)

func serviceFor(name string, selector map[string]string) corev1.Service {
	return corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: name}, Spec: corev1.ServiceSpec{Selector: selector}}
}

func routeTo(name, service string) route.Route {
	r := gatewayv1.HTTPRoute{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: name}}
	r.Spec.ParentRefs = []gatewayv1.ParentReference{{Name: "gateway"}}
	ref := gatewayv1.HTTPBackendRef{}
	ref.Name = gatewayv1.ObjectName(service)
	r.Spec.Rules = []gatewayv1.HTTPRouteRule{{BackendRefs: []gatewayv1.HTTPBackendRef{ref}}}
	return reported(route.FromHTTP(&r))
}

// reported returns the route with a report of its gateway.
func reported(r route.Route) route.Route {
	r.Parents = []gatewayv1.RouteParentStatus{{ParentRef: r.ParentRefs[0], ControllerName: "traefik.io/gateway-controller"}}
	return r
}

func callsTo(service string) route.Route {
	r := gatewayv1.GRPCRoute{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: service}}
	r.Spec.ParentRefs = []gatewayv1.ParentReference{{Name: "gateway"}}
	ref := gatewayv1.GRPCBackendRef{}
	ref.Name = gatewayv1.ObjectName(service)
	r.Spec.Rules = []gatewayv1.GRPCRouteRule{{BackendRefs: []gatewayv1.GRPCBackendRef{ref}}}
	return reported(route.FromGRPC(&r))
}

// complete is an observation in which nothing is missing.
func complete() observed.World {
	pods := map[string]string{"app": "shop", "team": "a"}
	gateway := gatewayv1.Gateway{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "gateway"}}
	gateway.Spec.GatewayClassName = "class"
	class := gatewayv1.GatewayClass{ObjectMeta: metav1.ObjectMeta{Name: "class"}}
	class.Spec.ControllerName = "traefik.io/gateway-controller"
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: pods}}
	candidate, _ := workload.TemplateOf(template)
	return observed.World{
		Namespace: "test", Name: "shop", Prometheus: true,
		Primary: &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "shop", Annotations: map[string]string{config.AnnotationCanary: "true"}},
			Spec:       appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "shop"}}, Template: template}},
		Candidate: &workload.Candidate{Hash: "c", Template: candidate},
		Services:  []corev1.Service{serviceFor("shop", map[string]string{"app": "shop"})},
		Routes:    []route.Route{routeTo("shop", "shop")},
		Gateways:  []gatewayv1.Gateway{gateway}, Classes: []gatewayv1.GatewayClass{class},
		Coverage: &coverage.Reading{},
	}
}

// behindSet attaches the route to a ListenerSet of a Gateway in another namespace.
func behindSet(o *observed.World) {
	kind, infra := gatewayv1.Kind("ListenerSet"), gatewayv1.Namespace("infra")
	o.ListenerSets = []gatewayv1.ListenerSet{{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "extra"},
		Spec: gatewayv1.ListenerSetSpec{ParentRef: gatewayv1.ParentGatewayReference{Name: "gateway", Namespace: &infra}}}}
	o.Gateways[0].Namespace = "infra"
	o.Routes[0].ParentRefs = []gatewayv1.ParentReference{{Kind: &kind, Name: "extra"}}
	o.Routes[0] = reported(o.Routes[0])
}

// byChecks is the default policy without the guard: the built-in steps and thresholds.
func byChecks() config.Policy {
	parsed, _ := policy.For(map[string]string{config.AnnotationGuard: "false"})
	return parsed
}

func TestDiscover(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*observed.World, *config.Policy)
		problem string
		service string
	}{
		"everything is there": {func(*observed.World, *config.Policy) {}, "", "shop"},
		"no Service":          {func(o *observed.World, _ *config.Policy) { o.Services = nil }, "no Service selects the pods of Deployment shop: create one", ""},
		"of two Services the one with a route is taken": {func(o *observed.World, _ *config.Policy) {
			o.Services = append(o.Services, serviceFor("shop-internal", map[string]string{"app": "shop"}))
		}, "", "shop"},
		"of two Services with routes one must be named": {func(o *observed.World, _ *config.Policy) {
			o.Services = append(o.Services, serviceFor("shop-internal", map[string]string{"app": "shop"}))
			o.Routes = append(o.Routes, routeTo("internal", "shop-internal"))
		}, "Services shop, shop-internal all select the pods", ""},
		"a named Service is taken": {func(o *observed.World, p *config.Policy) {
			o.Services = append(o.Services, serviceFor("shop-internal", map[string]string{"app": "shop"}))
			o.Routes = append(o.Routes, routeTo("internal", "shop-internal"))
			p.Service = "shop-internal"
		}, "", "shop-internal"},
		"a named Service that does not select the pods": {func(_ *observed.World, p *config.Policy) { p.Service = "other" }, "Service other, named by the annotation sluice.dev/service", ""},
		"no route":                       {func(o *observed.World, _ *config.Policy) { o.Routes = nil }, "no HTTPRoute in namespace test sends to Service shop", "shop"},
		"no gateway":                     {func(o *observed.World, _ *config.Policy) { o.Gateways = nil }, "HTTPRoute shop names Gateway test/gateway, which does not exist", "shop"},
		"a Gateway behind a ListenerSet": {func(o *observed.World, _ *config.Policy) { behindSet(o) }, "", "shop"},
		"a ListenerSet that does not exist": {func(o *observed.World, _ *config.Policy) { behindSet(o); o.ListenerSets = nil },
			"HTTPRoute shop names ListenerSet test/extra, which does not exist: create it", "shop"},
		"a ListenerSet of a Gateway that does not exist": {func(o *observed.World, _ *config.Policy) { behindSet(o); o.Gateways = nil },
			"HTTPRoute shop names ListenerSet test/extra, which attaches to Gateway infra/gateway, which does not exist: create it", "shop"},
		"a ListenerSet whose Gateway cannot match": {func(o *observed.World, p *config.Policy) {
			behindSet(o)
			o.Classes[0].Status.SupportedFeatures = []gatewayv1.SupportedFeature{{Name: "HTTPRoute"}}
			p.Match = []v1alpha1.HTTPMatch{{Method: &v1alpha1.StringMatch{Exact: "GET"}}}
		}, "Gateway infra/gateway does not support HTTPRouteMethodMatching", "shop"},
		"a controller nobody knows": {func(o *observed.World, _ *config.Policy) { o.Classes[0].Spec.ControllerName = "example.com/x" }, `controller "example.com/x", whose metrics are unknown`, "shop"},
		"a preset in place of it":   {func(o *observed.World, p *config.Policy) { o.Classes = nil; p.Preset = "app" }, "", "shop"},
		"calls whose status the gateway does not count": {func(o *observed.World, _ *config.Policy) { o.Routes = append(o.Routes, callsTo("shop")) },
			"GRPCRoute shop is checked with its gateway's metrics (preset traefik), which count calls without their status", "shop"},
		"calls and the preset of the gateway by annotation": {func(o *observed.World, p *config.Policy) {
			o.Routes, p.Preset = append(o.Routes, callsTo("shop")), "traefik"
		}, "", "shop"},
		"calls and queries of one's own": {func(o *observed.World, p *config.Policy) {
			o.Routes, p.Checks = append(o.Routes, callsTo("shop")), []v1alpha1.Metric{{Name: "own", Query: "up", Threshold: new(float64)}}
		}, "", "shop"},
		"calls at a gateway that counts their status": {func(o *observed.World, _ *config.Policy) {
			o.Routes, o.Classes[0].Spec.ControllerName = append(o.Routes, callsTo("shop")), "gateway.envoyproxy.io/gatewayclass-controller"
		}, "", "shop"},
		"no Prometheus":                 {func(o *observed.World, _ *config.Policy) { o.Prometheus = false }, "no Prometheus is configured", "shop"},
		"a foreign copy":                {func(o *observed.World, _ *config.Policy) { o.Foreign = "Deployment shop-canary" }, "Deployment shop-canary exists but was not created for", "shop"},
		"an annotation nobody can read": {func(o *observed.World, _ *config.Policy) { o.Invalid = "x" }, "x", ""},
		"a Service whose selector fits the candidate only": {func(o *observed.World, _ *config.Policy) {
			o.Primary.Spec.Template.Labels = map[string]string{"app": "shop"}
			o.Services = []corev1.Service{serviceFor("shop", map[string]string{"team": "a"})}
		}, "", "shop"},
		"a Service whose selector fits neither version": {func(o *observed.World, _ *config.Policy) {
			o.Services = []corev1.Service{serviceFor("shop", map[string]string{"team": "b"})}
		}, "no Service selects the pods of Deployment shop", ""},
		"a Service that would select the canary's pods": {func(o *observed.World, _ *config.Policy) {
			o.Primary.Spec.Template.Labels = map[string]string{"app": "shop"}
			o.Services = append(o.Services, serviceFor("team", map[string]string{"team": "a"}))
		}, "Service team would select the canary's pods by label team", "shop"},
		"a Service that is split for another Deployment": {func(o *observed.World, _ *config.Policy) {
			o.Routes[0].Annotations = map[string]string{config.AnnotationSplit: `[{"deployment":"other","primary":"shop","canary":"x","weight":1}]`}
		}, "HTTPRoute shop is split for Deployment other: this rollout starts once that one ends, because both do not fit on the route: " +
			"Deployments other and shop both share the requests for Service shop", "shop"},
		"a route that is split for another Deployment's Service": {func(o *observed.World, _ *config.Policy) {
			o.Routes[0].Annotations = map[string]string{config.AnnotationSplit: `[{"deployment":"other","primary":"other","canary":"x","weight":1}]`}
		}, "", "shop"},
		"a check without limits": {func(_ *observed.World, p *config.Policy) {
			p.Checks = []v1alpha1.Metric{{Name: "own", Query: "up"}}
		}, "must have thresholdRange, ratioRange or condition: a query has no default range", "shop"},
		"a query that is no template": {func(_ *observed.World, p *config.Policy) {
			p.Checks = []v1alpha1.Metric{{Name: "own", Query: "{{ pod }}", Threshold: new(float64)}}
		}, `check "own": the query is not a valid template`, "shop"},
		"a MetricTemplate that is not": {func(_ *observed.World, p *config.Policy) {
			p.Checks = checkNaming("latency")
		}, `MetricTemplate shared/latency, named by check "own", does not exist`, "shop"},
		"a MetricTemplate with a problem": {func(o *observed.World, p *config.Policy) {
			p.Checks, o.Templates = checkNaming("latency"), map[types.NamespacedName]observed.Template{{Namespace: "shared", Name: "latency"}: {Problem: "no secret"}}
		}, `named by check "own", cannot be used: no secret`, "shop"},
		"a MetricTemplate with a variable that is not": {func(o *observed.World, p *config.Policy) {
			p.Checks, o.Templates = checkNaming("latency"), map[types.NamespacedName]observed.Template{{Namespace: "shared", Name: "latency"}: {Query: "{{ variables.x }}"}}
		}, `check "own", MetricTemplate shared/latency: the query cannot be rendered`, "shop"},
		"a variable that changes the query of a MetricTemplate elsewhere": {func(o *observed.World, p *config.Policy) {
			p.Checks, o.Templates = checkNaming("latency"), map[types.NamespacedName]observed.Template{{Namespace: "shared", Name: "latency"}: {Query: `up{pod="{{ variables.pod }}"}`}}
			p.Checks[0].TemplateVariables = map[string]string{"pod": `a"} or up{x="`}
		}, "spec.analysis.metrics[own].templateVariables[pod]: Invalid value: ", "shop"},
		"a variable that changes the query of a MetricTemplate of the same namespace": {func(o *observed.World, p *config.Policy) {
			p.Checks, o.Templates = checkNaming("latency"), map[types.NamespacedName]observed.Template{{Namespace: o.Namespace, Name: "latency"}: {Query: `up{pod=~"{{ variables.pod }}"}`}}
			p.Checks[0].TemplateRef.Namespace, p.Checks[0].TemplateVariables = o.Namespace, map[string]string{"pod": "a|b.*"}
		}, "", "shop"},
		"a MetricTemplate for a Prometheus that is not": {func(o *observed.World, p *config.Policy) {
			o.Prometheus = false
			p.Checks, o.Templates = checkNaming("latency"), map[types.NamespacedName]observed.Template{{Namespace: "shared", Name: "latency"}: {Query: "up"}}
		}, "no Prometheus is configured", "shop"},
		"no Prometheus but that of a MetricTemplate": {func(o *observed.World, p *config.Policy) {
			o.Prometheus = false
			p.Checks, o.Templates = checkNaming("latency"), map[types.NamespacedName]observed.Template{{Namespace: "shared", Name: "latency"}: {Query: "up", Server: &analysis.Server{}}}
		}, "", "shop"},
		"own checks behind a gateway whose metrics are unknown": {func(o *observed.World, p *config.Policy) {
			o.Classes = nil
			p.Checks = []v1alpha1.Metric{{Name: "own", Query: "up", Threshold: new(float64)}}
		}, "", "shop"},
		"a split nobody can read": {func(o *observed.World, _ *config.Policy) {
			o.Routes[0].Annotations = map[string]string{config.AnnotationSplit: `{`}
		}, "remove the annotation", "shop"},
	} {
		t.Run(name, func(t *testing.T) {
			o, policy := complete(), byChecks()
			c.change(&o, &policy)
			found, problem := target.Discover(policy, o)
			if (c.problem == "") != (problem == "") || !strings.Contains(problem, c.problem) || found.Service.Name != c.service {
				t.Errorf("got Service %q and problem %q", found.Service.Name, problem)
			}
			if p := planFor(policy, observed.State{Phase: v1alpha1.PhaseInitialized}, o); problem != "" && (p.Canary.Action != plan.CanaryLeave || p.Next.Phase != v1alpha1.PhaseWaiting) {
				t.Errorf("a rollout that cannot be judged begins: %s", p)
			}
		})
	}
}

func TestInterruptsAreInOrder(t *testing.T) {
	want := []string{"deleted", "opted out", "changed unseen", "taken back", "aborted", "superseded", "asked to reset", "asked to abort", "told to roll back", "unwell", "refused", "group failed"}
	for i, interrupt := range interrupts {
		if interrupt.name != want[i] {
			t.Errorf("interrupt %d is %q, not %q", i, interrupt.name, want[i])
		}
	}
	if len(interrupts) != len(want) {
		t.Errorf("there are %d interrupts, not %d", len(interrupts), len(want))
	}
}

func checkNaming(template string) []v1alpha1.Metric {
	return []v1alpha1.Metric{{Name: "own", TemplateRef: &v1alpha1.ObjectRef{Name: template, Namespace: "shared"}, Threshold: new(float64)}}
}

func withEveryHook() config.Policy {
	policy := byChecks()
	for _, kind := range []v1alpha1.HookType{"", "confirm-rollout", "pre-rollout", "confirm-traffic-increase", "confirm-promotion", "post-rollout", "rollback", "event"} {
		policy.Hooks = append(policy.Hooks, v1alpha1.Webhook{Name: "hook-" + string(kind), Type: kind, URL: "http://hooks.test/"})
	}
	return policy
}

// factsFor are the facts of one tick.
func factsFor(policy config.Policy, state observed.State, o observed.World) Facts {
	return FactsOf(TermsOf(policy, state, o), state, o)
}

// planFor makes the plan of one tick.
func planFor(policy config.Policy, state observed.State, o observed.World) plan.Plan {
	return Decide(factsFor(policy, state, o))
}

// phases are all phases, none, and an unknown one.
var phases = []v1alpha1.Phase{"", "Initializing", "Initialized", "Waiting", "Progressing", "WaitingPromotion", "Promoting", "Finalising", "Succeeded", "Failed", "OptedOut", "Unknown"}

// TestDecideIsTotal combines every phase with every missing object. Each has a plan and none panics.
func TestDecideIsTotal(t *testing.T) {
	absences := map[string]func(*observed.World){
		"nothing": func(*observed.World) {}, "Primary": func(o *observed.World) { o.Primary = nil }, "Candidate": func(o *observed.World) { o.Candidate = nil },
		"Services": func(o *observed.World) { o.Services = nil }, "Routes": func(o *observed.World) { o.Routes = nil }, "Gateways": func(o *observed.World) { o.Gateways = nil },
		"opt-in":     func(o *observed.World) { o.Primary.Annotations = nil },
		"a yes":      func(o *observed.World) { o.Spec.Paused = &v1alpha1.Pause{} },
		"wanting it": func(o *observed.World) { o.Spec.Abort = &v1alpha1.Request{Candidate: "c"} },
		"its mark off": func(o *observed.World) {
			o.Candidate.Mark, o.Spec.Retry = workload.MarkFailed, &v1alpha1.Request{Candidate: "c"}
		},
		"judging": func(o *observed.World) {
			o.Spec.Promote = &v1alpha1.PromoteRequest{Request: v1alpha1.Request{Candidate: "c"}, SkipAnalysis: true}
		},
	}
	for _, phase := range phases {
		for step := range int32(3) {
			for name, absent := range absences {
				o := complete()
				absent(&o)
				for _, policy := range []config.Policy{byChecks(), withEveryHook()} {
					state := observed.State{Phase: phase, Rollout: &v1alpha1.RolloutStatus{Step: v1alpha1.StepStatus{Number: step}}, CanaryWeight: 10 * float64(step), Candidate: v1alpha1.CandidateStatus{Hash: "c"}}
					if step == 0 {
						state.Rollout = nil // a lost write
					}
					for _, call := range factsFor(policy, state, o).Needs().Hooks {
						o.HookAnswers = append(o.HookAnswers, observed.HookAnswer{Name: call.Hook.Name})
					}
					p := planFor(policy, state, o)
					if p.Next.Phase == "" && !p.DeleteCanary {
						t.Errorf("phase %q step %d without %s has no plan: %s", phase, step, name, p)
					}
				}
			}
		}
	}
}

func TestADryRunSaysWhatItWouldMake(t *testing.T) {
	port := int32(80)
	policy := config.Policy{Generated: &v1alpha1.ServiceSpec{Port: &port, GatewayRefs: []gatewayv1.ParentReference{{Name: "gateway"}}}}
	o := complete()
	o.DryRun, o.Services, o.Routes = true, nil, nil
	if _, problem := target.Discover(policy, o); problem != "would create Service shop and HTTPRoute shop" {
		t.Errorf("without a Service: %q", problem)
	}
	o.Services = complete().Services
	if _, problem := target.Discover(policy, o); problem != "would create HTTPRoute shop" {
		t.Errorf("with a Service: %q", problem)
	}
	o.DryRun = false
	if _, problem := target.Discover(policy, o); problem != "HTTPRoute shop is being created" {
		t.Errorf("off a dry run: %q", problem)
	}
	policy.Generated.GatewayRefs, o.DryRun, o.Services = nil, true, nil
	if _, problem := target.Discover(policy, o); problem != "would create Service shop" {
		t.Errorf("without a gateway: %q", problem)
	}
}

// TestFlaggersPrimaryIsNamed takes the backends from an example of Flagger's documentation.
func TestFlaggersPrimaryIsNamed(t *testing.T) {
	backend := func(name string) *v1alpha1.Backend {
		return &v1alpha1.Backend{BackendRef: gatewayv1.BackendObjectReference{Name: gatewayv1.ObjectName(name)}}
	}
	pasted := byChecks()
	pasted.Generated = &v1alpha1.ServiceSpec{PrimaryBackend: backend("shop-primary"), CanaryBackend: backend("shop-canary")}
	o := complete()
	want := "service.primaryBackend: Service shop-primary does not exist: Flagger makes it for its copy, and here the Deployment itself is the primary: " +
		"name Service shop instead, or leave primaryBackend and canaryBackend out"
	if _, problem := target.Discover(pasted, o); problem != want {
		t.Errorf("got %q", problem)
	}
	o.Services = append(o.Services, serviceFor("shop-primary", map[string]string{"app": "other"}))
	if _, problem := target.Discover(pasted, o); strings.Contains(problem, "Flagger") {
		t.Errorf("with such a Service: %q", problem)
	}
}

func TestARouteOfAnotherNamespaceCountsOnlyWhereAGrantLetsItSendToTheService(t *testing.T) {
	foreign := routeTo("theirs", "shop")
	foreign.Namespace = "elsewhere"
	foreign.Rules = []any{map[string]any{"backendRefs": []any{map[string]any{"name": "shop", "namespace": "test"}}}}
	for name, c := range map[string]struct {
		to   string
		want int
	}{
		"granted":                           {"shop", 2},
		"granted another Service":           {"shop-internal", 1},
		"granted the canary's Service only": {"shop-canary", 1},
	} {
		t.Run(name, func(t *testing.T) {
			o := complete()
			o.Routes = append(o.Routes, foreign)
			o.Grants = []gatewayv1.ReferenceGrant{*route.MakeGrant(types.NamespacedName{Namespace: "test", Name: c.to}, []route.Key{foreign.Key()})}
			o.Gateways = append(o.Gateways, gatewayv1.Gateway{ObjectMeta: metav1.ObjectMeta{Namespace: "elsewhere", Name: "gateway"}})
			found, problem := target.Discover(byChecks(), o)
			if problem != "" || len(found.Routes) != c.want {
				t.Errorf("found %d routes, problem %q", len(found.Routes), problem)
			}
		})
	}
}

func TestARouteOfAnotherNamespaceHoldsNothing(t *testing.T) {
	foreign := func(change func(*route.Route)) route.Route {
		r := routeTo("theirs", "shop")
		r.Namespace = "elsewhere"
		r.Rules = []any{map[string]any{"backendRefs": []any{map[string]any{"name": "shop", "namespace": "test"}}}}
		change(&r)
		return reported(r)
	}
	silent := foreign(func(*route.Route) {})
	silent.Parents = nil
	for name, c := range map[string]struct {
		route   route.Route
		skipped string
	}{
		"one that can be split": {foreign(func(*route.Route) {}), ""},
		"too many rules": {foreign(func(r *route.Route) {
			for range 15 {
				r.Rules = append(r.Rules, r.Rules[0])
			}
		}), "HTTPRoute elsewhere/theirs: spec.rules: the rollout needs 32 rules"},
		"an annotation nobody can read": {foreign(func(r *route.Route) { r.Annotations = map[string]string{config.AnnotationSplit: "{"} }), "must be JSON"},
		"a Gateway that does not exist": {foreign(func(r *route.Route) { r.ParentRefs = []gatewayv1.ParentReference{{Name: "none"}} }), "it names Gateway elsewhere/none, which does not exist"},
		"a Gateway that never reported": {silent, "Gateway elsewhere/gateway has never reported on it"},
	} {
		t.Run(name, func(t *testing.T) {
			o, p := complete(), byChecks()
			o.Primary.Status.AvailableReplicas = 1
			p.Match = []v1alpha1.HTTPMatch{{Headers: map[string]v1alpha1.StringMatch{"x-tester": {Exact: "yes"}}}}
			own := o.Routes[0]
			o.Routes = []route.Route{c.route, own}
			o.Grants = []gatewayv1.ReferenceGrant{*route.MakeGrant(types.NamespacedName{Namespace: "test", Name: "shop"}, []route.Key{c.route.Key()})}
			o.Gateways = append(o.Gateways, gatewayv1.Gateway{ObjectMeta: metav1.ObjectMeta{Namespace: "elsewhere", Name: "gateway"}})
			state := observed.State{Phase: v1alpha1.PhaseInitialized, CanaryStanding: v1alpha1.CanaryStanding{Primary: &v1alpha1.PrimaryStatus{}}}
			plan := planFor(p, state, o)
			told := strings.Join(func() (all []string) {
				for _, event := range plan.Events {
					all = append(all, event.Reason+" "+event.Message)
				}
				return all
			}(), "\n")
			if plan.Next.Phase != v1alpha1.PhaseProgressing || strings.Contains(told, "RoutesSkipped") != (c.skipped != "") || !strings.Contains(told, c.skipped) {
				t.Errorf("%s: %s", plan, told)
			}
			p.Routes = []config.RouteRef{{Kind: route.HTTP, Namespace: "elsewhere", Name: "theirs"}, {Kind: route.HTTP, Name: "shop"}}
			if named := planFor(p, state, o); (named.Next.Phase == v1alpha1.PhaseProgressing) != (c.skipped == "") {
				t.Errorf("a route that is named is not skipped: %s", named)
			}
		})
	}
}

func TestAFloodOfRoutes(t *testing.T) {
	o := complete()
	for i := range 300 {
		r := routeTo(fmt.Sprintf("r-%d", i), "shop")
		r.Namespace = "elsewhere"
		r.Rules = []any{map[string]any{"backendRefs": []any{map[string]any{"name": "shop", "namespace": "test"}}}}
		o.Routes = append([]route.Route{r}, o.Routes...)
	}
	o.Grants = []gatewayv1.ReferenceGrant{*route.MakeGrant(types.NamespacedName{Namespace: "test", Name: "shop"}, []route.Key{o.Routes[0].Key()})}
	o.Gateways = append(o.Gateways, gatewayv1.Gateway{ObjectMeta: metav1.ObjectMeta{Namespace: "elsewhere", Name: "gateway"}})
	found, problem := target.Discover(byChecks(), o)
	if problem != "" || len(found.Routes) != 200 || found.Routes[0].Namespace != "test" || len(found.Skipped) != 101 {
		t.Errorf("found %d routes, skipped %d, first %s: %s", len(found.Routes), len(found.Skipped), found.Routes[0].Key(), problem)
	}
	for i := range o.Routes {
		o.Routes[i].Namespace = "test"
	}
	if _, problem := target.Discover(byChecks(), o); !strings.Contains(problem, "301 routes send to Service shop, and a rollout splits at most 200") {
		t.Errorf("own ones: %q", problem)
	}
}

// TestOptingOutKeepsOnlyTheGrantsThatRoutesNeed checks it when the Deployment is opted out, and once it rests so.
func TestOptingOutKeepsOnlyTheGrantsThatRoutesNeed(t *testing.T) {
	made := routeTo("shop", "shop")
	elsewhere := gatewayv1.Namespace("edge")
	ref := gatewayv1.HTTPBackendRef{}
	ref.Name, ref.Namespace = "front", &elsewhere
	sending := &gatewayv1.HTTPRoute{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "shop"}}
	sending.Spec.Rules = []gatewayv1.HTTPRouteRule{{BackendRefs: []gatewayv1.HTTPBackendRef{ref}}}
	made.Rules = route.FromHTTP(sending).Rules
	var backends []route.Backend
	for _, name := range []string{"front", "front-next"} {
		backends = append(backends, route.Backend{Kind: "Service", Namespace: "edge", Name: name})
	}
	granted := func(backends ...route.Backend) gatewayv1.ReferenceGrant {
		grant := route.GrantsFor("test", backends)[0]
		workload.MarkGrant(grant, complete().Key())
		return *grant
	}
	for _, phase := range []v1alpha1.Phase{v1alpha1.PhaseInitialized, v1alpha1.PhaseOptedOut} {
		o := complete()
		o.Primary.Annotations[config.AnnotationCanary], o.Candidate, o.Routes = "false", nil, []route.Route{made}
		o.GeneratedGrants = []gatewayv1.ReferenceGrant{granted(backends...)}
		generate := planFor(byChecks(), observed.State{Phase: phase}, o).Generate
		if len(generate.Ungrant) != 1 || len(generate.Grants) != 1 || !equality.Semantic.DeepEqual(generate.Grants[0].Spec, granted(backends[0]).Spec) {
			t.Errorf("%s: %s", phase, generate)
		}
		o.GeneratedGrants = []gatewayv1.ReferenceGrant{granted(backends[0])}
		if generate := planFor(byChecks(), observed.State{Phase: v1alpha1.PhaseOptedOut}, o).Generate; generate.String() != "" {
			t.Errorf("a grant that a route needs is not left alone: %s", generate)
		}
	}
}

func TestWhoGetsRequestsIsNotWithoutTraffic(t *testing.T) {
	const told = "sends to Service shop, which selects the pods of Deployment shop, so its candidates cannot be judged without traffic: remove the annotation sluice.dev/traffic"
	elsewhere := routeTo("theirs", "shop")
	elsewhere.Namespace = "elsewhere"
	elsewhere.Rules = []any{map[string]any{"backendRefs": []any{map[string]any{"name": "shop", "namespace": "test"}}}}
	for name, c := range map[string]struct {
		change  func(*observed.World)
		problem string
	}{
		"a route to its Service": {func(*observed.World) {}, "HTTPRoute shop " + told},
		"a route that names it beside others": {func(o *observed.World) {
			o.Routes[0].Rules = append([]any{map[string]any{"backendRefs": []any{map[string]any{"name": "other"}}}}, o.Routes[0].Rules...)
		}, "HTTPRoute shop " + told},
		"calls to its Service":       {func(o *observed.World) { o.Routes = []route.Route{callsTo("shop")} }, "GRPCRoute shop " + told},
		"a Service without a route":  {func(o *observed.World) { o.Routes = nil }, ""},
		"a route to another Service": {func(o *observed.World) { o.Routes = []route.Route{routeTo("other", "other")} }, ""},
		"a Service of other pods":    {func(o *observed.World) { o.Services[0].Spec.Selector = map[string]string{"app": "other"} }, ""},
		"a Service of the candidate only": {func(o *observed.World) {
			o.Services[0].Spec.Selector = map[string]string{"app": "shop", "tier": "web"}
			pod := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "shop", "tier": "web"}}}
			o.Candidate.Template, _ = workload.TemplateOf(pod)
		}, "HTTPRoute shop " + told},
		"a route of another namespace": {func(o *observed.World) {
			o.Routes = []route.Route{elsewhere}
			o.Grants = []gatewayv1.ReferenceGrant{*route.MakeGrant(types.NamespacedName{Namespace: "test", Name: "shop"}, []route.Key{elsewhere.Key()})}
		}, "HTTPRoute elsewhere/theirs " + told},
		"a route of another namespace that may not": {func(o *observed.World) { o.Routes = []route.Route{elsewhere} }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o, p := complete(), byChecks()
			p.Traffic = v1alpha1.TrafficNone
			c.change(&o)
			if _, problem := target.Discover(p, o); (problem == "") != (c.problem == "") || !strings.HasPrefix(problem, c.problem) {
				t.Errorf("says %q", problem)
			}
		})
	}
}

// TestLimitsHoldWithoutTraffic checks that a required check with a query judges a Deployment without traffic as well. Those of
// requests have nothing to count.
func TestLimitsHoldWithoutTraffic(t *testing.T) {
	most := 1.0
	required := v1alpha1.PolicyLimits{Metrics: []v1alpha1.Metric{config.SuccessRate(99.5), {Name: "restarts", Query: "vector(0)", ThresholdRange: &v1alpha1.ThresholdRange{Max: &most}}}}
	everywhere := &v1alpha1.ClusterCanaryPolicy{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.DefaultPolicyName}, Spec: v1alpha1.ClusterPolicySpec{Limits: &required}}
	present := policy.PresentOf("test", map[string]string{config.AnnotationTraffic: "none"}, policy.Policies{Default: everywhere})
	checks := analysis.ChecksOf(present.Policy)
	if present.Problem != "" || len(checks) != 1 || checks[0].Name != "restarts" {
		t.Errorf("checks are %+v: %s", checks, present.Problem)
	}
	o := complete()
	if _, problem := target.Discover(present.Policy, o); !strings.Contains(problem, "cannot be judged without traffic") {
		t.Errorf("with a route: %q", problem)
	}
}
