package rollout

import (
	"fmt"
	"strings"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
)

// returnPeriod is how long an autoscaler has to react before the primary gets a further part of the requests.
const returnPeriod = 30 * time.Second

// growth is by which part the primary's requests may rise beyond what its replicas bore: enough for an autoscaler to see.
const growth = 4

// whole is how many replicas of the primary bear all requests. An autoscaler takes replicas away from a primary that has
// only a part of the requests, so what it had before counts.
func (t *tick) whole() int32 {
	replicas := workload.Replicas(t.o.Primary)
	switch known := t.plan.Next.PrimaryReplicas; {
	case t.autoscaler == nil:
		return replicas
	case known > 0:
		return max(replicas, known)
	}
	return max(replicas, t.wholeOfCopy())
}

// wholeOfCopy stands for what the primary had before where that was lost with the state: as many replicas as all requests
// would need, if the canary has what its share needs.
func (t *tick) wholeOfCopy() int32 {
	written := t.writtenWeight()
	if t.o.Copy == nil || written == 0 {
		return 0
	}
	return int32(float64(workload.Replicas(t.o.Copy)) * fullWeight / written)
}

// replicasFor is how many replicas of the canary a weight needs.
func (t *tick) replicasFor(weight float64) int32 {
	return workload.CanaryReplicas(t.policy.Copy, t.whole(), weight)
}

// ensureCopy wants the copy to run the candidate with the replicas that a weight needs, which it returns. Replicas that a
// greater weight needed stay until the lower one is in effect everywhere.
func (t *tick) ensureCopy(weight float64) int32 {
	replicas := t.replicasFor(weight)
	size := replicas
	if t.o.Copy != nil && workload.Replicas(t.o.Copy) > replicas && !t.mayShrink(weight) {
		size = workload.Replicas(t.o.Copy)
	}
	action := CopyEnsure
	if t.o.promoted(t.plan.Next.Candidate) {
		action = CopyScale
	}
	t.plan.Copy = CopyIntent{Action: action, Replicas: size, Share: workload.CanaryShare(t.policy.Copy, weight),
		Identity: t.target.Identity, Service: t.target.Service.Name, Policy: t.policy.Copy, Autoscaler: t.policy.Autoscaler}
	return replicas
}

// mayShrink reports whether no request is on its way any more for which a weight is too small. While the primary is scaled to
// 0, only the canary serves.
func (t *tick) mayShrink(weight float64) bool {
	return workload.Replicas(t.o.Primary) > 0 && t.writtenShare() <= weight && t.splitSettled()
}

// splitSettled reports whether the weight that the routes carry is in effect and has settled.
func (t *tick) splitSettled() bool {
	if t.unprocessed() != "" {
		return false
	}
	return t.splitLasts(analysis.Settle)
}

// splitLasts reports whether the routes have carried their weight for so long, and otherwise wakes up when they have.
func (t *tick) splitLasts(period time.Duration) bool {
	since := t.before.SplitChanged
	if since == nil || t.o.Now.Sub(since.Time) >= period {
		return true
	}
	t.wakeIn(since.Add(period).Sub(t.o.Now))
	return false
}

// isGrowing reports that a copy whose autoscaler adds replicas has those that are needed.
func (t *tick) isGrowing(replicas int32) bool {
	status := t.o.Copy.Status
	return t.autoscaler != nil && status.ObservedGeneration >= t.o.Copy.Generation && status.Replicas == status.UpdatedReplicas &&
		status.AvailableReplicas >= replicas
}

// keptCopy leaves a copy alone that still gets requests.
func (t *tick) keptCopy() CopyIntent {
	if t.plan.Copy.Action == CopyRemove {
		return CopyIntent{}
	}
	return t.plan.Copy
}

// wantedWeight is the weight that the plan asks the routes for, and whether it asks for any.
func (t *tick) wantedWeight() (weight float64, stated bool) {
	switch t.plan.Split.Action {
	case SplitWrite:
		return t.plan.Split.Split.Weight, true
	case SplitRemove:
		return 0, true
	}
	return 0, false
}

// writtenSplit is the split that the routes carry, with another weight.
func (t *tick) writtenSplit(weight float64) SplitIntent {
	intent := SplitIntent{Action: SplitWrite}
	for _, r := range t.o.splitRoutes() {
		intent.Split = *route.SplitFor(r, t.o.Key())
		intent.Routes = append(intent.Routes, r.Key())
	}
	intent.Split.Namespace, intent.Split.Weight, intent.Split.Scale = t.o.Namespace, weight, 0
	return intent
}

