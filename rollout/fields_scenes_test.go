package rollout_test

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/rollout/observed"
)

// between is a version that some limits let pass and others do not.
var between = behaviour{successRate: 95, p99: 450, requests: 100}

// quickly is a primary to which it compares badly.
var quickly = behaviour{successRate: 100, p99: 300, requests: 100}

// scenes are the worlds of the policies in testdata/fields. A policy that is not listed is played in the usual one.
var scenes = map[string]scene{
	"weights":                 {story: story{behaviours: map[string]behaviour{"v2": {successRate: 100, p99: 20, requests: 100, unavailable: 2}}}},
	"few-requests":            {story: story{behaviours: map[string]behaviour{"v2": {successRate: 100, p99: 20, requests: 30}}}},
	"limit-of-requests":       {story: story{behaviours: map[string]behaviour{"v2": {successRate: 100, p99: 20, requests: 30}}}},
	"failing":                 {story: story{behaviours: map[string]behaviour{"v2": failing}}},
	"checks":                  {story: story{behaviours: map[string]behaviour{"v2": between}, prepare: templated}},
	"limits":                  {story: story{behaviours: map[string]behaviour{"v2": between}, prepare: templated}},
	"compared":                {story: story{behaviours: map[string]behaviour{"v1": quickly, "v2": between}}},
	"failure-limits":          {story: story{behaviours: map[string]behaviour{"v2": between}}},
	"critical":                {story: story{behaviours: map[string]behaviour{"v2": between}}},
	"critical-limit":          {story: story{behaviours: map[string]behaviour{"v2": between}}},
	"dry-run":                 {story: story{behaviours: map[string]behaviour{"v2": between}}},
	"no-data":                 {story: story{behaviours: map[string]behaviour{"v2": {successRate: 100, p99: 20, requests: 3}}}},
	"hooks":                   {story: story{behaviours: map[string]behaviour{"v2": good}, prepare: unpanicked}},
	"autoscaler":              {story: story{behaviours: map[string]behaviour{"v2": good}, prepare: autoscaled}},
	"autoscaler-kind":         {story: story{behaviours: map[string]behaviour{"v2": good}, prepare: both(autoscaled, scaledByEvents)}},
	"scaled-object":           {story: story{behaviours: map[string]behaviour{"v2": good}, prepare: scaledByEvents}},
	"worker":                  {story: story{behaviours: map[string]behaviour{"v2": good}}, looks: []func(*observed.World){unchanged, withoutRoutes}},
	"unavailable":             {story: story{behaviours: map[string]behaviour{"v2": good}, prepare: broken}},
	"own-routes":              {story: story{behaviours: map[string]behaviour{"v2": good}, prepare: chained}},
	"generated":               {story: story{prepare: both(ports, granted)}, looks: []func(*observed.World){withoutServices, withoutRoutes, called("front")}},
	"canary-filters":          {story: story{behaviours: map[string]behaviour{"v2": good}, prepare: granted}},
	"primary-filters":         {story: story{prepare: granted}, looks: []func(*observed.World){withoutRoutes}},
	"generated-prefix":        {looks: []func(*observed.World){withoutRoutes}},
	"primary-rewrite":         {looks: []func(*observed.World){withoutRoutes}},
	"primary-redirect":        {looks: []func(*observed.World){withoutRoutes}},
	"own-choice":              {looks: []func(*observed.World){twice}},
	"primary-rewrite-prefix":  {looks: []func(*observed.World){withoutRoutes}},
	"guard":                   {story: story{behaviours: map[string]behaviour{"v2": good}, prepare: countedBy(100, .001, .015), acts: decides}},
	"guard-healthy":           {story: story{behaviours: map[string]behaviour{"v2": good}, prepare: countedBy(100, .001, .001), acts: decides}},
	"guard-fresh":             {story: story{behaviours: map[string]behaviour{"v2": good}, prepare: countedBy(100, .001, .001), acts: decides}},
	"failed-statuses":         {story: story{behaviours: map[string]behaviour{"v2": good}, prepare: countedBy(100, .001, .05), acts: decides}},
	"guard-slow":              {story: story{behaviours: map[string]behaviour{"v2": good}, prepare: timed(3), acts: decides}},
	"guard-inconclusive":      {story: story{behaviours: map[string]behaviour{"v2": good}, prepare: countedBy(.2, 0, 0), acts: decides}},
	"guard-limits":            {story: story{behaviours: map[string]behaviour{"v2": good}, prepare: countedBy(.2, 0, 0), acts: decides}},
	"guard-limits-of-proof":   {story: story{behaviours: map[string]behaviour{"v2": good}, prepare: countedBy(100, .001, .05), acts: decides}},
	"guard-suspicious":        {story: story{behaviours: map[string]behaviour{"v2": good}, prepare: countedBy(1, .001, .05), acts: decides}},
	"pairs":                   {story: story{behaviours: map[string]behaviour{"v2": good}, prepare: ordered(.02, .2), acts: decides}},
	"ladder":                  {story: story{behaviours: map[string]behaviour{"v2": good}, prepare: countedBy(100, .001, .001), acts: decides}, below: &v1alpha1.PolicySpec{Analysis: &v1alpha1.AnalysisSpec{StepWeight: ptrTo(25.0)}}},
	"primary-redirect-prefix": {looks: []func(*observed.World){withoutRoutes}},
}

