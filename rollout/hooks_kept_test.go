package rollout

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config/policy"
	"sluice.dev/sluice/rollout/observed"
)

const secret = "s3cret"

// secretHook is a hook of the cluster's default policy with a secret in every field that can hold one.
func secretHook(kind v1alpha1.HookType) v1alpha1.Webhook {
	return v1alpha1.Webhook{Name: "gate", Type: kind, URL: "https://otto:s3cret@gate.test/s3cret?token=s3cret", Metadata: map[string]string{"token": secret}}
}

func withHooks(hooks ...v1alpha1.Webhook) policy.Present {
	spec := every(30e9)
	spec.Analysis.Webhooks = hooks
	return policy.PresentOf("demo", nil, policy.Policies{Default: ofCluster("default", spec)})
}

func TestNoSecretOfAHookIsInAPlanOrStatus(t *testing.T) {
	present := withHooks(secretHook(v1alpha1.HookEvent))
	o := complete()
	o.Policy = present.Status
	for _, state := range []observed.State{
		{Phase: v1alpha1.PhaseInitialized},
		{Phase: v1alpha1.PhaseProgressing, Candidate: v1alpha1.CandidateStatus{Hash: o.Candidate.Hash}, Policy: present.Status},
		{Phase: v1alpha1.PhaseProgressing, Candidate: v1alpha1.CandidateStatus{Hash: o.Candidate.Hash}, Policy: &v1alpha1.PolicyStatus{Spec: v1alpha1.PolicySpec{ // of an earlier release
			Analysis: &v1alpha1.AnalysisSpec{Webhooks: []v1alpha1.Webhook{secretHook(v1alpha1.HookEvent)}}}}},
	} {
		plan := planFor(present.Policy, state, o)
		if shown := plan.Next.Policy; shown == nil || shown.Spec.Analysis.Webhooks[0].URL != "https://gate.test/" {
			t.Errorf("%s: the status shows %+v", state.Phase, shown)
		}
		for what, text := range map[string]string{"status": cmp.Diff(observed.State{}, plan.Next), "plan": plan.String(), "events": fmt.Sprint(plan.Events)} {
			if strings.Contains(text, secret) {
				t.Errorf("%s: the %s has the secret: %s", state.Phase, what, text)
			}
		}
		if len(plan.Events) == 0 || len(plan.Tells) != len(plan.Events) || plan.Tells[0].Hook.URL != secretHook("").URL || plan.Tells[0].Payload.Metadata["token"] != secret {
			t.Errorf("%s: the hook is told %+v", state.Phase, plan.Tells)
		}
		advice := meta.FindStatusCondition(plan.Next.Conditions, v1alpha1.ConditionPolicyFollowed)
		if advice == nil || !strings.HasPrefix(advice.Message, `hook "gate": its URL contains a user or a password`) {
			t.Errorf("%s: nothing is advised: %+v", state.Phase, advice)
		}
	}
}

func TestAHookIsAskedWhereThePresentPolicySays(t *testing.T) {
	began := withHooks(secretHook(v1alpha1.HookRollout))
	running := observed.State{Phase: v1alpha1.PhaseProgressing, Candidate: v1alpha1.CandidateStatus{Hash: "c"}, Policy: began.Status}
	moved := v1alpha1.Webhook{Name: "gate", Type: v1alpha1.HookRollback, URL: "https://new.test/", Metadata: map[string]string{"team": "shop"}, DisableTLS: ptr.To(true), Retries: ptr.To[int32](9)}
	for name, c := range map[string]struct {
		present       policy.Present
		url, metadata string
		gone          bool
	}{
		"as it began":                       {present: began, url: secretHook("").URL, metadata: secret},
		"a hook that goes elsewhere now":    {present: withHooks(moved), url: moved.URL},
		"a hook that is there no more":      {present: withHooks(), gone: true},
		"a policy that cannot be used":      {present: policy.Present{Problem: "broken"}, gone: true},
		"a hook that has come is not asked": {present: withHooks(secretHook(""), v1alpha1.Webhook{Name: "more", URL: "https://more.test/"}), url: secretHook("").URL, metadata: secret},
	} {
		t.Run(name, func(t *testing.T) {
			hooks := tickWith(running, c.present).policy.Hooks
			if len(hooks) != 1 || hooks[0].Type != v1alpha1.HookRollout || hooks[0].Retries != nil {
				t.Fatalf("the rollout has %+v: it must keep the hook with its type", hooks)
			}
			if hooks[0].URL != c.url || hooks[0].Metadata["token"] != c.metadata || isGone(hooks[0]) != c.gone {
				t.Errorf("it asks %+v", hooks[0])
			}
		})
	}
}

func TestAHookThatIsGoneHoldsAndEndsNothing(t *testing.T) {
	for name, kind := range map[string]v1alpha1.HookType{
		"of each step": v1alpha1.HookRollout, "before the first request": v1alpha1.HookPreRollout, "before a weight": v1alpha1.HookConfirmTrafficIncrease,
		"before promotion": v1alpha1.HookConfirmPromotion,
	} {
		t.Run(name, func(t *testing.T) {
			o := complete()
			long := stampOf(o.Now.Add(-1e6 * 1e9))
			state := observed.State{Phase: v1alpha1.PhaseProgressing, Candidate: v1alpha1.CandidateStatus{Hash: o.Candidate.Hash, Attempt: o.Candidate.Attempt},
				Policy: withHooks(secretHook(kind)).Status, Gate: &v1alpha1.GateStatus{Type: kind, Since: *long}}
			state.Rollout = &v1alpha1.RolloutStatus{WaitingSince: long, Canary: v1alpha1.CanaryRun{Ready: long, TrafficStarted: long}, Step: v1alpha1.StepStatus{InEffect: long}}
			state.Hooks = []v1alpha1.HookStatus{{Name: "gate", Type: kind, Message: "no", Answered: *long}}
			t2 := tickWith(state, withHooks())
			if due := hooksDue(t2.policy, state, t2.o); len(due) > 0 {
				t.Errorf("it is asked: %+v", due)
			}
			const want = "cannot be called, because it was removed from the policy after this rollout started: put it back, or abort the rollout"
			if why := t2.hooksFailing(kind); !strings.Contains(why, want) {
				t.Errorf("a step is held with %q", why)
			}
			if why := t2.closedBy(kind); !strings.Contains(why, want) {
				t.Errorf("a gate is held with %q", why)
			}
			waitForHooks(t2, kind, "held")
			wakeForHooks(t2, kind, t2.policy.Interval)
			if t2.plan.Next.Candidate.Outcome != "" || t2.plan.Next.Open().WaitingSince != nil || t2.plan.Wait != t2.policy.Interval {
				t.Errorf("it does not wait: %s after %s", t2.plan, t2.plan.Wait)
			}
		})
	}
}
