package rollout_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/rollout/observed"
)

// breaking makes all pods of the primary unavailable, until it has another version or they are mended.
func breaking(w *world) {
	w.tell("the primary breaks")
	w.behaviours = maps.Clone(w.behaviours)
	w.behaviours["v1"] = behaviour{unavailable: 10}
}

func mending(w *world) {
	w.tell("the primary is available again")
	delete(w.behaviours, "v1")
}

// since reports whether the primary has been seen to be unavailable for this time.
func since(d time.Duration) func(*world) bool {
	return func(w *world) bool {
		return w.state.UnavailableSince != nil && w.now.Sub(w.state.UnavailableSince.Time) >= d
	}
}

// TestAnIdleDeploymentCostsNoTicks has a primary without available replicas whose Service has other ready pods. It matters only to a
// candidate.
func TestAnIdleDeploymentCostsNoTicks(t *testing.T) {
	w := newWorld(t, story{annotations: quick, behaviours: map[string]behaviour{}})
	w.tick()
	breaking(w)
	w.react()
	o := w.observe()
	o.PrimaryEndpoints = 1
	if p := planFor(w.policy, w.state, o); p.Wait != 0 {
		t.Errorf("an idle Deployment ticks again after %s: %s", p.Wait, p)
	}
	w.set("v2")
	o = w.observe()
	o.PrimaryEndpoints = 1
	if p := planFor(w.policy, w.state, o); p.Wait == 0 || p.Wait > 5*time.Second {
		t.Errorf("with a candidate it ticks again after %s: %s", p.Wait, p)
	}
}

// heldBack reports whether a newer candidate is held while a rollout ends, and says how to apply it anyway.
func heldBack(w *world) bool {
	return w.state.Blocked != nil && w.state.Blocked.Kind == v1alpha1.BlockedUnavailable && strings.Contains(w.state.Message, "; template v3 waits: ") &&
		strings.Contains(w.state.Message, `kubectl annotate deployment podinfo -n test "sluice.dev/bypass=TIME; REASON"`)
}

var unavailableStories = map[string]story{
	"a primary that breaks for a moment is no reason to skip its canary": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{resting, breaking}, {since(20 * time.Second), setting("v2")}, {atPhase(v1alpha1.PhaseWaiting), mending}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a primary that stays broken is changed without a canary": {
		annotations: quick, behaviours: map[string]behaviour{},
		acts:  []act{{resting, breaking}, {since(20 * time.Second), setting("v2")}},
		phase: v1alpha1.PhaseInitialized, version: "v2",
	},
	"a primary that has been broken for long is changed at once": {
		annotations: quick, behaviours: map[string]behaviour{},
		acts:  []act{{resting, breaking}, {since(time.Minute), setting("v2")}},
		phase: v1alpha1.PhaseInitialized, version: "v2",
	},
	"a freeze holds the change of a broken primary": {
		annotations: quick, behaviours: map[string]behaviour{},
		acts: []act{{resting, breaking}, {since(time.Minute), func(w *world) {
			w.freezes = []v1alpha1.Freeze{{ObjectMeta: metav1.ObjectMeta{Name: "audit"}, Spec: v1alpha1.FreezeSpec{Reason: "audit"}}}
			setting("v2")(w)
		}}, {atPhase(v1alpha1.PhaseWaiting), func(w *world) {
			w.tell("the freeze ends")
			w.freezes = nil
		}}},
		phase: v1alpha1.PhaseInitialized, version: "v2",
	},
	"a newer version mends a primary that broke in flight": {
		annotations: map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "2m", config.AnnotationMaxWeight: "30"}, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{immediately, setting("v2")}, {atStep(2), breaking}, {since(time.Minute), setting("v3")}},
		phase: v1alpha1.PhaseInitialized, version: "v3",
	},
	"a newer version mends a primary whose previous template is broken too": {
		annotations: map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "10s", config.AnnotationMaxWeight: "20", config.AnnotationProgressDeadline: "60s"},
		behaviours:  map[string]behaviour{"v2": {successRate: 100, p99: 20, requests: 100, primaryNotReady: true}},
		acts: []act{{immediately, setting("v2")}, {func(w *world) bool { return w.previous != nil }, breaking},
			{func(w *world) bool { return w.state.Open().Promotion.Restoring && w.previous == nil }, setting("v3")}},
		phase: v1alpha1.PhaseInitialized, version: "v3",
	},
	"a hook that must approve rollouts holds the newer version for a primary whose previous template is broken too": {
		annotations: map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "10s", config.AnnotationMaxWeight: "20", config.AnnotationProgressDeadline: "60s"},
		behaviours:  map[string]behaviour{"v2": {successRate: 100, p99: 20, requests: 100, primaryNotReady: true}, "v3": good},
		prepare:     withHooks(map[v1alpha1.HookType]func(*world) bool{v1alpha1.HookConfirmRollout: nil}),
		acts: []act{{immediately, setting("v2")}, {func(w *world) bool { return w.previous != nil }, breaking},
			{func(w *world) bool { return w.state.Open().Promotion.Restoring && w.previous == nil }, setting("v3")}, {heldBack, mending}},
		phase: v1alpha1.PhaseSucceeded, version: "v3",
	},
	"a canary is asked for, so the newer version waits for a primary whose previous template is broken too": {
		annotations: map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "10s", config.AnnotationMaxWeight: "20", config.AnnotationProgressDeadline: "60s",
			config.AnnotationWhenUnavailable: config.WhenUnavailableCanary},
		behaviours: map[string]behaviour{"v2": {successRate: 100, p99: 20, requests: 100, primaryNotReady: true}, "v3": good},
		acts: []act{{immediately, setting("v2")}, {func(w *world) bool { return w.previous != nil }, breaking},
			{func(w *world) bool { return w.state.Open().Promotion.Restoring && w.previous == nil }, setting("v3")}, {heldBack, mending}},
		phase: v1alpha1.PhaseSucceeded, version: "v3",
	},
	"a hook that must approve rollouts holds the newer version for a primary that broke in flight": {
		annotations: map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "2m", config.AnnotationMaxWeight: "30"}, behaviours: map[string]behaviour{"v2": good, "v3": good},
		prepare: withHooks(map[v1alpha1.HookType]func(*world) bool{v1alpha1.HookConfirmRollout: nil}),
		acts:    []act{{immediately, setting("v2")}, {atStep(2), breaking}, {since(time.Minute), setting("v3")}, {since(3 * time.Minute), mending}},
		phase:   v1alpha1.PhaseSucceeded, version: "v3",
	},
}

