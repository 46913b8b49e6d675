package rollout

import (
	"fmt"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
	"sluice.dev/sluice/rollout/strategy"
)

// returnPeriod is how long an autoscaler has to react before the primary gets more of the requests.
const returnPeriod = 30 * time.Second

// podLook is how often to look at what Kubernetes says of pods that are not available. It says so in events, which are not
// watched.
const podLook = 10 * time.Second

// growth limits how far the primary's requests may rise beyond what its replicas bore: by a quarter, which an autoscaler
// notices.
const growth = 4

// whole is how many replicas of the primary bear all requests. An autoscaler removes replicas from a primary that gets only
// some of the requests, so the number that it had before counts.
func (t tick) whole() int32 {
	replicas := workload.Replicas(t.o.Primary)
	switch known := t.plan.Next.Open().PrimaryReplicas; {
	case t.autoscaler == nil:
		return replicas
	case known > 0:
		return max(replicas, known)
	}
	return max(replicas, t.wholeFromCanary())
}

// wholeFromCanary estimates whole if the state was lost: as many replicas as all requests need if the canary has what its
// share needs.
func (f Facts) wholeFromCanary() int32 {
	written := f.writtenWeight()
	if f.o.CanaryDeployment == nil || written == 0 {
		return 0
	}
	return int32(float64(workload.Replicas(f.o.CanaryDeployment)) * fullWeight / written)
}

// replicasFor is how many canary replicas a weight needs.
func (t tick) replicasFor(weight float64) int32 {
	return workload.CanaryReplicas(t.policy.Canary, t.whole(), weight)
}

// ensureCanary makes the canary run the candidate with the replicas that a weight needs, and returns their number. The
// canary keeps the replicas of a greater weight until the lower one is in effect everywhere. A canary that must be made anew
// or written back stays as it is until no gateway sends requests to it.
func ensureCanary(t *tick, weight float64) int32 {
	replicas := t.replicasFor(weight)
	unfit := t.unfit() != ""
	if unfit && !letClear(t) {
		return replicas
	}
	size := chooseSize(t, replicas, weight)
	action := plan.CanaryEnsure
	if t.o.Promoted(t.plan.Next) {
		action = plan.CanaryScale
	}
	rewrite := action == plan.CanaryEnsure && !t.o.DryRun && t.plan.Next.Open().Canary.Written == nil
	if rewrite {
		// A write that changes nothing causes no event.
		wakeIn(t, time.Second)
	}
	t.plan.Canary = plan.CanaryIntent{Action: action, Rewrite: rewrite, Replace: unfit, Replicas: size, Share: workload.CanaryShare(t.policy.Canary, weight),
		Identity: t.target.Identity, Service: t.target.Service.Name, Policy: t.policy.Canary, Autoscaler: t.policy.Autoscaler}
	return replicas
}

// chooseSize returns the replicas that the canary should have now if a weight needs a number of them, and wakes while pods are
// missing.
func chooseSize(t *tick, needed int32, weight float64) int32 {
	canary := t.o.CanaryDeployment
	if canary == nil {
		return needed
	}
	has := workload.Replicas(canary)
	if canary.Status.AvailableReplicas < has {
		wakeIn(t, podLook)
	}
	if has > needed && !(t.serves(weight) && letSplitSettle(t)) {
		return has
	}
	return needed
}

// serves reports whether a canary of the size for this weight serves everything that the routes send to it. It reports false
// while the primary is scaled to 0, because then only the canary serves.
func (f Facts) serves(weight float64) bool {
	return workload.Replicas(f.o.Primary) > 0 && f.writtenShare() <= weight
}

// letSplitSettle waits until the routes' split is in effect and has settled, and returns whether it has.
func letSplitSettle(t *tick) (done bool) {
	if t.unprocessed() != "" {
		return false
	}
	left := t.splitLastsIn(analysis.Settle)
	if left > 0 {
		wakeIn(t, left)
	}
	return left <= 0
}

// splitLastsIn is how long until the routes have carried their weight for a period; not above 0 when they have.
func (f Facts) splitLastsIn(period time.Duration) time.Duration {
	changed := f.before.Open().SplitChanged
	if changed == nil {
		return 0
	}
	return period - f.o.Now.Sub(changed.Time)
}

// isGrowing reports whether an autoscaler adds replicas to a canary that has the replicas it needs.
func (f Facts) isGrowing(replicas int32) bool {
	status := f.o.CanaryDeployment.Status
	return f.autoscaler != nil && status.ObservedGeneration >= f.o.CanaryDeployment.Generation && status.Replicas == status.UpdatedReplicas &&
		status.AvailableReplicas >= replicas
}

// writtenSplit is the split that the routes carry, with another weight.
func (f Facts) writtenSplit(weight float64) plan.SplitIntent {
	intent := plan.SplitIntent{Action: plan.SplitWrite}
	for _, w := range f.splits {
		intent.Split = w.Split
		intent.Routes = append(intent.Routes, w.Key)
	}
	intent.Split.Namespace, intent.Split.Weight, intent.Split.Scale = f.o.Namespace, weight, 0
	if f.controlPods() == 0 {
		intent.Split.Control = ""
	}
	return intent
}

// mustReturn reports whether the canary's requests return to the primary even beyond what the primary can take: it can take
// all of them, no pod of the canary serves, the canary is bad or has lost what serves them, or a gateway refuses its route.
func (t tick) mustReturn() bool {
	switch {
	case t.o.Primary == nil || t.o.Primary.DeletionTimestamp != nil || t.o.DeletedAt != nil || t.servingCanaryPods() == 0:
		return true
	case t.o.Primary.Status.AvailableReplicas == 0:
		return false
	}
	return t.loses || t.covers(t.o.Primary.Status.AvailableReplicas) || t.isBad() || t.rejected() != ""
}

