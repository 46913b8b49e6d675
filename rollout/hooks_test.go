package rollout_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
)

// answers returns the answers of the hooks that are asked. With a source of chance they arrive later.
func (w *world) answers(calls []plan.HookCall) []observed.HookAnswer {
	var answers []observed.HookAnswer
	w.pending = false
	for _, call := range calls {
		if w.rand != nil && w.rand.IntN(2) == 0 {
			w.pending = true
			continue
		}
		answer := observed.HookAnswer{Name: call.Hook.Name, Yes: true}
		if yes := w.hooks[call.Hook.Name]; yes != nil && !yes(w) {
			answer.Yes, answer.Message = false, "403 Forbidden"
		}
		if answer.Yes {
			w.confirmed[call.Hook.Type] = call.Payload.Checksum
		}
		w.tell("  hook %s (%s) is asked in phase %s: %v", call.Hook.Name, call.Hook.Type, call.Payload.Phase, answer.Yes)
		answers = append(answers, answer)
	}
	return answers
}

func (w *world) hearTells(calls []plan.HookCall) {
	for _, call := range calls {
		w.tell("  hook %s (%s) is told in phase %s %s", call.Hook.Name, call.Hook.Type, call.Payload.Phase, call.Payload.Metadata["eventMessage"])
	}
}

// checkGates fails if anything continues that a hook has not approved.
func (w *world) checkGates(p plan.Plan) {
	next := p.Next
	asked := strings.ReplaceAll(observed.IDOf(next).String(), " ", "-")
	closed := func(kind v1alpha1.HookType) bool {
		return w.hooks["my-"+string(kind)] != nil && w.confirmed[kind] != asked
	}
	switch {
	case w.begins(p) && closed(v1alpha1.HookConfirmRollout):
		w.t.Errorf("%s begins without a yes", asked)
	case next.Open().Step.Number > 0 && w.state.Open().Step.Number == 0 && closed(v1alpha1.HookPreRollout):
		w.t.Errorf("%s takes its first step before its tests have passed", asked)
	case p.Ask.Key == config.AnnotationPromote && w.spec.Promote == nil && closed(v1alpha1.HookConfirmPromotion):
		w.t.Errorf("%s is promoted without a yes", asked)
	}
}

func never(*world) bool { return false }

// withHooks sets the hooks of the policy. Each is named after its type.
func withHooks(answers map[v1alpha1.HookType]func(*world) bool) func(*world) {
	return func(w *world) {
		w.hooks = map[string]func(*world) bool{}
		for _, kind := range slices.Sorted(maps.Keys(answers)) {
			w.policy.Hooks = append(w.policy.Hooks, v1alpha1.Webhook{Name: "my-" + string(kind), Type: kind, URL: "http://hooks.test/"})
			w.hooks["my-"+string(kind)] = answers[kind]
		}
	}
}

var twoSteps = map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "10s", config.AnnotationMaxWeight: "20", config.AnnotationProgressDeadline: "60s"}

var setsV2 = []act{{immediately, setting("v2")}}