// returnsAtOnce reports whether the requests of a canary that has this weight go back without regard to what the primary can
// take: it can take all, nothing is left to serve them, the canary is bad, or waiting has taken too long.
func (t *tick) returnsAtOnce(written float64) bool {
	switch {
	case t.o.Primary == nil || t.o.Primary.DeletionTimestamp != nil || t.o.DeletedAt != nil || t.availableCopies() == 0:
		return true
	case t.o.Primary.Status.AvailableReplicas == 0:
		return false
	case t.covers() || t.isBad(written):
		return true
	}
	return t.isLate()
}

// covers reports whether the primary's available replicas bear all requests.
func (t *tick) covers() bool {
	return int64(t.o.Primary.Status.AvailableReplicas)*100 >= int64(t.whole())*int64(t.policy.PrimaryReadyThreshold)
}

// isBad reports whether the canary answers with errors or has fewer pods than are enough: errors are worse than load.
func (t *tick) isBad(written float64) bool {
	next := t.plan.Next
	needed := t.replicasFor(written)
	if next.CanaryReplicas > 0 {
		needed = min(needed, next.CanaryReplicas)
	}
	needed = workload.Enough(needed, t.policy.CanaryReadyThreshold)
	return next.Outcome == v1alpha1.OutcomeFailed && next.Promoted == nil || t.availableCopies() < needed ||
		analysis.VerdictOf(next.Checks) == v1alpha1.VerdictFail
}

// isLate reports whether the end of the rollout has waited for the primary for the progress deadline, and tells so.
func (t *tick) isLate() bool {
	next := &t.plan.Next
	if next.Phase != v1alpha1.PhaseFinalising || next.WaitingSince == nil {
		return false
	}
	if remaining := next.WaitingSince.Add(t.policy.ProgressDeadline).Sub(t.o.Now); remaining > 0 {
		t.wakeIn(remaining)
		return false
	}
	t.event(primaryTooSmall(t.o.Primary.Status.AvailableReplicas, t.whole(), t.policy.ProgressDeadline))
	return true
}

func (t *tick) availableCopies() int32 {
	if t.o.Copy == nil {
		return 0
	}
	return t.o.Copy.Status.AvailableReplicas
}

// bearable is the share in percent that the primary can take, which has this share: as much as its replicas are of all that
// are needed. An autoscaler adds replicas only under load, so one that has had time to react gets a quarter more than it has.
func (t *tick) bearable(share float64) float64 {
	available, whole := t.o.Primary.Status.AvailableReplicas, t.whole()
	if available == 0 || whole == 0 || !t.splitSettled() {
		return share
	}
	bears := max(share, fullWeight*float64(available)/float64(whole))
	if t.autoscaler != nil && available >= workload.Replicas(t.o.Primary) && t.splitLasts(returnPeriod) {
		bears = max(bears, share+max(1, share/growth))
	}
	return min(fullWeight, bears)
}

// noteCapacity remembers what cannot be seen later: how large the primary was, and when the split was last changed.
func (t *tick) noteCapacity() {
	next := &t.plan.Next
	if !Active(*next) {
		next.PrimaryReplicas, next.SplitChanged = 0, nil
		return
	}
	if t.autoscaler != nil && t.o.Primary != nil {
		next.PrimaryReplicas = t.whole()
	}
	if weight, stated := t.wantedWeight(); stated && weight != t.writtenWeight() && t.isNewChange(weight) {
		next.SplitChanged = t.stamp()
	}
}

// stampAgain is how often a change of the split that is not written yet is stamped anew: each stamp is a write of the state,
// which wakes the next tick.
const stampAgain = time.Second

// isNewChange reports whether a weight that the routes do not carry yet is worth a stamp. A dry run never writes it.
func (t *tick) isNewChange(weight float64) bool {
	since := t.plan.Next.SplitChanged
	return !t.o.DryRun && (since == nil || weight != t.before.CanaryWeight || t.o.Now.Sub(since.Time) >= stampAgain)
}

// findAutoscaler finds what sets the primary's replicas; one that the policy names in vain is told by Discover.
func (t *tick) findAutoscaler() {
	if t.o.Primary != nil {
		t.autoscaler, _ = workload.AutoscalerOf(t.o.Primary, t.o.Autoscalers, t.o.ScaledObjects, t.policy.Autoscaler)
	}
}

// unprotected tells in a condition which policies miss the canary.
func (t *tick) unprotected() string {
	missed := t.target.Unprotected
	if len(missed) == 0 {
		return ""
	}
	return fmt.Sprintf("Policies that speak of the primary's pods by labels miss the canary's: %s; let them select by a label that both have, "+
		"or name other labels in the annotation %s", strings.Join(missed, ", "), config.AnnotationIdentityLabels)
}
