package rollout_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config/policy"
	"sluice.dev/sluice/rollout"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
	"sluice.dev/sluice/rollout/target"
)

// scene is a world in which fields of a policy matter.
type scene struct {
	story
	// looks change what a single tick observes. Without them, the story is played to its end.
	looks []func(*observed.World)
	// below is the policy for every Deployment, below the one that is played; nil if that is played for every Deployment.
	below *v1alpha1.PolicySpec
}

// trace is what comes of a policy in a scene.
type trace struct {
	// acts is everything that has an effect: objects, rules of routes, queries, calls, events, requests to admission, verdicts. The
	// policy in the status is no part of it.
	acts []string
	// told is what the condition PolicyFollowed says.
	told string
}

func (a trace) differs(b trace) bool { return !slices.Equal(a.acts, b.acts) }

// of plays a policy. It returns false if the policy cannot be used.
func (s scene) of(t *testing.T, spec v1alpha1.ClusterPolicySpec) (trace, bool) {
	policies := policy.Policies{Default: &v1alpha1.ClusterCanaryPolicy{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.DefaultPolicyName}, Spec: spec}}
	if s.below != nil {
		policies.Named = &v1alpha1.CanaryPolicy{ObjectMeta: metav1.ObjectMeta{Name: "standard"}, Spec: spec.PolicySpec}
		policies.Default.Spec.PolicySpec = *s.below
	}
	present := policy.PresentOf("test", withCanary(s.annotations), policies)
	if present.Problem != "" {
		return trace{}, false
	}
	var seen trace
	played := s.story
	played.prepare = func(w *world) {
		w.policy, w.present = present.Policy, present.Status
		w.seen = func(o observed.World, f rollout.Facts, p plan.Plan) { seen.add(t, o, f, p) }
		if s.prepare != nil {
			s.prepare(w)
		}
	}
	if len(s.looks) == 0 {
		play(t, played, nil)
		return seen, true
	}
	w := newWorld(t, played)
	played.prepare(w)
	for _, look := range s.looks {
		o := w.look()
		look(&o)
		facts := factsFor(w.policy, w.state, o)
		seen.add(t, o, facts, rollout.Decide(facts))
	}
	return seen, true
}

// add notes one tick, unless it is like the one before.
func (a *trace) add(t *testing.T, o observed.World, f rollout.Facts, p plan.Plan) {
	var lines []string
	note := func(what string, value any) {
		content, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, what+" "+string(content))
	}
	needs := f.Needs()
	note("queries", needs.Queries)
	if needs.Counters != nil {
		note("pairs", needs.Counters.Pairs)
	}
	note("hooks", heard(needs.Hooks))
	note("tells", heard(p.Tells))
	note("generate", p.Generate)
	note("ask", p.Ask.String())
	note("grant", p.Canary.Grant)
	note("wait", p.Wait.String())
	if p.Canary.Action == plan.CanaryEnsure || p.Canary.Action == plan.CanaryScale {
		objects, err := target.CanaryObjects(o, p.Canary, metav1.OwnerReference{})
		note("objects", objects)
		note("no objects", fmt.Sprint(err))
	}
	for _, r := range o.Routes {
		rendered, err := p.On(r, o.Key())
		note("route "+r.Name, rendered.Rules)
		note("no route", fmt.Sprint(err))
	}
	for _, event := range p.Events {
		if event.Reason != "PolicyAdvice" {
			note("event", event)
		}
	}
	note("phase", p.Next.Phase)
	note("failed", p.Next.FailedChecks)
	for _, check := range p.Next.Checks {
		note("check "+check.Name, check.Verdict)
	}
	for _, condition := range p.Next.Conditions {
		if condition.Type == v1alpha1.ConditionReady || condition.Type == v1alpha1.ConditionServed {
			note(condition.Type, condition.Message)
		}
	}
	if followed := meta.FindStatusCondition(p.Next.Conditions, v1alpha1.ConditionPolicyFollowed); followed != nil {
		a.told = followed.Message
	}
	if tick := strings.Join(lines, "\n"); len(a.acts) == 0 || a.acts[len(a.acts)-1] != tick {
		a.acts = append(a.acts, tick)
	}
}

// heard are calls without what their sender does not look at.
func heard(calls []plan.HookCall) []plan.HookCall {
	calls = slices.Clone(calls)
	for i := range calls {
		calls[i].Hook.MuteAlert = nil
	}
	return calls
}