var hookStories = map[string]story{
	"a canary that starts again is tested again": {
		annotations: twoSteps, behaviours: map[string]behaviour{"v2": good},
		prepare: withHooks(map[v1alpha1.HookType]func(*world) bool{v1alpha1.HookPreRollout: nil}),
		acts:    []act{{immediately, setting("v2")}, {atStep(1), crashing}, {func(w *world) bool { return w.state.Open().Step.Number == 0 }, recovering}},
		phase:   v1alpha1.PhaseSucceeded, version: "v2",
	},
	"every hook says yes": {
		annotations: twoSteps, behaviours: map[string]behaviour{"v2": good}, acts: setsV2,
		prepare: withHooks(map[v1alpha1.HookType]func(*world) bool{
			v1alpha1.HookConfirmRollout: nil, v1alpha1.HookPreRollout: nil, v1alpha1.HookRollout: nil, v1alpha1.HookConfirmTrafficIncrease: nil,
			v1alpha1.HookConfirmPromotion: nil, v1alpha1.HookPostRollout: nil, v1alpha1.HookRollback: never,
		}),
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"gates stay closed for longer than the progress deadline": {
		annotations: twoSteps, behaviours: map[string]behaviour{"v2": good}, acts: setsV2,
		prepare: withHooks(map[v1alpha1.HookType]func(*world) bool{
			v1alpha1.HookConfirmRollout: after(100 * time.Second), v1alpha1.HookConfirmTrafficIncrease: after(200 * time.Second),
			v1alpha1.HookConfirmPromotion: after(320 * time.Second),
		}),
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a smoke test that fails rolls back before any request": {
		annotations: twoSteps, behaviours: map[string]behaviour{"v2": good}, acts: setsV2,
		prepare: withHooks(map[v1alpha1.HookType]func(*world) bool{v1alpha1.HookPreRollout: never, v1alpha1.HookPostRollout: nil}),
		phase:   v1alpha1.PhaseFailed, version: "v1",
	},
	"a smoke test that fails at first is asked again": {
		annotations: twoSteps, behaviours: map[string]behaviour{"v2": good}, acts: setsV2,
		prepare: withHooks(map[v1alpha1.HookType]func(*world) bool{v1alpha1.HookPreRollout: after(25 * time.Second)}),
		phase:   v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a hook of each round that says no rolls back": {
		annotations: twoSteps, behaviours: map[string]behaviour{"v2": good}, acts: setsV2,
		prepare: withHooks(map[v1alpha1.HookType]func(*world) bool{v1alpha1.HookRollout: never}),
		phase:   v1alpha1.PhaseFailed, version: "v1",
	},
	"a hook rolls back while the promotion waits to be confirmed": {
		annotations: twoSteps, behaviours: map[string]behaviour{"v2": good}, acts: setsV2,
		prepare: withHooks(map[v1alpha1.HookType]func(*world) bool{v1alpha1.HookConfirmPromotion: never, v1alpha1.HookRollback: after(60 * time.Second)}),
		phase:   v1alpha1.PhaseFailed, version: "v1",
	},
	"a hook rolls back a candidate that waits to begin": {
		annotations: twoSteps, behaviours: map[string]behaviour{"v2": good}, acts: setsV2,
		prepare: withHooks(map[v1alpha1.HookType]func(*world) bool{v1alpha1.HookConfirmRollout: never, v1alpha1.HookRollback: after(30 * time.Second)}),
		phase:   v1alpha1.PhaseFailed, version: "v1",
	},
	"a bad version is rolled back while the promotion waits to be confirmed": {
		annotations: twoSteps, behaviours: map[string]behaviour{"v2": good},
		acts: []act{{immediately, setting("v2")}, {func(w *world) bool { return w.state.Phase == v1alpha1.PhaseWaitingPromotion }, func(w *world) {
			w.tell("v2 begins to fail")
			w.behaviours = map[string]behaviour{"v2": {successRate: 50, p99: 20, requests: 100}}
		}}},
		prepare: withHooks(map[v1alpha1.HookType]func(*world) bool{v1alpha1.HookConfirmPromotion: never}),
		phase:   v1alpha1.PhaseFailed, version: "v1",
	},
	"a newer version is confirmed anew": {
		annotations: twoSteps, behaviours: map[string]behaviour{"v2": good, "v3": good},
		acts:    []act{{immediately, setting("v2")}, {atStep(2), setting("v3")}},
		prepare: withHooks(map[v1alpha1.HookType]func(*world) bool{v1alpha1.HookConfirmRollout: nil, v1alpha1.HookPreRollout: nil}),
		phase:   v1alpha1.PhaseSucceeded, version: "v3",
	},
	"a hook is told of every event": {
		annotations: twoSteps, behaviours: map[string]behaviour{"v2": good}, acts: setsV2,
		prepare: withHooks(map[v1alpha1.HookType]func(*world) bool{v1alpha1.HookEvent: nil}),
		phase:   v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a policy's own checks need no preset": {
		annotations: twoSteps, behaviours: map[string]behaviour{"v2": good}, acts: setsV2,
		prepare: func(w *world) {
			w.policy.Checks = []v1alpha1.Metric{{Name: "latency", Query: "x{w=\"{{ target }}\"}[{{ interval }}]", ThresholdRange: &v1alpha1.ThresholdRange{Max: ptr.To(50.0)}}}
		},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a check names a MetricTemplate that is made later": {
		annotations: twoSteps, behaviours: map[string]behaviour{"v2": good},
		prepare: func(w *world) {
			w.policy.Checks = []v1alpha1.Metric{{Name: "latency", TemplateRef: &v1alpha1.ObjectRef{Name: "latency", Namespace: "metrics"}, ThresholdRange: &v1alpha1.ThresholdRange{Max: ptr.To(50.0)}}}
		},
		acts: []act{{immediately, setting("v2")}, {func(w *world) bool { return w.state.Phase == v1alpha1.PhaseWaiting }, func(w *world) {
			w.tell("user makes the MetricTemplate")
			w.templates = map[types.NamespacedName]observed.Template{{Namespace: "metrics", Name: "latency"}: {Query: "up"}}
		}}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
}

func TestHooksAreSentWhatFlaggerSends(t *testing.T) {
	w := play(t, stories["a hook is told of every event"], nil)
	w.policy.Hooks[0].Metadata = map[string]string{"team": "shop", "eventMessage": "mine"}
	w.set("v3")
	w.behaviours["v3"] = good
	p := planFor(w.policy, w.state, w.observe())
	if len(p.Tells) == 0 {
		t.Fatal("nothing is told")
	}
	want := plan.HookPayload{Name: "podinfo", Namespace: "test", Phase: v1alpha1.PhaseProgressing, Checksum: "v3-0-2026-01-01T12:00:24.9Z", Metadata: map[string]string{
		"team": "shop", "eventMessage": p.Events[0].Message, "eventType": "Normal", "timestamp": fmt.Sprint(w.now.UnixMilli()),
	}}
	if diff := cmp.Diff(want, p.Tells[0].Payload); diff != "" {
		t.Error(diff)
	}
}
