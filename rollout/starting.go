package rollout

import (
	"fmt"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/strategy"
)

// startCanary makes the canary ready and known at the gateway, lets it warm up and takes the first step.
func startCanary(t *tick) {
	next := &t.plan.Next
	withdrawSplit(t)
	next.CanaryWeight = 0
	replicas := ensureCanary(t, strategy.Share(strategy.At(t.steps, max(1, t.returnsTo()))))
	if why := t.canaryNotReady(replicas); why != "" {
		next.Rollout.Canary.Ready = nil
		waitFor(t, "Waiting for the canary to be ready: "+why)
		return
	}
	if next.Rollout.Canary.Ready == nil {
		next.Rollout.Canary.Ready = t.stamp()
	}
	if why := t.skipsAnalysis(); why != "" && next.Paused == nil {
		next.Rollout.Canary.Replicas = replicas
		promoteUnjudged(t, why)
		return
	}
	takeRequests(t)
}

// promoteUnjudged promotes a ready canary that has had no requests.
func promoteUnjudged(t *tick, why string) {
	if !awaitGroup(t) {
		return
	}
	emit(t, events.CanaryReady(t.o.CanaryDeployment.Status.AvailableReplicas))
	beginPromotion(t, events.AnalysisSkipped(t.plan.Next.Candidate.Hash, why), unjudged+why)
}

// takeRequests takes a ready canary to its first step, or back to the one that was interrupted. It is tested and warms up
// each time. Its requests were approved before.
func takeRequests(t *tick) {
	next := &t.plan.Next
	if next.Paused != nil && !t.isKnown() {
		waitFor(t, "The canary is ready and gets no requests yet")
		return
	}
	if !runTests(t) {
		return
	}
	if why := t.closedBy(v1alpha1.HookConfirmTrafficIncrease); why != "" && t.returnsTo() == 0 {
		waitAtGate(t, v1alpha1.HookConfirmTrafficIncrease, why)
		return
	}
	if !letGatewayLearn(t) || !warmUp(t) {
		return
	}
	if next.Paused != nil {
		waitFor(t, "The canary is ready for its first step")
		return
	}
	takeFirstStep(t)
}

// letGatewayLearn names the canary on the routes before it gets a weight, and returns whether that is in effect and
// settled. A gateway that learns of a weight before it knows the pods answers with errors.
func letGatewayLearn(t *tick) (done bool) {
	stateSplit(t)
	if strategy.WithoutTraffic(t.policy) || t.isKnown() {
		return true
	}
	if why := t.notInEffect(); why != "" {
		t.plan.Next.Rollout.Canary.Known = nil
		waitFor(t, "The canary is ready; waiting until the gateway knows it: "+why)
		return false
	}
	return letSettle(t, &t.plan.Next.Rollout.Canary.Known, "The canary is ready and the gateway knows it; waiting for that to settle")
}

// warmUp waits until the canary has been ready for the delay of the policy, and returns whether it has. The progress
// deadline does not count while it warms up.
func warmUp(t *tick) (done bool) {
	ends := t.plan.Next.Rollout.Canary.Ready.Add(t.policy.Delay)
	if !t.o.Now.Before(ends) {
		return true
	}
	t.plan.Next.Rollout.WaitingSince = nil
	say(t, fmt.Sprintf("The canary is ready and warms up until %s", events.ClockTime(ends)))
	wakeIn(t, ends.Sub(t.o.Now))
	return false
}
