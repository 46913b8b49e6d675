package rollout_test

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

var urgent = map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "10s", config.AnnotationMaxWeight: "20", config.AnnotationProgressDeadline: "90s"}

var gatewayStories = map[string]story{
	"former gateways have left reports on the route": {
		annotations: urgent, behaviours: map[string]behaviour{"v2": good}, prepare: leavingReports,
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"the gateway falls silent before a bad version is rolled back": {
		annotations: urgent, behaviours: map[string]behaviour{"v2": failing},
		acts:  []act{{immediately, setting("v2")}, {atStep(1), falling}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"the gateway falls silent before the Deployment is opted out": {
		annotations: urgent, behaviours: map[string]behaviour{"v2": good},
		acts: []act{{immediately, setting("v2")}, {atStep(1), func(w *world) {
			falling(w)
			optingOut("")(w)
		}}},
		phase: v1alpha1.PhaseOptedOut, version: "v1",
	},
	"a candidate waits until the route has no reference to the canary of the user's": {
		annotations: urgent, behaviours: map[string]behaviour{"v2": good}, prepare: naming("podinfo-canary"),
		acts: []act{{immediately, setting("v2")}, {after(3 * time.Minute), func(w *world) {
			w.tell("the user names another Service")
			w.route = routeTo("podinfo")
			naming("podinfo-preview")(w)
		}}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"the user's reference to the canary's Service stays": {
		annotations: urgent, behaviours: map[string]behaviour{"v2": good}, prepare: naming("podinfo-canary"),
		acts:  []act{{immediately, setting("v2")}, {after(3 * time.Minute), setting("v1")}},
		phase: v1alpha1.PhaseInitializing, version: "v1",
	},
	"a gateway reports on a new route in time": {
		annotations: urgent, behaviours: map[string]behaviour{"v2": good}, prepare: newRoute,
		acts:  []act{{immediately, setting("v2")}, {after(3 * time.Second), startingGateway}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a gateway does not report on a new route in time": {
		annotations: urgent, behaviours: map[string]behaviour{"v2": good}, prepare: newRoute,
		acts:  []act{{after(time.Minute), setting("v2")}, {after(3 * time.Minute), startingGateway}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a candidate waits for a gateway that has never reported": {
		annotations: urgent, behaviours: map[string]behaviour{"v2": good},
		prepare: func(w *world) { w.silent, w.route.Parents = true, nil },
		acts:    []act{{immediately, setting("v2")}, {after(3 * time.Minute), startingGateway}},
		phase:   v1alpha1.PhaseSucceeded, version: "v2",
	},
}

// newRoute is applied together with the Deployment. No gateway has seen it yet.
func newRoute(w *world) {
	w.silent, w.route.Parents, w.route.CreationTimestamp = true, nil, metav1.NewTime(w.now)
}

func startingGateway(w *world) {
	w.tell("the gateway's controller starts")
	w.silent = false
	w.react()
}

// naming is what the user writes beside the primary.
func naming(service string) func(*world) {
	return func(w *world) {
		rule := w.route.Rules[0].(map[string]any)
		own := map[string]any{"group": "", "kind": "Service", "name": service, "port": int64(80), "weight": int64(0)}
		w.route.Rules = []any{map[string]any{"backendRefs": append(slices.Clone(rule["backendRefs"].([]any)), own)}}
		w.route.Generation++
		w.userRoute = w.route
		w.react()
	}
}

func falling(w *world) {
	w.tell("the gateway falls silent")
	w.silent = true
}

func reporting(w *world) {
	w.tell("the gateway reports again")
	w.silent = false
}

func deletingGateway(w *world) {
	w.tell("the Gateway is deleted")
	w.gone = true
}

func creatingGateway(w *world) {
	w.tell("the Gateway is there again")
	w.gone = false
}

// leavingReports leaves a report of a former controller, and one of the present controller for a listener that the route named
// before. Nobody updates either.
func leavingReports(w *world) {
	for _, former := range []struct{ controller, section string }{{"example.net/old", ""}, {"example.net/old", "https"}, {"traefik.io/gateway-controller", "https"}} {
		report := gatewayv1.RouteParentStatus{ParentRef: w.route.ParentRefs[0], ControllerName: gatewayv1.GatewayController(former.controller)}
		if section := gatewayv1.SectionName(former.section); section != "" {
			report.ParentRef.SectionName = &section
		}
		for _, kind := range []string{"Accepted", "ResolvedRefs"} {
			report.Conditions = append(report.Conditions, metav1.Condition{Type: kind, Status: metav1.ConditionTrue, ObservedGeneration: 1})
		}
		w.leftovers = append(w.leftovers, report)
	}
	w.react()
}
