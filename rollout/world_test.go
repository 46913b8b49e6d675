package rollout_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/config/policy"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/coverage"
	"sluice.dev/sluice/internal/freeze"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
)

var epoch = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// behaviour is how one version of the app behaves.
type behaviour struct {
	neverReady      bool   // as a canary
	refused         string // what the API server says of its canary
	primaryNotReady bool   // as the primary
	successRate     float64
	p99             float64
	bounds          []float64 // of the histogram around p99, in milliseconds; nil for fine ones
	requests        float64
	prometheusDown  bool
	unavailable     int32 // replicas that do not become available
	most            int32 // how many replicas of the canary become available; 0 for all
}

var good = behaviour{successRate: 100, p99: 20, requests: 100}

// world is a cluster in memory. It acts as the API server, admission, the controllers of Kubernetes and a gateway.
type world struct {
	t          *testing.T
	now        time.Time
	seenSince  time.Time
	late       bool    // nobody looked for a while
	share      float64 // the canary's percentage of the requests; 0 for its weight
	policy     config.Policy
	behaviours map[string]behaviour
	loadTest   *behaviour // requests that reach the canary's Service without the routes
	features   []gatewayv1.SupportedFeature
	served     bool // whether there are a Service and a route
	// silent is set while the gateway reports nothing, and gone while there is no Gateway.
	silent, gone bool
	// leftovers are reports that former controllers have left on the route.
	leftovers []gatewayv1.RouteParentStatus

	// planned is the state that the tick whose writes are made has decided.
	state, planned observed.State

	spec      v1alpha1.CanarySpec
	finalizer bool
	exists    bool

	// freezes, limits and peers come from outside this world.
	freezes []v1alpha1.Freeze
	limits  observed.Limits
	// coverage is what a look for policies and monitors finds.
	coverage *coverage.Reading
	peers    func() []observed.Peer
	dryRun   bool

	primary   *appsv1.Deployment
	candidate *workload.Candidate
	// refused is what the API server last said of a canary, and refusedAt the candidate of that.
	refused       string
	refusedAt     *workload.Candidate
	previous      *workload.Previous
	directs       workload.Directs
	leftOut       *workload.LeftOut
	canary        *appsv1.Deployment
	canaryService *corev1.Service
	endpoints     int32
	// perPod is the share of the requests for each pod of the canary when the weight last rose.
	perPod  float64
	service corev1.Service
	// others are further Services, and written is what the process has last written to the canary.
	others  []corev1.Service
	written *observed.Written
	// rejects says why the gateway does not find a backend of the route; empty if it does. uids counts the canaries made.
	rejects   string
	uids      int
	route     route.Route
	userRoute route.Route
	// shape changes every template that is set. unserved is set while no request to the primary is answered.
	shape    func(*corev1.PodTemplateSpec)
	unserved bool
	// shares is set if the route also serves other worlds.
	shares bool
	// stated are the splits that the route last stated, and decoded that of this world.
	stated  string
	decoded route.Split
	// next is the route of a further Service to which requests go on; nil for none. nextAsMade is that route as the user
	// wrote it.
	next, nextAsMade *route.Route
	// hpa scales the primary to its part of load, which is the number of replicas that all requests need.
	hpa  *autoscalingv2.HorizontalPodAutoscaler
	load int32
	// quota is how many pods there may be; 0 for any number. A rolling update needs one pod more than the primary has. rolled is
	// the version of the primary's pods. The canary of beside counts as well.
	quota  int32
	rolled string
	beside *world
	// podProblem is what Kubernetes reports of the canary's pods.
	podProblem string
	// unwell is the first pod of the canary; the others are well. primaryUnwell is each pod of the primary.
	unwell, primaryUnwell workload.PodHealth
	// lost is how many of the primary's pods are not available.
	lost    int32
	made    []workload.Object
	control control
	// scaled are ScaledObjects, and grants those of the namespaces that the policy names.
	scaled []unstructured.Unstructured
	grants []gatewayv1.ReferenceGrant
	// present is the policy as the status shows it; nil for none. seen is told of each tick.
	present *v1alpha1.PolicyStatus
	seen    func(observed.World, rollout.Facts, plan.Plan)

	// hooks answer by name. A missing one approves.
	hooks   map[string]func(*world) bool
	pending bool // a hook or a check has not been answered yet
	round   round
	// scrapes is how often Prometheus scrapes; 0 for so often that every window has data. inEffect is when the last step was.
	scrapes  time.Duration
	inEffect time.Time
	// metered answers queries for raw counters; nil if nobody does.
	metered *metered
	// confirmed names, for each type of hook, the attempt of a candidate that a hook last approved.
	confirmed map[v1alpha1.HookType]string
	templates map[types.NamespacedName]observed.Template

	log      []string
	revision int
	rand     *rand.Rand
	writes   int
	crash    int // the write before which the controller dies; -1 for none
}

