package rollout

import (
	"fmt"

	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/plan"
	"sluice.dev/sluice/rollout/strategy"
)

// giveWay gives the canary's place to a primary whose new pods a quota refuses. A quota that has room for a rolling update may
// have none for the canary beside it. The requests return to the primary as its available pods bear them, and the canary shrinks
// with its share, to 0 in the end. It stays there even when another Deployment changes a route that both share. The deadline
// starts anew.
func giveWay(t *tick) {
	next := &t.plan.Next
	if t.o.CanaryDeployment == nil {
		return
	}
	if next.Rollout.Promotion.GivenWay == nil {
		why := t.lacksRoom()
		if why == "" || t.o.Primary.Status.AvailableReplicas == 0 || workload.Replicas(t.o.CanaryDeployment) == 0 {
			return
		}
		next.Rollout.Promotion.GivenWay, next.Rollout.WaitingSince = t.stamp(), t.stamp()
		emit(t, events.CanaryGivesWay(why, !strategy.WithoutTraffic(t.policy)))
	}
	next.CanaryWeight = 0
	withdrawSplit(t)
	ensureCanary(t, t.writtenWeight())
	if t.serves(0) && (workload.Replicas(t.o.CanaryDeployment) == 0 || letSplitSettle(t)) {
		t.plan.Canary.Action, t.plan.Canary.Replicas = plan.CanaryScale, 0
	}
}

// lacksRoom says whose pods a quota refuses; empty when it refuses none. The canary of a member whose primary is complete may
// hold what another member needs.
func (t tick) lacksRoom() string {
	if why := workload.RefusedByQuota(t.o.Primary); why != "" {
		return why
	}
	for _, p := range t.members() {
		if t.isComplete() && p.State.Open().Promotion.GivenWay != nil {
			return fmt.Sprintf("the primary of %s, a member of group %s, needs it", p.Name, t.policy.Group)
		}
	}
	return ""
}
