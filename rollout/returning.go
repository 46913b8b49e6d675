package rollout

import (
	"fmt"
	"math"
	"slices"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
	"sluice.dev/sluice/rollout/strategy"
)

// returnRequests returns requests to a primary that is ready with the candidate, in each interval the percentage that the
// policy states. It returns them all at once if the policy states none or the canary has lost replicas. The result says
// whether the rest can go back.
func returnRequests(t *tick) (done bool) {
	next := &t.plan.Next
	if t.policy.StepWeightPromotion < config.Finest || next.CanaryWeight == 0 || t.lost() != "" {
		return true
	}
	// No deadline counts: the primary has the candidate, and while the gateway delays the split, all requests are served.
	next.Rollout.WaitingSince = nil
	if next.Rollout.Promotion.Steady == nil {
		if why := t.notInEffect(); why != "" {
			say(t, fmt.Sprintf("The primary is ready; applying canary weight %v%%: %s", next.CanaryWeight, why))
			return false
		}
		next.Rollout.Promotion.Steady = t.stamp()
	}
	ends := next.Rollout.Promotion.Steady.Add(max(t.policy.Interval, analysis.Settle))
	where := fmt.Sprintf("The primary is ready and its requests return; the canary still has weight %v%%", next.CanaryWeight)
	switch remaining := strategy.Hundredths(next.CanaryWeight - t.policy.StepWeightPromotion); {
	case next.Paused != nil:
		say(t, where+": "+next.Paused.Text)
	case t.o.Now.Before(ends):
		say(t, fmt.Sprintf("%s until %s", where, events.ClockTime(ends)))
		wakeIn(t, ends.Sub(t.o.Now))
	case remaining <= 0:
		return true
	default:
		// A smaller weight needs no more replicas than the canary has, even if the primary was scaled up meanwhile.
		giveWeight(t, remaining, min(next.Rollout.Canary.Replicas, t.replicasFor(remaining)))
		t.returns = true
		say(t, fmt.Sprintf("The primary is ready; applying canary weight %v%%", remaining))
	}
	return false
}

// shareRequests writes the wanted split to the routes. Only here do requests return to the primary: no more than its
// available replicas bear, unless they must return or the primary has taken too long.
func shareRequests(t *tick) {
	t.plan.Split = t.wanted
	switch open := t.plan.Next.Rollout; {
	case open == nil:
	case t.wanted.Action != plan.SplitWrite:
		// A gateway knows the canary only while its routes name it.
		open.Canary.Known = nil
	case t.plan.Next.Phase != v1alpha1.PhaseFinalising:
		open.Cleared = nil
	}
	keeps, weight := false, 0.0
	if t.takesBack() && !t.mustReturn() && !giveUpReturn(t) {
		keeps, weight = holdBack(t)
	}
	t.plan.Split.Naming = nil
	for _, r := range t.unknowing(t.plan.Split.Split) {
		t.plan.Split.Naming = append(t.plan.Split.Naming, r.Key())
	}
	// A primary that cannot take more is steady with what it has: the next part returns as soon as it can.
	if t.returns && (!keeps || weight < t.writtenWeight()) {
		t.plan.Next.Rollout.Promotion.Steady = nil
		emit(t, events.WeightReturned(t.plan.Next.CanaryWeight))
	}
}

// holdBack keeps the canary at the weight that the primary cannot take yet, and wakes when it may take more. It returns
// whether the canary keeps anything.
func holdBack(t *tick) (keeps bool, weight float64) {
	wanted, _ := t.wanted.Weight()
	weight, moreIn := t.keptWeight(wanted)
	if moreIn > 0 {
		wakeIn(t, moreIn)
	}
	if keeps = weight != wanted || t.losesTesters() || t.losesControl(); keeps {
		keepWeight(t, weight)
	}
	return keeps, weight
}

// keepWeight keeps the canary at a weight, on the routes as they are.
func keepWeight(t *tick, weight float64) {
	t.plan.Split = t.writtenSplit(weight)
	next := &t.plan.Next
	if next.Phase != v1alpha1.PhaseProgressing || next.Rollout.Step.Number == 0 {
		next.CanaryWeight = weight
	}
	if t.o.Primary.Status.AvailableReplicas == 0 {
		say(t, "The canary keeps its requests: "+t.unavailable())
		return
	}
	say(t, fmt.Sprintf("Returning requests to the primary as its replicas become available: it has %g%%, with %d of %d replicas",
		fullWeight-weight, t.o.Primary.Status.AvailableReplicas, t.whole()))
}

// giveUpReturn reports a primary that has taken too long to get ready for its requests and returns whether it has.
// Otherwise it wakes at the deadline.
func giveUpReturn(t *tick) (givenUp bool) {
	left, counts := t.untilLate()
	switch {
	case !counts:
		return false
	case left > 0:
		wakeIn(t, left)
		return false
	}
	emit(t, events.PrimaryTooSmall(t.o.Primary.Status.AvailableReplicas, t.whole(), t.policy.ProgressDeadline))
	return true
}

// keptWeight is the weight that the canary keeps because the primary cannot take the rest, at least the wanted one. If
// moreIn is above 0, the primary may take more after that time.
func (t tick) keptWeight(wanted float64) (weight float64, moreIn time.Duration) {
	carried := t.writtenWeight()
	if wanted >= carried {
		return wanted, 0
	}
	bears, moreIn := t.bearable(fullWeight - carried)
	return min(carried, max(wanted, fullWeight-math.Floor(bears))), moreIn
}

// takesBack reports whether the wanted split sends less to the canary than the routes do.
func (t tick) takesBack() bool {
	wanted, stated := t.wanted.Weight()
	return stated && (wanted < t.writtenWeight() || t.losesTesters() || t.losesControl())
}

// unavailable says how to continue when the primary has no available replica and only the canary can answer.
func (f Facts) unavailable() string {
	if workload.Replicas(f.o.Primary) == 0 {
		return fmt.Sprintf("the primary is scaled to 0; to continue: kubectl scale deployment %s --replicas=N; to remove the canary "+
			"although nothing else serves: kubectl delete canaries.sluice.dev %s", f.o.Name, f.o.Name)
	}
	then := "which rolls out directly"
	if f.heldStraight() != "" {
		then = "with " + config.AnnotationBypass
	}
	return fmt.Sprintf("the primary has no available replica; make its pods ready (kubectl describe deployment %s), or apply a template "+
		"that becomes ready, %s; to remove the canary although nothing else serves: kubectl delete canaries.sluice.dev %s", f.o.Name, then, f.o.Name)
}

// losesTesters reports whether the wanted split returns matched requests to a primary that has no available replica.
func (t tick) losesTesters() bool {
	if t.o.Primary == nil || t.o.Primary.Status.AvailableReplicas > 0 || t.wanted.Action == plan.SplitLeave || len(t.wanted.Split.Match) > 0 {
		return false
	}
	return slices.ContainsFunc(t.splits, func(w observed.Split) bool { return len(w.Split.Match) > 0 })
}