func newWorld(t *testing.T, s story) *world {
	annotations, behaviours := withCanary(s.annotations), s.behaviours
	policy, problems := policy.For(annotations)
	if len(problems) > 0 {
		t.Fatal(problems.ToAggregate())
	}
	if s.policy != nil {
		s.policy(&policy)
	}
	w := &world{t: t, now: epoch, policy: policy, behaviours: behaviours, exists: true, served: true, crash: -1,
		confirmed: map[v1alpha1.HookType]string{}, coverage: &coverage.Reading{}}
	w.primary = &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "podinfo", Generation: 1, Annotations: annotations},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptrTo(int32(10)),
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "podinfo"}},
			Template: templateFor("v1"),
		},
	}
	w.service = *serviceOf("podinfo")
	w.userRoute = routeTo("podinfo")
	w.route = w.userRoute
	w.react()
	return w
}

func serviceOf(name string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: name},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": name}, Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8080)}}},
	}
}

// routeTo sends all requests to one Service.
func routeTo(service string) route.Route {
	port := gatewayv1.PortNumber(80)
	gatewayNamespace := gatewayv1.Namespace("infra")
	return route.FromHTTP(&gatewayv1.HTTPRoute{
		ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: service, Generation: 1},
		Spec: gatewayv1.HTTPRouteSpec{
			CommonRouteSpec: gatewayv1.CommonRouteSpec{ParentRefs: []gatewayv1.ParentReference{{Name: "gateway", Namespace: &gatewayNamespace}}},
			Rules: []gatewayv1.HTTPRouteRule{{BackendRefs: []gatewayv1.HTTPBackendRef{{BackendRef: gatewayv1.BackendRef{
				BackendObjectReference: gatewayv1.BackendObjectReference{Name: gatewayv1.ObjectName(service), Port: &port}, Weight: ptrTo(int32(1)),
			}}}}},
		},
	})
}

func withCanary(annotations map[string]string) map[string]string {
	all := map[string]string{config.AnnotationCanary: "true"}
	for key, value := range annotations {
		all[key] = value
	}
	return all
}

func ptrTo[T any](value T) *T { return &value }

func templateFor(version string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "podinfo"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "podinfo:" + version}}},
	}
}

func versionOf(template corev1.PodTemplateSpec) string {
	_, version, _ := strings.Cut(template.Spec.Containers[0].Image, ":")
	return version
}

// set is what kubectl set image does to an opted-in Deployment.
func (w *world) set(version string) {
	pod := templateFor(version)
	pod.Labels = maps.Clone(w.primary.Spec.Template.Labels)
	if w.shape != nil {
		w.shape(&pod)
	}
	template, err := workload.TemplateOf(pod)
	if err != nil {
		w.t.Fatal(err)
	}
	w.tell("user sets %s", version)
	if version == versionOf(w.primary.Spec.Template) {
		w.candidate = nil
		return
	}
	w.candidate = &workload.Candidate{Hash: version, Template: template, By: "jane", At: w.now}
}

func (w *world) tell(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf("%6s  ", w.now.Sub(epoch).Round(100*time.Millisecond))+fmt.Sprintf(format, args...))
}

