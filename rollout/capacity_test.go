package rollout_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
	"sluice.dev/sluice/rollout/target"
)

// autoscaled gives the primary an autoscaler. All requests need its 10 replicas.
func autoscaled(w *world) {
	w.hpa = &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "podinfo"}}
	w.hpa.Spec = autoscalingv2.HorizontalPodAutoscalerSpec{MinReplicas: ptrTo(int32(2)), MaxReplicas: 20,
		ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: w.primary.Name}}
	w.load = *w.primary.Spec.Replicas
}

// autoscale acts as an autoscaler: the replicas follow the requests.
func (w *world) autoscale() {
	if w.hpa == nil || *w.primary.Spec.Replicas == 0 {
		return
	}
	wanted := max(*w.hpa.Spec.MinReplicas, int32(math.Ceil(float64(w.load)*(100-w.weight())/100)))
	if wanted != *w.primary.Spec.Replicas {
		w.tell("autoscaler: %d replicas of the primary for %v%% of the requests", wanted, 100-w.weight())
		w.primary.Spec.Replicas = ptrTo(min(wanted, w.hpa.Spec.MaxReplicas))
		w.primary.Generation++
	}
}

// makeObjects makes the objects that the reconciler would make, and returns the Deployment.
func (w *world) makeObjects(intent plan.CanaryIntent) *appsv1.Deployment {
	o := observed.World{Primary: w.primary, Candidate: w.candidate, CanaryDeployment: w.canary, Services: append([]corev1.Service{w.service}, w.others...), ScaledObjects: w.scaled}
	if w.hpa != nil {
		o.Autoscalers = append(o.Autoscalers, *w.hpa)
	}
	objects, err := target.CanaryObjects(o, intent, metav1.OwnerReference{Name: "podinfo"})
	if err != nil {
		w.t.Fatal(err)
	}
	var canary *appsv1.Deployment
	w.made = nil
	for _, object := range objects {
		switch made := object.(type) {
		case *appsv1.Deployment:
			canary = made
		case *corev1.Service:
		default:
			w.made = append(w.made, object)
		}
	}
	if shrinks := w.canary != nil && *canary.Spec.Replicas < *w.canary.Spec.Replicas; shrinks {
		needed := workload.CanaryReplicas(w.policy.Canary, *w.primary.Spec.Replicas, w.weight())
		if split := w.split(); w.state.Open().Promotion.GivenWay != nil && split.Deployment == "" {
			needed = 0
		}
		if *canary.Spec.Replicas < needed {
			w.t.Errorf("the canary shrinks to %d replicas while the route sends it %v%%", *canary.Spec.Replicas, w.weight())
		}
	}
	return canary
}

// checkReturn fails if the primary gets back more requests than it can take, unless the canary is bad or gone, or the
// progress deadline has passed.
func (w *world) checkReturn(before float64) {
	after, available := w.weight(), w.primary.Status.AvailableReplicas
	if after >= before || w.canary == nil || w.canary.Status.AvailableReplicas == 0 || !w.exists {
		return
	}
	whole := *w.primary.Spec.Replicas
	if w.hpa != nil {
		whole = max(whole, w.load)
	}
	had, gets := 100-before, 100-after
	switch {
	case available == 0:
		w.t.Errorf("%v%% of the requests go to a primary without any available replica", gets)
	case gets*float64(whole) <= float64(available)*100, w.hpa != nil && gets <= had+max(1, had/4):
	case int64(available)*100 >= int64(whole)*int64(w.policy.PrimaryReadyThreshold): // the user's threshold for ready
	case w.isBad(before), w.planned.Phase == v1alpha1.PhaseFinalising && w.now.Sub(w.planned.Open().Decided.Time) >= w.policy.ProgressDeadline:
	default:
		w.t.Errorf("%v%% of the requests go to a primary that has %d of %d available replicas, and had %v%%", gets, available, whole, had)
	}
}

func (w *world) isBad(weight float64) bool {
	return w.planned.Candidate.Outcome == v1alpha1.OutcomeFailed && w.planned.Open().Promotion.Applied == nil ||
		w.canary.Status.AvailableReplicas < w.enough(weight) || analysis.VerdictOf(w.planned.Checks) == v1alpha1.VerdictFail
}

func losing(pods int32) func(*world) {
	return func(w *world) {
		w.tell("%d pods of the primary are not available", pods)
		w.lost = pods
	}
}

