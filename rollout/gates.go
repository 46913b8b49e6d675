package rollout

import (
	"fmt"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/observed"
)

// waitAtGate waits for the hooks of a gate. The progress deadline does not count meanwhile.
func waitAtGate(t *tick, gate v1alpha1.HookType, why string) {
	stopAt(t, gate)
	t.plan.Next.Rollout.WaitingSince = nil
	say(t, why)
}

// stopAt records the gate and wakes for its hooks, which are asked from the next tick on.
func stopAt(t *tick, gate v1alpha1.HookType) {
	next := &t.plan.Next
	next.Gate = &v1alpha1.GateStatus{Type: gate, Since: *t.stamp()}
	if before := t.before.Gate; before != nil && before.Type == gate && next.Open().Step.Number == t.before.Open().Step.Number && observed.IDOf(*next).Is(observed.IDOf(t.before)) {
		next.Gate.Since = before.Since
	} else {
		emit(t, events.GateReached(gate, hooksOf(t.policy, gate)))
		wakeIn(t, time.Millisecond)
	}
	wakeForHooks(t, gate, t.policy.Interval)
	wakeForHooks(t, v1alpha1.HookRollback, t.policy.LookPeriod())
}

// closedBy says which hook of a gate has not approved at this step; empty when the gate is open.
func (t tick) closedBy(gate v1alpha1.HookType) string {
	return t.closedIn(t.plan.Next, gate)
}

func (f Facts) closedIn(state observed.State, gate v1alpha1.HookType) string {
	for _, hook := range hooksOf(f.policy, gate) {
		switch answer := answerOf(state, hook); {
		case isGone(hook) && (answer == nil || !answer.Yes):
			return saysGone(hook)
		case answer == nil:
			return fmt.Sprintf("Waiting for hook %s (%s) to answer", hook.Name, gate)
		case !answer.Yes:
			return fmt.Sprintf("Waiting for hook %s (%s) to approve; it has refused since %s: %s",
				hook.Name, gate, answer.Since.UTC().Format(time.RFC3339), answer.Message)
		}
	}
	return ""
}

// runTests asks hooks to test the canary before its first requests, and returns whether all pass. Each refusal is a failed
// check. It waits for the settle time first: nodes refuse connections to a Service until they know its endpoints.
func runTests(t *tick) (passed bool) {
	next := &t.plan.Next
	countNos(t, v1alpha1.HookPreRollout)
	why := t.closedBy(v1alpha1.HookPreRollout)
	if why == "" {
		return true
	}
	if next.FailedChecks >= t.policy.Threshold {
		rollBack(t, fmt.Sprintf("%d failed checks: %s", next.FailedChecks, t.hooksFailing(v1alpha1.HookPreRollout)))
		return false
	}
	if left := next.Rollout.Canary.Ready.Add(analysis.Settle).Sub(t.o.Now); left > 0 {
		waitFor(t, "The canary is ready; its tests start once every node knows its Service")
		wakeIn(t, left)
		return false
	}
	stopAt(t, v1alpha1.HookPreRollout)
	waitForHooks(t, v1alpha1.HookPreRollout, why)
	return false
}

// waitForConfirmation waits for a hook to confirm the promotion. Checks continue meanwhile.
func waitForConfirmation(t *tick, why string) {
	waitAtGate(t, v1alpha1.HookConfirmPromotion, why)
	t.plan.Next.Phase = v1alpha1.PhaseWaitingPromotion
	wakeForChecks(t)
}