// observe is everything that a tick decides by, with the answers of hooks, checks and counters.
func (w *world) observe() observed.World {
	o := w.look()
	a := w.answered(factsFor(w.policy, w.state, o).Needs())
	o.HookAnswers, o.Samples, o.Sampled, o.Counters, o.History = a.Hooks, a.Samples, a.Sampled, a.Counters, a.History
	return o
}

// answered are the answers that have arrived.
func (w *world) answered(needs rollout.Needs) (a observed.Answers) {
	a.Hooks = w.answers(needs.Hooks)
	a.Samples, a.Sampled = w.samples(needs)
	a.Counters, a.History = w.rawAnswers(needs)
	return a
}

// facts are those of a tick. They are made once, as in a real tick, because that is most of its work.
func (w *world) facts() (rollout.Facts, observed.Answers) {
	facts := factsFor(w.policy, w.state, w.look())
	answers := w.answered(facts.Needs())
	return facts.Answered(answers), answers
}

// look reads the cluster.
func (w *world) look() observed.World {
	class, gatewayNamespace := gatewayv1.GatewayClass{ObjectMeta: metav1.ObjectMeta{Name: "traefik"}}, "infra"
	class.Spec.ControllerName = "traefik.io/gateway-controller"
	class.Status.SupportedFeatures = w.features
	gateway := gatewayv1.Gateway{ObjectMeta: metav1.ObjectMeta{Namespace: gatewayNamespace, Name: "gateway"}}
	gateway.Spec.GatewayClassName = "traefik"
	o := observed.World{
		Now: w.now, SeenSince: w.seenSince, PodProblem: w.podProblem, Nonce: fmt.Sprintf("n%d", len(w.state.History)), Namespace: "test", Name: w.primary.Name, Spec: w.spec, Finalizer: w.finalizer, Prometheus: true,
		Primary: w.primary.DeepCopy(), Candidate: w.candidate, Previous: w.previous, Directs: w.directs, LeftOut: w.leftOut,
		Services: append([]corev1.Service{w.service}, w.others...), Written: w.written, Editor: "kubectl-edit at 12:00:00", Routes: []route.Route{w.route},
		Coverage: w.coverage,
		Gateways: []gatewayv1.Gateway{gateway}, Classes: []gatewayv1.GatewayClass{class}, ReadyEndpoints: w.endpoints, PrimaryEndpoints: w.primary.Status.AvailableReplicas,
	}
	if w.refusedAt == w.candidate {
		o.CanaryRefused = w.refused
	}
	o.Freezes, o.Limits, o.DryRun = w.freezes, w.limits, w.dryRun
	if w.metered != nil {
		o.LastAsked = w.metered.used
	}
	if w.peers != nil {
		o.Peers = w.peers()
	}
	if w.gone {
		o.Gateways = nil
	}
	if w.next != nil {
		o.Routes = append(o.Routes, *w.next)
		o.Services = append(o.Services, *serviceOf("secondary"), *serviceOf("secondary-v2"))
	}
	if !w.served {
		o.Services, o.Routes, o.Gateways, o.Prometheus = nil, nil, nil, w.metered != nil
	}
	if w.canary != nil {
		o.CanaryDeployment = w.canary.DeepCopy()
		o.Pods = w.podsSeen()
	}
	if w.canaryService != nil {
		o.CanaryService = w.canaryService.DeepCopy()
		o.Services = append(o.Services, *o.CanaryService)
	}
	if w.control.service != nil {
		o.Services = append(o.Services, *w.control.service.DeepCopy())
	}
	if w.hpa != nil {
		o.Autoscalers = append(o.Autoscalers, *w.hpa)
	}
	o.ScaledObjects, o.Policy, o.Grants = w.scaled, w.present, w.grants
	o.Made = append(slices.Clone(w.made), w.control.made()...)
	o.ControlEndpoints = w.control.endpoints
	o.Templates = w.templates
	return o
}

