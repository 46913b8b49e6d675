package rollout_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

// podsSeen are the pods of both versions.
func (w *world) podsSeen() *observed.Pods {
	seen := observed.Pods{Canary: make([]workload.PodHealth, *w.canary.Spec.Replicas), Primary: slices.Repeat([]workload.PodHealth{w.primaryUnwell}, int(*w.primary.Spec.Replicas))}
	if len(seen.Canary) > 0 {
		seen.Canary[0] = w.unwell
	}
	return &seen
}

// restarting lets a pod of the canary end and start again, if there is a canary.
func restarting(outOfMemory bool) func(*world) {
	return func(w *world) {
		if w.canary == nil {
			return
		}
		w.tell("a pod of the canary restarts")
		w.unwell = workload.PodHealth{Ended: w.now, OutOfMemory: outOfMemory}
	}
}

// sinceRestart holds some time after the canary's last restart.
func sinceRestart(d time.Duration) func(*world) bool {
	return func(w *world) bool { return !w.unwell.Ended.IsZero() && !w.now.Before(w.unwell.Ended.Add(d)) }
}

var podStories = map[string]story{
	"a canary that is ended for its memory again and again is rolled back": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts: []act{{immediately, setting("v2")}, {atStep(1), restarting(true)}, {sinceRestart(15 * time.Second), restarting(true)},
			{sinceRestart(15 * time.Second), restarting(true)}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"a canary that restarts once keeps its step for a minute": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{immediately, setting("v2")}, {atStep(2), restarting(false)}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"pods of both versions restart": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts: []act{{immediately, setting("v2")}, {atStep(2), func(w *world) {
			restarting(false)(w)
			w.primaryUnwell = workload.PodHealth{Ended: w.now}
		}}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a consumer that nobody measures crashes again and again": {
		annotations: map[string]string{config.AnnotationTraffic: "none", config.AnnotationGuard: "false", config.AnnotationInterval: "10s"},
		behaviours:  map[string]behaviour{"v2": good},
		prepare:     unserved,
		acts: []act{{immediately, setting("v2")}, {atStep(1), restarting(false)}, {sinceRestart(20 * time.Second), func(w *world) {
			restarting(false)(w)
			w.unwell.Stuck = "CrashLoopBackOff"
		}}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
}

func TestPodsFail(t *testing.T) {
	well := func(n int) []workload.PodHealth { return make([]workload.PodHealth, n) }
	stuck := func(n, of int) []workload.PodHealth {
		pods := well(of)
		for i := range n {
			pods[i].Stuck = "CrashLoopBackOff"
		}
		return pods
	}
	for name, c := range map[string]struct {
		canary, primary     v1alpha1.PodTroubles
		canaries, primaries []workload.PodHealth
		fails               bool
	}{
		"nothing":                                       {canaries: well(1), primaries: well(9)},
		"two restarts of one pod":                       {canary: v1alpha1.PodTroubles{Restarts: 2}, canaries: well(1), primaries: well(10)},
		"three restarts of one pod beside ten":          {canary: v1alpha1.PodTroubles{Restarts: 3}, canaries: well(1), primaries: well(10), fails: true},
		"lost readiness counts the same":                {canary: v1alpha1.PodTroubles{Unready: 3}, canaries: well(1), primaries: well(10), fails: true},
		"three restarts of one pod beside one":          {canary: v1alpha1.PodTroubles{Restarts: 3}, canaries: well(1), primaries: well(1)},
		"nine restarts of one pod beside one":           {canary: v1alpha1.PodTroubles{Restarts: 9}, canaries: well(1), primaries: well(1), fails: true},
		"two restarts of one pod that now crashes":      {canary: v1alpha1.PodTroubles{Restarts: 2}, canaries: stuck(1, 1), primaries: well(1), fails: true},
		"one restart of one pod that now crashes":       {canary: v1alpha1.PodTroubles{Restarts: 1}, canaries: stuck(1, 1), primaries: well(1)},
		"one pod of ten crashes again and again":        {canary: v1alpha1.PodTroubles{Restarts: 2}, canaries: stuck(1, 10), primaries: well(10)},
		"the primary's pods crash too":                  {canary: v1alpha1.PodTroubles{Restarts: 4}, primary: v1alpha1.PodTroubles{Restarts: 4}, canaries: stuck(1, 1), primaries: stuck(1, 1)},
		"the primary's restart as often":                {canary: v1alpha1.PodTroubles{Restarts: 5}, primary: v1alpha1.PodTroubles{Restarts: 50}, canaries: well(1), primaries: well(10)},
		"without pods of the primary nothing is judged": {canary: v1alpha1.PodTroubles{Restarts: 50}, canaries: stuck(1, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, story{annotations: quick, behaviours: map[string]behaviour{"v2": good}})
			w.set("v2")
			w.runs(t, atStep(1))
			w.state.Rollout.Pods = &v1alpha1.PodsStatus{Canary: c.canary, Primary: c.primary}
			for _, counted := range []*v1alpha1.PodTroubles{&w.state.Rollout.Pods.Canary, &w.state.Rollout.Pods.Primary} {
				counted.Counted = ptrTo(metav1.NewMicroTime(w.now))
			}
			o := w.observe()
			o.Pods = &observed.Pods{Canary: c.canaries, Primary: c.primaries}
			next := planFor(w.policy, w.state, o).Next
			if fails := strings.HasPrefix(next.Candidate.Reason, "the canary's pods fail: "); fails != c.fails {
				t.Errorf("fails: %v, want %v; %s", fails, c.fails, next.Message)
			}
		})
	}
}

// TestAnEndIsCountedOnce lets a pod end by the clock of a node that is ahead.
func TestAnEndIsCountedOnce(t *testing.T) {
	w := newWorld(t, story{annotations: quick, behaviours: map[string]behaviour{"v2": good}})
	w.set("v2")
	w.runs(t, atStep(1))
	w.unwell = workload.PodHealth{Ended: w.now.Add(3 * time.Second)}
	for range 6 {
		w.state = planFor(w.policy, w.state, w.observe()).Next
		w.now = w.now.Add(time.Second)
		early := w.now.Before(w.unwell.Ended)
		if counted := w.state.Open().Pods; counted != nil && (early || counted.Canary.Restarts != 1) {
			t.Errorf("at %s: %+v", w.now, counted)
		}
	}
	if w.state.Open().Pods == nil {
		t.Error("nothing was counted")
	}
}
