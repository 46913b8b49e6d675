package rollout

import (
	"fmt"
	"slices"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/strategy"
)

// startCanary makes the canary ready and known at the gateway, lets it warm up and takes the first step.
func startCanary(t *tick) {
	next := &t.plan.Next
	withdrawSplit(t)
	next.CanaryWeight = 0
	noteHistory(t)
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
	if awaitControl(t, replicas) {
		takeRequests(t)
	}
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
	if t.isForgotten() {
		next.Rollout.Canary.Known = nil
	}
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
	if !getReady(t) {
		return
	}
	if next.Paused != nil {
		waitFor(t, "The canary is ready for its first step")
		return
	}
	takeFirstStep(t)
}

// getReady does what comes before the first request, and returns whether all of it is done.
func getReady(t *tick) (done bool) {
	return letGatewayLearn(t) && warmUp(t) && awaitHistory(t) && startGuard(t)
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
	if why, until := t.guestLearns(); why != "" {
		t.plan.Next.Rollout.Canary.Known, t.plan.Next.Rollout.WaitingSince = nil, nil
		say(t, fmt.Sprintf("The canary is ready; waiting for a gateway of another namespace's route to know it, until %s at the latest: %s", events.ClockTime(until), why))
		wakeIn(t, until.Sub(t.o.Now))
		return false
	}
	return letSettle(t, &t.plan.Next.Rollout.Canary.Known, "The canary is ready and the gateway knows it; waiting for that to settle")
}

// isForgotten reports whether a gateway has known the canary and may know it no more: it refuses a deciding route, or somebody has
// taken the canary's name out of one. Matched requests must not stay there, and no weight may follow, until it has learned anew.
func (t tick) isForgotten() bool {
	if t.plan.Next.Rollout.Canary.Known == nil || strategy.WithoutTraffic(t.policy) || t.o.DryRun {
		return false
	}
	unnamed := func(r route.Route) bool { return t.isUndercut(r, route.Split{}) }
	return t.rejected() != "" || slices.ContainsFunc(t.target.Deciding(), unnamed)
}

// guestLimit is how long a ready canary waits at most for the gateways of guests to know it. The progress deadline does not count
// meanwhile: a guest holds no rollout, and fails none.
const guestLimit = cleanUpLimit

// guestLearns says which guest's gateway does not know the canary yet, and until when that is worth waiting for; empty if all do or
// the time is over.
func (t tick) guestLearns() (why string, until time.Time) {
	until = t.plan.Next.Rollout.Canary.Ready.Add(guestLimit)
	if !t.o.Now.Before(until) || t.o.DryRun {
		return "", until
	}
	split := t.split()
	unknowing := t.unknowing(split)
	if len(unknowing) == 0 {
		return "", until
	}
	first := unknowing[0]
	return fmt.Sprintf("%s: %s", first.Key().From(t.o.Namespace), route.StatusOf(first, split.Naming()).Reason), until
}

// unknowing are the guests whose gateways have not confirmed that they know the canary. They get no requests for it: a gateway
// that learns of a weight before it knows the pods answers with errors.
func (f Facts) unknowing(split route.Split) []route.Route {
	return slices.DeleteFunc(f.target.Guests(), func(r route.Route) bool {
		return f.exposes(r) || route.StatusOf(r, split.Naming()).InEffect
	})
}

// exposes reports whether a route already sends requests to the canary.
func (f Facts) exposes(r route.Route) bool {
	return slices.ContainsFunc(f.splits, func(s observed.Split) bool {
		return s.Key == r.Key() && (s.Split.Weight > 0 || s.Split.Mirror > 0 || len(s.Split.Match) > 0)
	})
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