func (w *world) sample(metric analysis.Metric) analysis.Sample {
	if of, ours := map[analysis.Metric]analysis.Metric{analysis.PrimaryLower: analysis.LowerBound, analysis.PrimaryUpper: analysis.UpperBound}[metric]; ours {
		return w.measured(w.behaviours[versionOf(w.primary.Spec.Template)], of)
	}
	if w.canary == nil || metric == analysis.PrimaryValue {
		return w.measured(w.behaviours[versionOf(w.primary.Spec.Template)], metric)
	}
	b := w.behaviours[versionOf(w.canary.Spec.Template)]
	if split := w.split(); w.weight() == 0 && len(split.Match) == 0 && split.Mirror == 0 {
		b.requests = 0
		if w.loadTest != nil {
			b = *w.loadTest
		}
	}
	return w.measured(b, metric)
}

func (w *world) measured(b behaviour, metric analysis.Metric) analysis.Sample {
	s := analysis.Sample{Metric: metric}
	switch {
	case b.prometheusDown:
		s.Err, s.Provider = "connection refused", "Prometheus"
	case metric == analysis.RequestCount:
		s.Value = b.requests
	case metric == analysis.PrimaryCount:
		share := w.weight()
		if w.share > 0 {
			share = w.share
		}
		s.Value = b.requests * (100 - share) / max(share, 1)
	case metric == analysis.SuccessRate:
		s.Value = b.successRate
	case metric == analysis.LowerBound || metric == analysis.UpperBound:
		s.Value = b.boundOf(metric)
	default:
		s.Value = b.p99
	}
	return s
}

// boundOf is the bound of the histogram below or above the 99th percentile. Beyond the largest, both are that bound.
func (b behaviour) boundOf(metric analysis.Metric) float64 {
	lower, upper := b.p99-1, b.p99
	if b.bounds != nil {
		i, _ := slices.BinarySearch(b.bounds, b.p99)
		lower, upper = b.bounds[max(i-1, 0)], b.bounds[min(i, len(b.bounds)-1)]
		if i == 0 {
			lower = 0
		}
	}
	if metric == analysis.LowerBound {
		return lower
	}
	return upper
}

// factsFor are the facts of one tick.
func factsFor(policy config.Policy, state observed.State, o observed.World) rollout.Facts {
	return rollout.FactsOf(rollout.TermsOf(policy, state, o), state, o)
}

// planFor decides one tick.
func planFor(policy config.Policy, state observed.State, o observed.World) plan.Plan {
	return rollout.Decide(factsFor(policy, state, o))
}

// tick decides and applies. It reports whether the controller survived.
func (w *world) tick() (p plan.Plan, survived bool) {
	service, others, hpa := w.service.DeepCopy(), make([]corev1.Service, len(w.others)), w.hpa.DeepCopy()
	for i := range w.others {
		w.others[i].DeepCopyInto(&others[i])
	}
	if w.metered != nil {
		w.metered.until(w)
	}
	facts, answers := w.facts()
	p = rollout.Decide(facts)
	// A real tick shares these with the cache.
	if !equality.Semantic.DeepEqual([]any{*service, others, hpa}, []any{w.service, w.others, w.hpa}) {
		w.t.Fatalf("the tick changed what it has read: %+v", w.service)
	}
	if w.seen != nil {
		w.seen(w.look(), facts, p)
	}
	w.checkPause(p)
	w.checkGuard(p)
	w.checkGates(p)
	w.checkCovered(p)
	w.writes = 0
	if w.apply(p) {
		for _, event := range p.Events {
			w.tell("%s: %s", event.Reason, event.Message)
		}
		w.hearTells(p.Tells)
		if w.metered != nil {
			w.metered.use(answers.Counters, answers.History)
		}
		return p, true
	}
	w.round, w.written = round{}, nil
	if w.metered != nil {
		w.metered.used, w.metered.answer = observed.Asked{}, nil
	}
	return p, false
}

