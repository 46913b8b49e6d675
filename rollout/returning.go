package rollout

import (
	"fmt"
	"math"
	"slices"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
)

// returned gives requests back to a primary that is ready with the candidate: in each interval as many percent as the
// policy says, and all at once where it says nothing or the canary has lost replicas. It reports true once the rest can go
// back.
func (t *tick) returned() bool {
	next := &t.plan.Next
	if t.policy.StepWeightPromotion < finest || next.CanaryWeight == 0 || t.lost() != "" {
		return true
	}
	// No deadline runs: the primary has the candidate, and whatever keeps the gateway keeps all requests served.
	next.WaitingSince = nil
	if next.StepStarted == nil {
		if why := t.notInEffect(); why != "" {
			t.say(fmt.Sprintf("The primary is ready; canary weight %v%% is being put into effect: %s", next.CanaryWeight, why))
			return false
		}
		next.StepStarted = t.stamp()
	}
	ends := next.StepStarted.Add(max(t.policy.Interval, analysis.Settle))
	where := fmt.Sprintf("The primary is ready and takes its requests back, the canary still has weight %v%%", next.CanaryWeight)
	switch remaining := hundredths(next.CanaryWeight - t.policy.StepWeightPromotion); {
	case next.Paused != "":
		t.say(where + ": " + next.Paused)
	case t.o.Now.Before(ends):
		t.say(fmt.Sprintf("%s until %s", where, clockTime(ends)))
		t.wakeIn(ends.Sub(t.o.Now))
	case remaining <= 0:
		return true
	default:
		t.event(weightReturned(remaining))
		given := next.CanaryReplicas
		t.giveWeight(remaining)
		// A smaller weight needs no more of the canary than it has, however much the primary was scaled up meanwhile.
		next.CanaryReplicas = min(given, next.CanaryReplicas)
		next.StepStarted, next.WaitingSince = nil, nil
		t.say(fmt.Sprintf("The primary is ready; canary weight %v%% is being put into effect", remaining))
	}
	return false
}

// boundReturn lets no more requests go back to the primary than its available replicas bear, whatever has decided that they
// go back.
func (t *tick) boundReturn() {
	written := t.writtenWeight()
	wanted, stated := t.wantedWeight()
	losesTesters := t.losesTesters()
	if !stated || wanted >= written && !losesTesters || t.returnsAtOnce(written) {
		return
	}
	bounded := max(wanted, written)
	if wanted < written {
		bounded = min(written, max(wanted, fullWeight-math.Floor(t.bearable(fullWeight-written))))
	}
	if bounded == wanted && !losesTesters {
		return
	}
	t.tellReturned(written, bounded)
	t.plan.Split = t.writtenSplit(bounded)
	next := &t.plan.Next
	if next.Phase != v1alpha1.PhaseProgressing || next.Step == 0 {
		next.CanaryWeight = bounded
	}
	t.plan.Finalizer = true
	t.plan.Copy = t.keptCopy()
	if t.o.Primary.Status.AvailableReplicas == 0 {
		t.say("Keeping the canary's requests where they are: " + t.unavailable())
		return
	}
	t.say(fmt.Sprintf("Giving the primary its requests back as it can take them: it has %g%%, with %d of %d replicas available",
		fullWeight-bounded, t.o.Primary.Status.AvailableReplicas, t.whole()))
}

// tellReturned corrects what was to be told of a weight that falls by less, or not at all.
func (t *tick) tellReturned(written, bounded float64) {
	told := len(t.plan.Events)
	t.plan.Events = slices.DeleteFunc(t.plan.Events, func(e Event) bool { return e.Reason == weightReturned(bounded).Reason })
	if len(t.plan.Events) < told && bounded < written {
		t.event(weightReturned(bounded))
	}
}

// unavailable tells how to go on with a primary that has no available replica: nobody but the canary can answer.
func (t *tick) unavailable() string {
	if workload.Replicas(t.o.Primary) == 0 {
		return fmt.Sprintf("the primary is scaled to 0; kubectl scale deployment %s --replicas=N goes on, or, to take the canary away "+
			"although nothing else answers, kubectl delete canaries.sluice.dev %s", t.o.Name, t.o.Name)
	}
	return fmt.Sprintf("the primary has no available replica; make its pods ready (kubectl describe deployment %s), or apply a template "+
		"that gets ready, which rolls out directly; to take the canary away although nothing else answers: kubectl delete canaries.sluice.dev %s", t.o.Name, t.o.Name)
}

// losesTesters reports whether the plan sends matched requests back to a primary that has no available replica.
func (t *tick) losesTesters() bool {
	if t.o.Primary == nil || t.o.Primary.Status.AvailableReplicas > 0 || t.plan.Split.Action == SplitLeave || len(t.plan.Split.Split.Match) > 0 {
		return false
	}
	return slices.ContainsFunc(t.o.splitRoutes(), func(r route.Route) bool { return len(route.SplitFor(r, t.o.Key()).Match) > 0 })
}
