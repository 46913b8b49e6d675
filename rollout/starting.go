package rollout

import (
	"fmt"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
)

// startCanary makes the canary ready and known at the gateway, lets it warm up, and takes the first step.
func startCanary(t *tick) {
	next := &t.plan.Next
	t.plan.Split = SplitIntent{Action: SplitRemove}
	next.CanaryWeight = 0
	replicas := t.ensureCopy(shareOf(t.steps[0]))
	if why := t.copyNotReady(replicas); why != "" {
		next.StepStarted, next.CanaryReady = nil, nil
		t.waitFor("Waiting for the canary to be ready: " + why)
		return
	}
	if next.CanaryReady == nil {
		next.CanaryReady = t.stamp()
	}
	if why := t.skipsAnalysis(); why != "" && next.Paused == "" {
		next.CanaryReplicas = replicas
		t.promoteUnjudged(why)
		return
	}
	takeRequests(t)
}

// promoteUnjudged promotes a canary that is ready and has had no requests.
func (t *tick) promoteUnjudged(why string) {
	if t.promotesAlone() {
		return
	}
	t.event(canaryReady(t.o.Copy.Status.AvailableReplicas))
	t.promote(analysisSkipped(t.plan.Next.Candidate, why), unjudged+why)
}

// takeRequests takes a canary that is ready to its first step.
func takeRequests(t *tick) {
	next := &t.plan.Next
	switch {
	case next.Paused != "" && !t.known():
		next.StepStarted = nil
		t.waitFor("The canary is ready and gets no requests yet")
	case t.testsFail() || t.waitsAt(v1alpha1.HookConfirmTrafficIncrease):
		next.StepStarted = nil
	case !t.knownAtGateway() || !t.warmedUp():
	case next.Paused != "":
		t.waitFor("The canary is ready for its first step")
	default:
		t.event(canaryReady(t.o.Copy.Status.AvailableReplicas))
		t.enterStep(1)
	}
}

// known reports whether the gateway has known the canary for the settle time. From then on matched requests go to it.
func (t *tick) known() bool {
	next := &t.plan.Next
	return next.Phase == v1alpha1.PhaseProgressing && next.Step == 0 && next.StepStarted != nil &&
		!t.o.Now.Before(next.StepStarted.Add(analysis.Settle))
}

// knownAtGateway first names the canary on the routes without a weight: a gateway that learns of a weight before it has
// learned of the pods answers with errors. It reports true when that is in effect and settled.
func (t *tick) knownAtGateway() bool {
	t.stateSplit()
	if withoutTraffic(t.policy) || t.known() {
		return true
	}
	if why := t.notInEffect(); why != "" {
		t.plan.Next.StepStarted = nil
		t.waitFor("The canary is ready and becomes known at the gateway: " + why)
		return false
	}
	if !t.settled("The canary is ready and known at the gateway; letting that settle") {
		return false
	}
	t.stateSplit()
	return true
}

// warmedUp reports whether the canary has been ready for the delay of the policy. Warming up is no waiting that a deadline
// ends.
func (t *tick) warmedUp() bool {
	ends := t.plan.Next.CanaryReady.Add(t.policy.Delay)
	if !t.o.Now.Before(ends) {
		return true
	}
	t.plan.Next.WaitingSince = nil
	t.say(fmt.Sprintf("The canary is ready and warms up until %s", clockTime(ends)))
	t.wakeIn(ends.Sub(t.o.Now))
	return false
}

// clockTime is a moment of the day, for people.
func clockTime(at time.Time) string {
	return at.UTC().Format(time.TimeOnly)
}