// write reports whether the controller lives to make the next write.
func (w *world) write() bool {
	w.writes++
	return w.crash < 0 || w.writes <= w.crash
}

// apply makes the writes of a plan in the order of the reconciler.
func (w *world) apply(p plan.Plan) bool {
	w.planned = p.Next
	if at := w.state.Open().Step.InEffect; at != nil {
		w.inEffect = at.Time
	}
	lowers, nextLowers := w.lowers(p, &w.route), w.lowers(p, w.next)
	write := func(lowering bool) func() {
		return func() {
			if lowers == lowering {
				w.applySplit(p.Split)
			}
			if nextLowers == lowering {
				w.applyCohorts(p.Cohorts)
			}
		}
	}
	steps := []func(){
		write(true),
		func() { w.finalizer = w.finalizer || p.Finalizer },
		func() { w.state = p.Next },
		func() { w.applyCanary(p.Canary) },
		func() { w.applyControl(p.Control) },
		write(false),
		func() { w.applyAsk(p.Ask) },
		func() { w.finalizer = p.Finalizer },
		func() { w.exists = !p.DeleteCanary },
	}
	for at, step := range steps {
		if !w.write() {
			return false
		}
		if at > 0 {
			w.checkRule(p)
		}
		step()
	}
	return true
}

// lowers reports whether a route only takes requests away from the canary. It is written first then.
func (w *world) lowers(p plan.Plan, r *route.Route) bool {
	if r == nil {
		return true
	}
	desired, err := p.On(*r, types.NamespacedName{Namespace: "test", Name: w.primary.Name})
	return err == nil && !route.Adds(*r, desired)
}

// checkWeight checks the invariants of a rising weight. If the primary is scaled up between the decision and its write, the
// canary needs only what it was decided for.
func (w *world) checkWeight(before float64) {
	after := w.weight()
	if after <= before {
		return
	}
	needed := workload.CanaryReplicas(w.policy.Canary, *w.primary.Spec.Replicas, after)
	if given := w.state.Open().Canary.Replicas; given > 0 {
		needed = min(needed, given)
	}
	needed = workload.Enough(needed, w.policy.CanaryReadyThreshold)
	w.perPod = after / float64(needed)
	if w.canary == nil || w.canary.Status.AvailableReplicas < needed {
		w.t.Errorf("weight rises from %v to %v without the %d replicas that it needs", before, after, needed)
	}
	if promoted := w.previous != nil; before > 0 && !promoted && !w.unjudged() && !w.passed() {
		w.t.Errorf("weight rises from %v to %v without a pass", before, after)
	}
}

// passed reports whether the last step has passed: by data that the guard has seen, or by the checks where it does not judge.
func (w *world) passed() bool {
	guard := w.state.Open().Guard
	if !w.policy.Guard.Enabled || guard == nil || guard.Off != "" {
		return analysis.Standing(w.state.Checks, w.inEffect) == v1alpha1.VerdictPass
	}
	return guard.Action == "advance" && guard.Polled != nil && analysis.VerdictOf(w.state.Checks) != v1alpha1.VerdictFail
}

// unjudged reports whether somebody asked to promote without checks.
func (w *world) unjudged() bool {
	return w.unserved || w.policy.SkipAnalysis || (w.spec.Promote != nil && w.spec.Promote.SkipAnalysis)
}

// begins reports whether a plan begins a rollout.
func (w *world) begins(p plan.Plan) bool {
	return p.Next.Phase == v1alpha1.PhaseProgressing &&
		(!observed.Active(w.state) || !observed.IDOf(p.Next).Is(observed.IDOf(w.state)))
}

// checkPause fails if a paused rollout takes a step or is promoted, or if a rollout starts while it is frozen.
func (w *world) checkPause(p plan.Plan) {
	frozen := freeze.InForce(w.freezes, freeze.Subject{Namespace: "test"}, w.now)
	if frozen.Start != "" && w.begins(p) {
		w.t.Errorf("%s begins while it is %s", p.Next.Candidate.Hash, frozen.Start)
	}
	if w.spec.Paused == nil && !w.primary.Spec.Paused && !w.policy.Suspend && frozen.Pause == "" {
		return
	}
	open := w.previous != nil
	if p.Next.CanaryWeight > max(w.state.CanaryWeight, w.split().Weight) && !open || p.Ask.Key == config.AnnotationPromote {
		w.t.Errorf("a paused rollout goes from weight %v to %s", w.state.CanaryWeight, p)
	}
}

