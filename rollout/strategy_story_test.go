package rollout_test

import (
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// blueGreen runs some iterations and then holds all requests at the canary.
func blueGreen(p *config.Policy) { p.StepWeight, p.Iterations, p.Hold = 0, 3, 20*time.Second }

func inTurn(changes ...func(*config.Policy)) func(*config.Policy) {
	return func(p *config.Policy) {
		for _, change := range changes {
			change(p)
		}
	}
}

func crashing(w *world) {
	w.tell("canary pods crash")
	w.behaviours = map[string]behaviour{"v2": {neverReady: true}}
}

func recovering(w *world) {
	w.tell("canary pods recover")
	w.behaviours = map[string]behaviour{"v2": good}
}

func turningBad(w *world) {
	w.tell("v2 begins to fail")
	w.behaviours = map[string]behaviour{"v2": failing}
}

var strategyStories = map[string]story{
	"explicit steps have durations of their own and may fall": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		policy: func(p *config.Policy) {
			p.ExplicitSteps = []config.Step{{Weight: 50}, {Weight: 20, Duration: 40 * time.Second}, {Weight: 60, Duration: 5 * time.Second}}
		},
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"blue-green without requests in its iterations": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, policy: blueGreen,
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"blue-green fails by the requests of a load test": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, policy: blueGreen,
		acts: []act{{immediately, setting("v2")}, {atStep(2), func(w *world) {
			w.tell("a load test fails half of its requests")
			w.loadTest = &failing
		}}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"blue-green is rolled back while all requests are held at the canary": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, policy: blueGreen,
		acts:  []act{{immediately, setting("v2")}, {atStep(4), turningBad}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"blue-green is aborted in an iteration": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, policy: blueGreen,
		acts:  []act{{immediately, setting("v2")}, {atStep(2), aborting("v2", 0)}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"blue-green gets a newer version in an iteration": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good, "v3": good}, policy: blueGreen,
		acts:  []act{{immediately, setting("v2")}, {atStep(2), setting("v3")}},
		phase: v1alpha1.PhaseSucceeded, version: "v3",
	},
	"blue-green is paused in an iteration and while all requests are held": {
		annotations: patient, behaviours: map[string]behaviour{"v2": good}, policy: blueGreen,
		acts: []act{{immediately, setting("v2")}, {atStep(2), pausing}, {after(3 * time.Minute), resuming}, {atStep(4), pausing},
			{after(6 * time.Minute), resuming}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"blue-green holds while Prometheus does not answer": {
		annotations: quick, behaviours: map[string]behaviour{"v2": {prometheusDown: true}}, policy: blueGreen,
		acts:  []act{{immediately, setting("v2")}, {after(time.Minute), recovering}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a canary warms up before its first step": {
		annotations: patient, behaviours: map[string]behaviour{"v2": good}, policy: func(p *config.Policy) { p.Delay = 2 * time.Minute },
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a canary that crashes while it warms up warms up again": {
		annotations: patient, behaviours: map[string]behaviour{"v2": good}, policy: func(p *config.Policy) { p.Delay = time.Minute },
		acts:  []act{{immediately, setting("v2")}, {saying("The canary is ready and warms up"), crashing}, {saying("Waiting for the canary to be ready"), recovering}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a policy is suspended in flight": {
		annotations: patient, behaviours: map[string]behaviour{"v2": good},
		acts: []act{{immediately, setting("v2")}, {atStep(1), suspending(true)}, {after(3 * time.Minute), suspending(false)}},

		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a suspended policy starts nothing": {
		annotations: patient, behaviours: map[string]behaviour{"v2": good}, policy: func(p *config.Policy) { p.Suspend = true },
		acts:  []act{{immediately, setting("v2")}, {after(3 * time.Minute), suspending(false)}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a bad version is rolled back although its policy is suspended": {
		annotations: quick, behaviours: map[string]behaviour{"v2": failing},
		acts:  []act{{immediately, setting("v2")}, {atStep(1), suspending(true)}, {muchLater, suspending(false)}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"three of four canary replicas are enough": {
		annotations: map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "10s", config.AnnotationStepWeight: "40", config.AnnotationMaxWeight: "40"},
		behaviours:  map[string]behaviour{"v2": {successRate: 100, p99: 20, requests: 100, unavailable: 1}},
		policy:      func(p *config.Policy) { p.CanaryReadyThreshold, p.PrimaryReadyThreshold = 75, 90 },
		acts:        []act{{immediately, setting("v2")}},
		phase:       v1alpha1.PhaseSucceeded, version: "v2",
	},
	"the primary takes its requests back bit by bit": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, policy: func(p *config.Policy) { p.StepWeightPromotion = 12 },
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"blue-green gives requests back bit by bit, and is paused": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		policy: inTurn(blueGreen, func(p *config.Policy) { p.StepWeightPromotion = 40 }),
		acts:   []act{{immediately, setting("v2")}, {atWeight(60), pausing}, {after(3 * time.Minute), resuming}},
		phase:  v1alpha1.PhaseSucceeded, version: "v2",
	},
	"the canary crashes while it gives requests back": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, policy: func(p *config.Policy) { p.StepWeightPromotion = 10 },
		acts: []act{{immediately, setting("v2")}, {func(w *world) bool { return w.previous != nil && w.state.CanaryWeight == 20 }, func(w *world) {
			w.tell("canary pods crash")
			w.behaviours = map[string]behaviour{"v2": {neverReady: true}}
		}}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"the primary is not ready for a while as it takes requests back": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, policy: func(p *config.Policy) { p.StepWeightPromotion = 10 },
		acts: []act{{immediately, setting("v2")}, {func(w *world) bool { return w.previous != nil && w.state.CanaryWeight == 20 }, func(w *world) {
			w.tell("a pod of the primary crashes")
			w.behaviours = map[string]behaviour{"v2": {successRate: 100, p99: 20, requests: 100, primaryNotReady: true}}
		}}, {saying("Waiting for the primary"), func(w *world) {
			w.tell("it recovers")
			w.behaviours = map[string]behaviour{"v2": good}
		}}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"an A-B test ends in a promotion": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, policy: ab,
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"an A-B test without requests of testers is inconclusive": {
		annotations: patient, behaviours: map[string]behaviour{"v2": silent}, policy: ab,
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"an A-B test fails": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, policy: ab,
		acts:  []act{{immediately, setting("v2")}, {atStep(2), turningBad}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"an A-B test is paused": {
		annotations: patient, behaviours: map[string]behaviour{"v2": good}, policy: ab,
		acts:  []act{{immediately, setting("v2")}, {atStep(1), pausing}, {after(3 * time.Minute), resuming}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"an A-B test gets a newer version": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good, "v3": good}, policy: ab,
		acts:  []act{{immediately, setting("v2")}, {atStep(2), setting("v3")}},
		phase: v1alpha1.PhaseSucceeded, version: "v3",
	},
	"an A-B test of a primary with strategy Recreate": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, policy: ab, prepare: recreate,
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"an A-B test comes before weights": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, policy: inTurn(ab, func(p *config.Policy) { p.StepWeights = []float64{0.2, 5} }),
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"testers come to the canary while it warms up": {
		annotations: patient, behaviours: map[string]behaviour{"v2": good},
		policy: func(p *config.Policy) { p.Match, p.Delay = testers, 2*time.Minute },
		acts:   []act{{immediately, setting("v2")}, {saying("The canary is ready and warms up"), pausing}, {after(3 * time.Minute), resuming}},
		phase:  v1alpha1.PhaseSucceeded, version: "v2",
	},
	"testers lose a canary that the gateway refuses while the rollout is paused before its first step": {
		annotations: patient, behaviours: map[string]behaviour{"v2": good},
		policy: func(p *config.Policy) { p.Match, p.Delay = testers, 2*time.Minute },
		acts: []act{{immediately, setting("v2")}, {saying("The canary is ready and warms up"), pausing}, {after(time.Minute), rejecting("BackendNotFound")},
			{after(3 * time.Minute), inTurnOf(rejecting(""), resuming)}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"testers lose a canary that crashes": {
		annotations: patient, behaviours: map[string]behaviour{"v2": good}, policy: func(p *config.Policy) { p.Match = testers },
		acts:  []act{{immediately, setting("v2")}, {atStep(1), crashing}, {saying("Waiting for the canary to be ready"), recovering}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"copies of requests rise with the iterations": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, policy: mirroring, prepare: capable,
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"copies of requests show that a version is bad": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, policy: mirroring, prepare: capable,
		acts:  []act{{immediately, setting("v2")}, {atStep(2), turningBad}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"the canary crashes under copies": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, policy: mirroring, prepare: capable,
		acts:  []act{{immediately, setting("v2")}, {atStep(2), crashing}, {saying("Waiting for the canary to be ready"), recovering}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"copies are aborted": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, policy: mirroring, prepare: capable,
		acts:  []act{{immediately, setting("v2")}, {atStep(3), aborting("v2", 0)}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"a gateway that cannot copy holds the candidate back": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, policy: mirroring,
		prepare: func(w *world) { w.features = supporting("HTTPRouteMethodMatching", "HTTPRouteRequestMirror") },
		acts: []act{{immediately, setting("v2")}, {inPhase(v1alpha1.PhaseWaiting), func(w *world) {
			w.tell("the gateway is upgraded")
			capable(w)
		}}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a gateway that does not tell whether it can copy is warned of": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, policy: mirroring,
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"users stay at their version and lose their cookies in the end": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, policy: sticky, prepare: capable,
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"users of a bad version lose their cookies at once": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, policy: sticky, prepare: capable,
		acts:  []act{{immediately, setting("v2")}, {atStep(2), turningBad}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"a newer version has cookies of its own": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good, "v3": good}, policy: sticky, prepare: capable,
		acts:  []act{{immediately, setting("v2")}, {atStep(2), setting("v3")}},
		phase: v1alpha1.PhaseSucceeded, version: "v3",
	},
	"a newer version comes while cookies are taken back": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good, "v3": good}, policy: sticky, prepare: capable,
		acts:  []act{{immediately, setting("v2")}, {saying("All requests go to the primary; cookies"), setting("v3")}},
		phase: v1alpha1.PhaseSucceeded, version: "v3",
	},
	"the change is taken back while users have cookies": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, policy: sticky, prepare: capable,
		acts:  []act{{immediately, setting("v2")}, {atStep(2), setting("v1")}},
		phase: v1alpha1.PhaseInitialized, version: "v1",
	},
	"testers, cookies and requests that come back bit by bit": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, prepare: capable,
		policy: inTurn(sticky, func(p *config.Policy) { p.Match, p.StepWeightPromotion = testers, 12.5 }),
		acts:   []act{{immediately, setting("v2")}, {atStep(2), pausing}, {after(3 * time.Minute), resuming}},
		phase:  v1alpha1.PhaseSucceeded, version: "v2",
	},
	"testers of an A-B test stay at the canary": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, prepare: capable, policy: inTurn(sticky, ab),
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"cookies are left to their age": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, prepare: capable,
		policy: inTurn(sticky, func(p *config.Policy) { p.SessionAffinity.ExpireFor = &metav1.Duration{} }),
		acts:   []act{{immediately, setting("v2")}},
		phase:  v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a workload without traffic and without checks is judged by its readiness": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, prepare: unserved, policy: noTraffic,
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a workload without traffic crashes again and again": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, prepare: unserved, policy: noTraffic,
		acts:  []act{{immediately, setting("v2")}, {atStep(2), crashing}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"a workload without traffic and with strategy Recreate": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, policy: noTraffic,
		prepare: func(w *world) { unserved(w); recreate(w) },
		acts:    []act{{immediately, setting("v2")}},
		phase:   v1alpha1.PhaseSucceeded, version: "v2",
	},
}

func noTraffic(p *config.Policy) { p.Traffic = v1alpha1.TrafficNone }

// unserved removes the Service and the route, so that nothing can send requests.
func unserved(w *world) { w.served = false }

func saying(beginning string) func(*world) bool {
	return func(w *world) bool { return strings.HasPrefix(w.state.Message, beginning) }
}

func atWeight(weight float64) func(*world) bool {
	return func(w *world) bool { return w.state.CanaryWeight == weight }
}

func suspending(suspend bool) func(*world) {
	return func(w *world) {
		w.tell("the policy says suspend: %v", suspend)
		w.policy.Suspend = suspend
	}
}

var testers = []v1alpha1.HTTPMatch{{Headers: map[string]v1alpha1.StringMatch{"x-canary": {Exact: "true"}}}}

func ab(p *config.Policy) { p.StepWeight, p.Iterations, p.Match = 0, 3, testers }

// mirroring mirrors more and more requests and then sends all of them to the canary.
func mirroring(p *config.Policy) {
	blueGreen(p)
	p.Mirror, p.MirrorWeight, p.StepMirrorWeight, p.MaxMirrorWeight = true, 20, 30, 50
}

func sticky(p *config.Policy) {
	p.SessionAffinity = &v1alpha1.SessionAffinity{CookieName: "version", PrimaryCookieName: ptrTo("old-version"), MaxAge: ptrTo(int32(600)),
		Path: ptrTo("/"), HTTPOnly: ptrTo(true), SameSite: ptrTo("Lax"), ExpireFor: &metav1.Duration{Duration: 40 * time.Second}}
}

func supporting(names ...gatewayv1.FeatureName) []gatewayv1.SupportedFeature {
	var list []gatewayv1.SupportedFeature
	for _, name := range names {
		list = append(list, gatewayv1.SupportedFeature{Name: name})
	}
	return list
}

// capable is a gateway that reports every feature that the policies need.
func capable(w *world) {
	w.features = supporting("HTTPRouteRequestMirror", "HTTPRouteRequestPercentageMirror", "HTTPRouteResponseHeaderModification")
}