// TestWhatProvesThatAPrimaryServesNobody looks at one candidate at rest.
func TestWhatProvesThatAPrimaryServesNobody(t *testing.T) {
	condition := func(status corev1.ConditionStatus, since time.Duration) func(*observed.World) {
		return func(o *observed.World) {
			o.Primary.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentAvailable, Status: status, LastTransitionTime: metav1.NewTime(o.Now.Add(-since))}}
		}
	}
	neverButReady := func(o *observed.World) {
		condition(corev1.ConditionFalse, time.Hour-time.Second)(o)
		o.Primary.Status.ReadyReplicas = 1
	}
	for name, c := range map[string]struct {
		down   time.Duration
		change func(*observed.World)
		policy func(*config.Policy)
		asks   string
		starts bool
		block  v1alpha1.BlockedKind
	}{
		"an available primary":    {change: func(o *observed.World) { o.Primary.Status.AvailableReplicas = 1 }, starts: true},
		"an instant":              {block: v1alpha1.BlockedUnavailable},
		"less than the time":      {down: 59 * time.Second, block: v1alpha1.BlockedUnavailable},
		"the time":                {down: time.Minute, asks: config.AnnotationLetThrough},
		"less than a longer time": {down: time.Minute, policy: func(p *config.Policy) { p.UnavailableAfter = time.Hour }, block: v1alpha1.BlockedUnavailable},
		"pods that serve before they are available, by minReadySeconds": {down: time.Hour, change: func(o *observed.World) { o.PrimaryEndpoints = 1 }, starts: true},
		"ready pods without a Service, by minReadySeconds":              {down: time.Hour, change: func(o *observed.World) { o.Primary.Status.ReadyReplicas = 1 }, starts: true},
		"a gap in which Sluice was away":                                {down: time.Hour, change: condition(corev1.ConditionFalse, 30*time.Second), block: v1alpha1.BlockedUnavailable},
		"a condition that was patched":                                  {change: condition(corev1.ConditionFalse, 30*time.Minute), block: v1alpha1.BlockedUnavailable},
		"maxUnavailable of all replicas":                                {down: time.Minute, change: condition(corev1.ConditionTrue, time.Hour), asks: config.AnnotationLetThrough},
		"never available since creation":                                {down: 10 * time.Second, change: condition(corev1.ConditionFalse, time.Hour-time.Second), asks: config.AnnotationLetThrough},
		"never available, at first sight":                               {change: condition(corev1.ConditionFalse, time.Hour-time.Second), block: v1alpha1.BlockedUnavailable},
		"never available, and seen for a moment":                        {down: 9 * time.Second, change: condition(corev1.ConditionFalse, time.Hour-time.Second), block: v1alpha1.BlockedUnavailable},
		"never available, and ready":                                    {down: time.Hour, change: neverButReady, starts: true},
		"never available, and seen by another process": {down: time.Hour, change: func(o *observed.World) {
			condition(corev1.ConditionFalse, time.Hour-time.Second)(o)
			o.SeenSince = o.Now.Add(-time.Second)
		}, block: v1alpha1.BlockedUnavailable},
		"created a moment ago": {change: func(o *observed.World) {
			o.Primary.CreationTimestamp, o.Primary.Status.Conditions = metav1.NewTime(o.Now), nil
		}, block: v1alpha1.BlockedUnavailable},
		"a user who wants canaries":      {down: time.Hour, change: func(o *observed.World) { o.Primary.Annotations[config.AnnotationWhenUnavailable] = "canary" }, starts: true},
		"something else that is missing": {down: time.Minute, change: func(o *observed.World) { o.Routes = nil }, asks: config.AnnotationLetThrough},
		"missing, and not for long":      {change: func(o *observed.World) { o.Routes = nil }, block: v1alpha1.BlockedMissing},
		"a freeze":                       {down: time.Minute, change: func(o *observed.World) { o.Freezes = []v1alpha1.Freeze{{Spec: v1alpha1.FreezeSpec{Reason: "audit"}}} }, block: v1alpha1.BlockedFrozen},
		"a pause":                        {down: time.Minute, change: func(o *observed.World) { o.Primary.Spec.Paused = true }, block: v1alpha1.BlockedPaused},
		"other rollouts": {down: time.Minute, change: func(o *observed.World) {
			o.Limits.Cluster, o.Peers = 1, []observed.Peer{{Namespace: "a", Name: "b", HasPlace: true}}
		}},
		"scaled to 0 before the change":    {change: func(o *observed.World) { o.Primary.Spec.Replicas, o.Candidate.AtZero = ptrTo(int32(0)), true }, asks: config.AnnotationLetThrough},
		"scaled to 0 after the change":     {down: time.Hour, change: func(o *observed.World) { o.Primary.Spec.Replicas = ptrTo(int32(0)) }, starts: true},
		"scaled up again after the change": {change: func(o *observed.World) { o.Primary.Status.AvailableReplicas, o.Candidate.AtZero = 1, true }, starts: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, story{annotations: quick, behaviours: map[string]behaviour{}})
			w.tick()
			w.set("v2")
			o := w.observe()
			candidate := *w.candidate
			o.Candidate = &candidate
			o.Primary.Status.AvailableReplicas, o.PrimaryEndpoints = 0, 0
			o.Primary.CreationTimestamp = metav1.NewTime(o.Now.Add(-time.Hour))
			condition(corev1.ConditionFalse, 30*time.Minute)(&o)
			state, policy := w.state, w.policy
			if c.down > 0 {
				at := metav1.NewMicroTime(o.Now.Add(-c.down))
				state.UnavailableSince = &at
			}
			if c.change != nil {
				c.change(&o)
			}
			if c.policy != nil {
				c.policy(&policy)
			}
			p := planFor(policy, state, o)
			if p.Ask.Key != c.asks || (p.Next.Phase == v1alpha1.PhaseProgressing) != c.starts {
				t.Errorf("asks %q, in phase %s: %s", p.Ask.Key, p.Next.Phase, p.Next.Message)
			}
			if blocked := p.Next.Blocked; (blocked != nil) != (c.block != "") || blocked != nil && blocked.Kind != c.block {
				t.Errorf("blocked by %v, not by %q", blocked, c.block)
			}
			if c.block == v1alpha1.BlockedUnavailable && p.Wait == 0 {
				t.Error("nothing wakes it")
			}
		})
	}
}

// TestNothingIsLetThroughInFlight checks that a primary which breaks during a rollout does not get the candidate unjudged: the candidate
// may be what breaks it.
func TestNothingIsLetThroughInFlight(t *testing.T) {
	s := story{annotations: quick, behaviours: map[string]behaviour{"v2": good}, acts: []act{{immediately, setting("v2")}, {atStep(1), breaking}},
		phase: v1alpha1.PhaseSucceeded, version: "v2"}
	w := play(t, s, nil)
	s.check(t, w)
	for _, entry := range w.state.History {
		if entry.Outcome == v1alpha1.OutcomeDirect {
			t.Errorf("the candidate went through: %v", entry)
		}
	}
}