// covers reports whether this number of the primary's pods bears all requests.
func (t tick) covers(pods int32) bool {
	return int64(pods)*100 >= int64(t.whole())*int64(t.policy.PrimaryReadyThreshold)
}

// isBad reports whether the canary fails its checks or has too few pods. Errors are worse than load on the primary.
func (t tick) isBad() bool {
	next, open := t.plan.Next, t.plan.Next.Open()
	needed := t.replicasFor(t.writtenWeight())
	if open.Canary.Replicas > 0 {
		needed = min(needed, open.Canary.Replicas)
	}
	needed = workload.Enough(needed, t.policy.CanaryReadyThreshold)
	return next.Candidate.Outcome == v1alpha1.OutcomeFailed && open.Promotion.Applied == nil || t.servingCanaryPods() < needed ||
		analysis.VerdictOf(next.Checks) == v1alpha1.VerdictFail
}

// untilLate is how long the end of the rollout still waits for the primary: the progress deadline. It does not count while
// only the canary can answer.
func (t tick) untilLate() (left time.Duration, counts bool) {
	next := t.plan.Next
	if next.Open().Decided == nil || t.o.Primary.Status.AvailableReplicas == 0 {
		return 0, false
	}
	return t.seenSince(next.Rollout.Decided.Time).Add(t.policy.ProgressDeadline).Sub(t.o.Now), true
}

// bearable is the percentage of requests that the primary can take when it now has this share. Its available replicas, as a
// part of all that are needed, set it. An autoscaler adds replicas only under load, so a primary whose autoscaler has had
// time to react gets a quarter more requests than it has. The primary can take more after moreIn, which is not
// above 0 when waiting alone does not help.
func (t tick) bearable(share float64) (bears float64, moreIn time.Duration) {
	available, whole := t.o.Primary.Status.AvailableReplicas, t.whole()
	if available == 0 || whole == 0 || t.unprocessed() != "" {
		return share, 0
	}
	if settles := t.splitLastsIn(analysis.Settle); settles > 0 {
		return share, settles
	}
	bears = max(share, fullWeight*float64(available)/float64(whole))
	if t.isGrowable() {
		if moreIn = t.splitLastsIn(returnPeriod); moreIn <= 0 {
			bears = max(bears, share+max(1, share/growth))
		}
	}
	return min(fullWeight, bears), moreIn
}

// isGrowable reports whether an autoscaler would add replicas to the primary under load.
func (f Facts) isGrowable() bool {
	return f.autoscaler != nil && f.o.Primary.Status.AvailableReplicas >= workload.Replicas(f.o.Primary)
}

// noteCapacity records what cannot be seen later: how large the primary was and when the split last changed.
func noteCapacity(t *tick) {
	open := t.plan.Next.Rollout
	if open == nil {
		return
	}
	if t.autoscaler != nil && t.o.Primary != nil {
		open.PrimaryReplicas = t.whole()
	}
	if weight, stated := t.plan.Split.Weight(); stated && weight != t.writtenWeight() && t.isNewChange(weight) {
		open.SplitChanged = t.stamp()
	}
}

// stampAgain is how often a change of the split that is not written yet gets a new stamp. Each stamp is a write of the
// state, which wakes the next tick.
const stampAgain = time.Second

// isNewChange reports whether a weight that the routes do not carry yet is worth a stamp. A dry run never writes it.
func (t tick) isNewChange(weight float64) bool {
	since := t.plan.Next.Rollout.SplitChanged
	return !t.o.DryRun && (since == nil || weight != t.before.CanaryWeight || t.o.Now.Sub(since.Time) >= stampAgain)
}

// canaryNotReady says why the canary cannot take the requests that this many replicas are for; empty when it can.
func (t tick) canaryNotReady(replicas int32) string {
	if t.o.CanaryDeployment == nil || t.o.CanaryService == nil && !strategy.WithoutTraffic(t.policy) {
		return t.unlessForbidden("the canary is being created")
	}
	if why := t.unfit(); why != "" {
		return why
	}
	if !workload.CanaryID(t.o.CanaryDeployment).Is(observed.IDOf(t.plan.Next)) || !t.isKnownTemplate() {
		return t.unlessForbidden("the canary is being updated to the candidate")
	}
	if why := t.unreached(); why != "" {
		return why
	}
	return t.podsNotReady(replicas)
}

// unlessForbidden adds to what is being done why the API server does not let it be done.
func (f Facts) unlessForbidden(doing string) string {
	if f.o.CanaryForbidden == "" {
		return doing
	}
	return fmt.Sprintf("%s; the API server rejects it: %s", doing, f.o.CanaryForbidden)
}

// podsNotReady says why the pods of the canary cannot take the requests that this many replicas are for; empty when they can.
func (t tick) podsNotReady(replicas int32) string {
	if workload.Replicas(t.o.CanaryDeployment) < replicas {
		return t.unlessForbidden(fmt.Sprintf("the canary is being scaled to %d replicas", replicas))
	}
	if ready := workload.ReadinessOf(t.o.CanaryDeployment, t.policy.CanaryReadyThreshold); !ready.Complete && !t.isGrowing(replicas) {
		if t.o.PodProblem != "" {
			return ready.Message + "; " + t.o.PodProblem
		}
		return ready.Message
	}
	enough := workload.Enough(replicas, t.policy.CanaryReadyThreshold)
	if t.o.CanaryService != nil && t.o.ReadyEndpoints < enough {
		return fmt.Sprintf("%d of %d canary pods are ready in Service %s", t.o.ReadyEndpoints, enough, t.o.CanaryService.Name)
	}
	return ""
}
