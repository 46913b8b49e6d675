package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
)

// hooksOf returns the hooks of a type, in the order of the policy.
func hooksOf(policy config.Policy, kind v1alpha1.HookType) []v1alpha1.Webhook {
	var found []v1alpha1.Webhook
	for _, hook := range policy.Hooks {
		if hook.Type == kind {
			found = append(found, hook)
		}
	}
	return found
}

// isGone reports whether the hook cannot be called because the present policy no longer has it.
func isGone(hook v1alpha1.Webhook) bool { return hook.URL == "" }

func saysGone(hook v1alpha1.Webhook) string {
	return fmt.Sprintf("hook %s (%s) cannot be called, because it was removed from the policy after this rollout started: put it back, or abort the rollout", hook.Name, hook.Type)
}

// toldOf returns the hooks of a type that can be notified.
func toldOf(policy config.Policy, kind v1alpha1.HookType) []v1alpha1.Webhook {
	return slices.DeleteFunc(hooksOf(policy, kind), isGone)
}

// waitForHooks is waitFor for hooks that must approve. The progress deadline does not count while one of them cannot be
// asked, because a policy that is deleted or broken must not end the rollout.
func waitForHooks(t *tick, kind v1alpha1.HookType, what string) {
	if !slices.ContainsFunc(hooksOf(t.policy, kind), isGone) {
		waitFor(t, what)
		return
	}
	t.plan.Next.Rollout.WaitingSince = nil
	say(t, what)
}

// hooksDue returns the hooks to call now: those of the gate that the rollout has reached, those that can roll back while a
// candidate is in flight, and those of each round of checks.
func hooksDue(policy config.Policy, state observed.State, o observed.World) []plan.HookCall {
	if !undecidedOf(state, o) {
		return nil
	}
	var due []plan.HookCall
	add := func(kind v1alpha1.HookType, period time.Duration) {
		for _, hook := range hooksOf(policy, kind) {
			if last := answerOf(state, hook); !isGone(hook) && (last == nil || !passedGate(last) && !o.Now.Before(last.Answered.Add(period))) {
				due = append(due, callOf(hook, state, o, last))
			}
		}
	}
	if state.Gate != nil {
		add(state.Gate.Type, policy.Interval)
	}
	if observed.Judging(state) || state.Gate != nil {
		add(v1alpha1.HookRollback, policy.LookPeriod())
	}
	if observed.Checked(state) {
		add(v1alpha1.HookRollout, policy.Interval)
	}
	return due
}

// undecidedOf reports whether the state describes the candidate in flight, which is being judged or waits to start.
func undecidedOf(state observed.State, o observed.World) bool {
	candidate := o.InFlight()
	return candidate != nil && observed.Describes(state, candidate) && state.Candidate.Outcome == "" &&
		(observed.Judging(state) || state.Phase == v1alpha1.PhaseWaiting)
}

// answerOf is the last answer of a hook at the present step; nil when there is none.
func answerOf(state observed.State, hook v1alpha1.Webhook) *v1alpha1.HookStatus {
	for i := range state.Hooks {
		if last := &state.Hooks[i]; last.Name == hook.Name && last.Type == hook.Type && last.Step == state.Open().Step.Number {
			return last
		}
	}
	return nil
}

// passedGate reports whether the answer has opened a gate. The hook is then not asked again at this step.
func passedGate(last *v1alpha1.HookStatus) bool {
	return last.Yes && last.Type != v1alpha1.HookRollout && last.Type != v1alpha1.HookRollback
}

func callOf(hook v1alpha1.Webhook, state observed.State, o observed.World, last *v1alpha1.HookStatus) plan.HookCall {
	question := fmt.Sprintf("%s %s step %d", checksum(state), hook.Type, state.Open().Step.Number)
	if last != nil {
		question += " after " + last.Answered.UTC().Format(time.RFC3339Nano)
	}
	return plan.HookCall{Hook: hook, Question: question, Payload: plan.HookPayload{
		Name: o.Name, Namespace: o.Namespace, Phase: state.Phase, Checksum: checksum(state), Metadata: hook.Metadata,
	}}
}

