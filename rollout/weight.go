package rollout

import (
	"cmp"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/strategy"
)

// blockRollout takes the canary's requests away while something that the rollout needs is missing.
func blockRollout(t *tick) {
	if t.plan.Next.Rollout.Step.Number > 0 {
		emit(t, events.NotReady(t.problem))
		leaveStep(t)
	}
	withdrawSplit(t)
	if t.blockedBy() == v1alpha1.BlockedMissing {
		waitFor(t, t.problem)
		return
	}
	t.plan.Next.Rollout.WaitingSince = nil
	say(t, t.problem)
	lookAtMembers(t, t.blockedBy())
}

// blockedBy is the kind of the problem. Only what is missing costs the deadline: a rollout that has a route first ends by itself,
// and a group that cannot step together says nothing about a candidate.
func (f Facts) blockedBy() v1alpha1.BlockedKind {
	return cmp.Or(f.target.Block, v1alpha1.BlockedMissing)
}

// goToStepZero returns to the state before the first step. Failed checks stay counted.
func goToStepZero(t *tick) {
	t.plan.Next = t.toStepZero()
	withdrawSplit(t)
}

// toStepZero is the state before the first step. It keeps everything that does not belong to one run of the canary.
func (t tick) toStepZero() observed.State { return BeforeFirstStep(t.plan.Next, t.stamp()) }

// BeforeFirstStep returns the state of an open rollout as it is before the first step: the canary has no weight, and what was
// written to it stays known. since is when the wait for the canary begins; nil for now.
func BeforeFirstStep(state observed.State, since *metav1.MicroTime) observed.State {
	open := state.Open()
	open.Canary, open.Step, open.Promotion, open.WaitingSince = keptRun(open.Canary), v1alpha1.StepStatus{}, v1alpha1.PromotionStatus{}, since
	state.Phase, state.CanaryWeight, state.Hooks, state.Rollout = v1alpha1.PhaseProgressing, 0, nil, &open
	return state
}

// enterStep gives the canary the weight of a step. The canary has the replicas for it.
func enterStep(t *tick, number int32) {
	next := &t.plan.Next
	next.Rollout.Step, next.Rollout.WaitingSince = v1alpha1.StepStatus{Number: number}, t.stamp()
	step := t.step()
	weight := step.Weight
	if strategy.WithoutTraffic(t.policy) {
		weight = 0
	}
	giveWeight(t, weight, t.replicasFor(strategy.Share(step)))
	say(t, fmt.Sprintf("Step %d of %d: applying %s", number, len(t.steps), t.aim(number)))
	wakeIn(t, t.untilDeadline())
}

// giveWeight gives the canary a weight and records for how many replicas. While the primary changes, the weight can differ
// from that of the step.
func giveWeight(t *tick, weight float64, replicas int32) {
	t.plan.Next.CanaryWeight, t.plan.Next.Rollout.Canary.Replicas = weight, replicas
	writeSplit(t)
}