// sceneOf is the scene of a policy by the name of its file.
func sceneOf(name string) scene {
	s, known := scenes[name]
	if !known {
		s.behaviours = map[string]behaviour{"v2": good}
	}
	if s.below == nil && !strings.HasPrefix(name, "guard") {
		// Nobody counts requests in these worlds: their fields are not about the guard.
		s.below = &v1alpha1.PolicySpec{Analysis: &v1alpha1.AnalysisSpec{Guard: &v1alpha1.Guard{Enabled: ptrTo(false)}}}
	}
	s.acts = slices.Concat(setsV2, s.acts)
	return s
}

// decides aborts a rollout that the guard pauses.
var decides = []act{{func(w *world) bool {
	return w.state.Paused != nil || w.state.Phase == v1alpha1.PhaseSucceeded || w.state.Phase == v1alpha1.PhaseFailed
}, func(w *world) {
	if w.state.Paused != nil {
		aborting("v2", 0)(w)
	}
}}}

// templated gives the cluster MetricTemplates.
func templated(w *world) {
	w.templates = map[types.NamespacedName]observed.Template{}
	for _, name := range []types.NamespacedName{{Namespace: "shared", Name: "errors"}, {Namespace: "test", Name: "errors"}} {
		w.templates[name] = observed.Template{Query: name.Namespace + `{stage="{{ variables.stage }}"}`}
	}
}

// unpanicked lets the hook of type rollback say no for longer than a rollout takes.
func unpanicked(w *world) { w.hooks = map[string]func(*world) bool{"panic": after(5 * time.Minute)} }

func scaledByEvents(w *world) {
	w.scaled = []unstructured.Unstructured{{Object: map[string]any{
		"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": map[string]any{"name": "podinfo", "namespace": "test"},
		"spec": map[string]any{"minReplicaCount": int64(1), "maxReplicaCount": int64(20), "scaleTargetRef": map[string]any{"name": "podinfo"},
			"triggers": []any{map[string]any{"type": "prometheus", "name": "queue", "metadata": map[string]any{"query": "length"}}}},
	}}}
}

// broken has no pod of the primary available from the beginning.
func broken(w *world) {
	breaking(w)
	w.react()
}

func unchanged(*observed.World) {}

func withoutServices(o *observed.World) { o.Services, o.Routes = nil, nil }

func withoutRoutes(o *observed.World) { o.Routes = nil }

// called has the Service under another name, and no route.
func called(name string) func(*observed.World) {
	return func(o *observed.World) {
		o.Services[0].Name, o.Routes = name, nil
	}
}

// twice has two Services with two routes each.
func twice(o *observed.World) {
	other := *serviceOf("podinfo")
	other.Name = "podinfo-internal"
	o.Services = append(o.Services, other)
	for _, service := range []string{"podinfo", "podinfo-internal"} {
		more := routeTo(service)
		more.Name = service + "-more"
		o.Routes = append(o.Routes, withReport(more))
		if service != "podinfo" {
			o.Routes = append(o.Routes, withReport(routeTo(service)))
		}
	}
}

func withReport(r route.Route) route.Route {
	r.Parents = accepted(r)
	return r
}

// ports gives the primary's containers ports.
func ports(w *world) {
	w.primary.Spec.Template.Spec.Containers[0].Ports = []corev1.ContainerPort{{Name: "metrics", ContainerPort: 9090}}
}

// granted lets routes send to the Services of namespace shared.
func granted(w *world) {
	grant := gatewayv1.ReferenceGrant{ObjectMeta: metav1.ObjectMeta{Namespace: "shared", Name: "open"}}
	grant.Spec.From = []gatewayv1.ReferenceGrantFrom{{Group: "gateway.networking.k8s.io", Kind: "HTTPRoute", Namespace: "test"}}
	grant.Spec.To = []gatewayv1.ReferenceGrantTo{{Kind: "Service"}}
	w.grants = append(w.grants, grant)
}

func both(prepares ...func(*world)) func(*world) {
	return func(w *world) {
		for _, prepare := range prepares {
			prepare(w)
		}
	}
}