// checksum identifies one attempt of one candidate: its ID as one word.
func checksum(state observed.State) string {
	return strings.ReplaceAll(observed.IDOf(state).String(), " ", "-")
}

// noticeAnswers keeps the answers that this tick has observed. They belong to the state that the tick began with. The phase
// sets the gate again if the rollout is still at it.
func noticeAnswers(t *tick) {
	next := &t.plan.Next
	next.Gate = nil
	for _, answer := range t.o.HookAnswers {
		for _, hook := range t.policy.Hooks {
			if hook.Name == answer.Name {
				next.Hooks = withAnswer(next.Hooks, hook, answer, next.Open().Step.Number, *t.stamp())
			}
		}
	}
}

// withAnswer replaces the last answer of a hook.
func withAnswer(hooks []v1alpha1.HookStatus, hook v1alpha1.Webhook, answer observed.HookAnswer, step int32, now metav1.MicroTime) []v1alpha1.HookStatus {
	status := v1alpha1.HookStatus{Name: hook.Name, Type: hook.Type, Step: step, Yes: answer.Yes, Answered: now, Since: now}
	if !answer.Yes {
		status.Message = answer.Message
	}
	for i, last := range hooks {
		if last.Name != hook.Name {
			continue
		}
		if last.Type == status.Type && last.Step == step && last.Yes == answer.Yes {
			status.Since = last.Since
		}
		hooks[i] = status
		return hooks
	}
	return append(hooks, status)
}

// isNew reports whether this tick observed the answer.
func (f Facts) isNew(answer *v1alpha1.HookStatus) bool {
	return answer != nil && answer.Answered.Time.Equal(f.stamp().Time)
}

// countNos counts each new refusal by a hook of a type as a failed check.
func countNos(t *tick, kind v1alpha1.HookType) {
	next := &t.plan.Next
	for _, hook := range hooksOf(t.policy, kind) {
		if answer := answerOf(*next, hook); t.isNew(answer) && !answer.Yes {
			next.FailedChecks++
			emit(t, events.CheckFailed(saysNo(*answer), events.OfThreshold(next.FailedChecks, t.policy.Threshold)))
		}
	}
}

func saysNo(answer v1alpha1.HookStatus) string {
	return fmt.Sprintf("hook %s (%s) refused: %s", answer.Name, answer.Type, answer.Message)
}

// hooksFailing says which hook of a type does not approve; empty when all do.
func (t tick) hooksFailing(kind v1alpha1.HookType) string {
	for _, hook := range hooksOf(t.policy, kind) {
		switch answer := answerOf(t.plan.Next, hook); {
		case isGone(hook) && (answer == nil || !answer.Yes):
			return saysGone(hook)
		case answer == nil:
			return fmt.Sprintf("hook %s (%s) has not answered yet", hook.Name, kind)
		case !answer.Yes:
			return saysNo(*answer)
		}
	}
	return ""
}

// wakeForHooks asks for a tick when a hook of a type is due again. An answer wakes a tick itself, but a tick that still
// waits for one looks again after the period.
func wakeForHooks(t *tick, kind v1alpha1.HookType, period time.Duration) {
	for _, hook := range hooksOf(t.policy, kind) {
		switch answer := answerOf(t.plan.Next, hook); {
		case answer == nil || isGone(hook):
			wakeIn(t, period)
		case !passedGate(answer):
			wakeIn(t, answer.Answered.Add(period).Sub(t.o.Now))
		}
	}
}

// isToldToRollBack reports whether a hook has just asked to roll back the candidate that is being judged.
func (t tick) isToldToRollBack() bool {
	return t.undecided() && t.rollbackHook() != ""
}

func rollBackByHook(t *tick) {
	rollBack(t, fmt.Sprintf("hook %s requested a rollback", t.rollbackHook()))
}

// rollbackHook is the name of a hook that has just asked for a rollback; empty when none has.
func (t tick) rollbackHook() string {
	for _, hook := range hooksOf(t.policy, v1alpha1.HookRollback) {
		if answer := answerOf(t.plan.Next, hook); t.isNew(answer) && answer.Yes {
			return hook.Name
		}
	}
	return ""
}