func scaling(replicas int32) func(*world) {
	return func(w *world) {
		w.tell("user scales the primary to %d", replicas)
		w.primary.Spec.Replicas = ptrTo(replicas)
		w.primary.Generation++
	}
}

var half = map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "10s", config.AnnotationStepWeight: "25", config.AnnotationProgressDeadline: "300s"}

var capacityStories = map[string]story{
	"an autoscaler shrinks the primary and the version is promoted": {
		annotations: half, behaviours: map[string]behaviour{"v2": good}, prepare: autoscaled,
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"an autoscaler shrinks a primary with strategy Recreate that has no requests": {
		annotations: half, behaviours: map[string]behaviour{"v2": good},
		prepare: func(w *world) { autoscaled(w); recreate(w) },
		acts:    []act{{immediately, setting("v2")}},
		phase:   v1alpha1.PhaseSucceeded, version: "v2",
	},
	"an autoscaler shrinks the primary and the rollout is aborted": {
		annotations: half, behaviours: map[string]behaviour{"v2": good}, prepare: autoscaled,
		acts:  []act{{immediately, setting("v2")}, {atStep(2), aborting("v2", 0)}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"an autoscaler shrinks the primary and the rollout is aborted with as many canary replicas as are enough": {
		annotations: half, behaviours: map[string]behaviour{"v2": {successRate: 100, p99: 20, requests: 100, unavailable: 1}}, prepare: autoscaled,
		policy: func(p *config.Policy) { p.CanaryReadyThreshold = 60 },
		acts:   []act{{immediately, setting("v2")}, {atStep(2), aborting("v2", 0)}},
		phase:  v1alpha1.PhaseFailed, version: "v1",
	},
	"an autoscaler shrinks the primary and users keep their cookies until it has its requests back": {
		annotations: half, behaviours: map[string]behaviour{"v2": good}, policy: sticky, prepare: func(w *world) { autoscaled(w); capable(w) },
		acts:  []act{{immediately, setting("v2")}, {atStep(2), aborting("v2", 0)}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"an autoscaler shrinks the primary and the status is lost": {
		annotations: half, behaviours: map[string]behaviour{"v2": good}, prepare: autoscaled,
		acts:  []act{{immediately, setting("v2")}, {atStep(2), losingState}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"an autoscaler shrinks the primary and a bad version is left at once": {
		annotations: half, behaviours: map[string]behaviour{"v2": good}, prepare: autoscaled,
		acts: []act{{immediately, setting("v2")}, {atStep(2), func(w *world) {
			w.tell("v2 turns bad")
			w.behaviours = map[string]behaviour{"v2": {successRate: 50, p99: 20, requests: 100}}
		}}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"the primary loses pods while the change is taken back and gets them again": {
		annotations: half, behaviours: map[string]behaviour{"v2": good},
		acts: []act{{immediately, setting("v2")}, {atStep(2), func(w *world) { losing(7)(w); w.react(); w.set("v1") }},
			{inPhase(v1alpha1.PhaseFinalising), losing(2)}, {func(w *world) bool { return w.weight() == 20 }, losing(0)}},
		phase: v1alpha1.PhaseInitialized, version: "v1",
	},
	"the primary loses pods for longer than the progress deadline": {
		annotations: map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "10s", config.AnnotationStepWeight: "25", config.AnnotationProgressDeadline: "60s"},
		behaviours:  map[string]behaviour{"v2": good},
		acts:        []act{{immediately, setting("v2")}, {atStep(2), func(w *world) { losing(7)(w); w.react(); w.set("v1") }}},
		phase:       v1alpha1.PhaseInitialized, version: "v1",
	},
	"the primary loses all pods while an A-B test is taken back": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, policy: ab,
		acts: []act{{immediately, setting("v2")}, {atStep(2), func(w *world) { losing(10)(w); w.react(); w.set("v1") }},
			{after(3 * time.Minute), losing(0)}},
		phase: v1alpha1.PhaseInitialized, version: "v1",
	},
	"the primary loses all pods while an A-B test fails": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, policy: ab,
		acts: []act{{immediately, setting("v2")}, {atStep(2), func(w *world) { losing(10)(w); w.react(); turningBad(w) }},
			{after(3 * time.Minute), losing(0)}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"the primary is scaled to 0 in flight and up again": {
		annotations: half, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{immediately, setting("v2")}, {atStep(2), scaling(0)}, {after(3 * time.Minute), scaling(10)}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"an autoscaler has shrunk a primary that is scaled up while it takes its requests back": {
		annotations: half, behaviours: map[string]behaviour{"v2": good},
		policy:  func(p *config.Policy) { p.StepWeightPromotion = 6 },
		prepare: func(w *world) { autoscaled(w); recreate(w) },
		acts:    []act{{immediately, setting("v2")}, {func(w *world) bool { return w.previous != nil && w.state.Open().Promotion.Shifted != nil }, scaling(20)}},
		phase:   v1alpha1.PhaseSucceeded, version: "v2",
	},
	"an autoscaler has shrunk a primary that gets its previous template back": {
		annotations: patient, behaviours: map[string]behaviour{"v2": {successRate: 100, p99: 20, requests: 100, primaryNotReady: true}},
		policy: func(p *config.Policy) { p.StepWeights = []float64{50} }, prepare: autoscaled,
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"the primary is scaled up in flight": {
		annotations: half, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{immediately, setting("v2")}, {atStep(1), scaling(20)}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a primary with strategy Recreate does not get ready after promotion": {
		annotations: map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "10s", config.AnnotationMaxWeight: "20", config.AnnotationProgressDeadline: "60s"},
		behaviours:  map[string]behaviour{"v2": {successRate: 100, p99: 20, requests: 100, primaryNotReady: true}},
		prepare:     recreate,
		acts:        []act{{immediately, setting("v2")}},
		phase:       v1alpha1.PhaseFailed, version: "v1",
	},
}

func TestTheCanaryKeepsItsSizeUntilItsSmallerWeightHasSettled(t *testing.T) {
	falls := func(p *config.Policy) { p.ExplicitSteps = []config.Step{{Weight: 50}, {Weight: 20}} }
	w := newWorld(t, story{annotations: half, behaviours: map[string]behaviour{"v2": good}, policy: falls})
	w.tick()
	w.set("v2")
	w.runs(t, func(w *world) bool { return w.weight() == 50 })
	size := *w.canary.Spec.Replicas
	w.runs(t, func(w *world) bool { return w.weight() == 20 })
	falling := w.now
	w.runs(t, func(w *world) bool { return *w.canary.Spec.Replicas < size })
	if settled := w.now.Sub(falling); settled < 2*time.Second {
		t.Errorf("the canary shrinks %s after its weight has fallen, while requests are still on their way", settled)
	}
}

func TestTheCanaryKeepsItsSizeWhileThePrimaryIsScaledTo0(t *testing.T) {
	w := newWorld(t, story{annotations: half, behaviours: map[string]behaviour{"v2": good}})
	w.tick()
	w.set("v2")
	w.runs(t, atStep(2))
	size := *w.canary.Spec.Replicas
	scaling(0)(w)
	end := w.now.Add(time.Minute)
	w.runs(t, func(w *world) bool { return w.now.After(end) })
	if now := *w.canary.Spec.Replicas; now < size {
		t.Errorf("only the canary serves, and it shrinks from %d to %d replicas", size, now)
	}
}

// TestRandomCapacity scales, loses pods and runs an autoscaler at any moment, with late reactions and crashes, and checks
// the invariants of every write.
func TestRandomCapacity(t *testing.T) {
	t.Parallel()
	for seed := range 20 * *seeds {
		chance := rand.New(rand.NewPCG(seed, 3))
		s := story{annotations: half, behaviours: map[string]behaviour{"v2": good, "v3": failing}, acts: capacityActs(chance)}
		s.prepare = func(w *world) {
			if chance.IntN(2) == 0 {
				autoscaled(w)
			}
			if chance.IntN(3) == 0 {
				recreate(w)
			}
		}
		w := play(t, s, chance)
		w.checkEnd()
		if t.Failed() {
			t.Fatalf("with seed %d\n%s", seed, strings.Join(w.log, "\n"))
		}
	}
}

func capacityActs(chance *rand.Rand) []act {
	kinds := []func(*world){
		losing(chance.Int32N(10)), losing(0), scaling(5), scaling(20), scaling(10),
		aborting("v2", 0), setting("v1"), setting("v2"), setting("v3"),
	}
	acts := []act{{immediately, setting("v2")}}
	var moment time.Duration
	for range 1 + chance.IntN(8) {
		moment += time.Duration(chance.IntN(20_000)) * time.Millisecond
		acts = append(acts, act{after(moment), kinds[chance.IntN(len(kinds))]})
	}
	return append(acts, act{after(moment + time.Minute), losing(0)})
}
