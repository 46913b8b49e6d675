package rollout

import (
	"math"

	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/strategy"
)

// keepShare keeps the canary's weight while the primary's pods are replaced. What the canary loses takes the weight down at once,
// and it does not rise again: the primary is about to get all requests anyway.
func keepShare(t *tick) {
	keepToRoutes(t)
	if t.plan.Next.CanaryWeight == 0 && len(t.splits) == 0 {
		withdrawSplit(t)
		return
	}
	writeSplit(t)
	if why := t.lost(); why != "" && !strategy.WithoutTraffic(t.policy) {
		lowerShare(t, why)
	}
}

// keepToRoutes lowers the weight to what each deciding route carries. A weight that a crash or another writer has lowered must not
// come back at once: nobody knows whether the gateway still knows the canary. It comes back if the primary cannot answer.
func keepToRoutes(t *tick) {
	if t.servingPrimaryPods() == 0 {
		return
	}
	next, split := &t.plan.Next, t.split()
	for _, r := range t.target.Deciding() {
		if t.isUndercut(r, split) {
			next.CanaryWeight = min(next.CanaryWeight, t.weightOn(r))
		}
	}
}

// lowerShare lowers the weight of a canary that has lost something to what it can still serve.
func lowerShare(t *tick, why string) {
	next, left := &t.plan.Next, t.shareLeft()
	if left > 0 && left == next.CanaryWeight {
		return
	}
	if t.loses = t.o.Primary.Status.AvailableReplicas > 0; !t.loses {
		return
	}
	if !t.isEdited() {
		emit(t, events.CanaryLost(why, left))
	}
	if left > 0 {
		giveWeight(t, left, t.servingCanaryPods())
		return
	}
	next.CanaryWeight = 0
	withdrawSplit(t)
}

// shareLeft is the weight of a canary that has lost something. It goes by who can serve more requests:
//   - a canary of which nothing serves gets none if the primary has pods to serve them,
//   - a primary that serves nobody leaves the canary its weight, because what is left of the canary is all that answers,
//   - a primary that bears all requests gets all,
//   - otherwise a pod of the canary keeps the share that it had, or gets as much as a pod of the primary if that is more.
//
// A canary that a gateway does not find serves nothing.
func (t tick) shareLeft() float64 {
	weight, canary, primary := t.plan.Next.CanaryWeight, t.servingCanaryPods(), t.servingPrimaryPods()
	isGone := canary == 0 || t.rejected() != ""
	switch {
	case primary == 0 && (!isGone || workload.LosesAllAtOnce(t.o.Primary)):
		return weight
	case isGone || t.covers(primary):
		return 0
	}
	planned := weight * float64(canary) / float64(t.neededCanaryPods())
	even := fullWeight * float64(canary) / float64(canary+primary)
	return min(weight, math.Floor(max(planned, even)))
}

// servingPrimaryPods is how many pods of the primary answer requests for certain. Of a primary that loses all its pods at once,
// only updated ones count. The same is true while the canary has all requests: pods with the previous template may get none, if
// their Service was changed together with the template.
func (t tick) servingPrimaryPods() int32 {
	primary := t.o.Primary
	switch {
	case t.target.Unreachable:
		return 0
	case !workload.LosesAllAtOnce(primary) && t.plan.Next.CanaryWeight < fullWeight:
		return primary.Status.AvailableReplicas
	case primary.Status.ObservedGeneration < primary.Generation:
		return 0
	}
	return max(0, primary.Status.AvailableReplicas-(primary.Status.Replicas-primary.Status.UpdatedReplicas))
}