// react lets the controllers of Kubernetes and the gateway catch up.
func (w *world) react() {
	w.primary.Annotations["deployment.kubernetes.io/revision"] = fmt.Sprint(w.revision)
	w.autoscale()
	w.reactTo(w.primary, func(b behaviour) bool { return !b.primaryNotReady })
	w.limit()
	w.primary.Status.AvailableReplicas = max(0, w.primary.Status.AvailableReplicas-w.lost)
	if w.canary != nil {
		w.reactTo(w.canary, func(b behaviour) bool { return !b.neverReady })
		if most := w.behaviours[versionOf(w.canary.Spec.Template)].most; most > 0 {
			w.canary.Status.AvailableReplicas = min(w.canary.Status.AvailableReplicas, most)
		}
		w.endpoints = 0
		if s := w.canaryService; s != nil && maps.Equal(s.Spec.Selector, w.canary.Spec.Selector.MatchLabels) {
			w.endpoints = w.canary.Status.AvailableReplicas
		}
	}
	w.reactControl()
	if w.silent || w.gone {
		return
	}
	w.route.Parents = append(accepted(w.route), w.leftovers...)
	if w.rejects != "" {
		w.route.Parents[0].Conditions[1].Status, w.route.Parents[0].Conditions[1].Reason = metav1.ConditionFalse, w.rejects
	}
	if w.next != nil {
		next := *w.next
		next.Parents = accepted(next)
		w.next = &next
	}
}

// accepted is what the gateway reports on a route.
func accepted(r route.Route) []gatewayv1.RouteParentStatus {
	status := gatewayv1.RouteParentStatus{ParentRef: r.ParentRefs[0], ControllerName: "traefik.io/gateway-controller"}
	for _, kind := range []string{"Accepted", "ResolvedRefs"} {
		status.Conditions = append(status.Conditions, metav1.Condition{Type: kind, Status: metav1.ConditionTrue, ObservedGeneration: r.Generation})
	}
	return []gatewayv1.RouteParentStatus{status}
}

func (w *world) reactTo(d *appsv1.Deployment, ready func(behaviour) bool) {
	replicas := *d.Spec.Replicas
	d.Status.ObservedGeneration, d.Status.Replicas, d.Status.UpdatedReplicas = d.Generation, replicas, replicas
	d.Status.AvailableReplicas = 0
	if b, known := w.behaviours[versionOf(d.Spec.Template)]; !known || ready(b) {
		d.Status.AvailableReplicas = max(0, replicas-b.unavailable)
	}
}

// checkEnd checks the invariants of a finished rollout.
func (w *world) checkEnd() {
	if w.canary != nil || w.canaryService != nil {
		w.t.Error("the canary is still there")
	}
	if len(w.control.made()) > 0 && w.exists {
		w.t.Error("the control is still there")
	}
	if !route.SameRules(w.route, w.userRoute) || len(w.route.Annotations) > 0 {
		w.t.Errorf("the route is not the user's: %v %v", w.route.Annotations, w.route.Rules)
	}
	if w.next != nil && (!route.SameRules(*w.next, *w.nextAsMade) || len(w.next.Annotations) > 0) {
		w.t.Errorf("the route of the cohort is not the user's: %v %v", w.next.Annotations, w.next.Rules)
	}
	if out := w.state.Phase == v1alpha1.PhaseOptedOut; w.finalizer || w.previous != nil || len(w.directs) > 0 && !out {
		w.t.Errorf("left behind: finalizer %v, previous %v, direct %v", w.finalizer, w.previous, w.directs)
	}
}
