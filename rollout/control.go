package rollout

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
)

// controlMayTake is how long a promotion waits for the control's pods to go. A quota may have no room for them beside the primary's new
// pods.
const controlMayTake = 30 * time.Second

// asksForControl reports whether the policy asks for a control and the rollout is at a point where it may have one.
func (t tick) asksForControl() bool {
	next := t.plan.Next
	return t.policy.Guard.Enabled && t.policy.Guard.Fresh && !t.o.DryRun && observed.Judging(next) && !t.o.Promoted(next) && t.skipsAnalysis() == ""
}

// wantsControl reports whether a control should run.
func (t tick) wantsControl() bool {
	known := t.plan.Next.Open().Control
	return t.asksForControl() && known != nil && known.Off == ""
}

// compares reports whether the canary is compared with the control, which gets requests with it.
func (t tick) compares() bool {
	return t.wantsControl() && t.plan.Next.Open().Control.Ready != nil
}

// noticeControl begins with a control, and leaves it when it can no longer be compared with: then the primary is what the canary is
// compared with until the end of the rollout. What the control lacks is no fault of the canary.
func noticeControl(t *tick) {
	open := t.plan.Next.Rollout
	if open == nil || t.problem != "" || !t.asksForControl() {
		return
	}
	if open.Control == nil {
		if t.uncounted() != "" {
			return
		}
		open.Control = &v1alpha1.ControlStatus{Name: workload.ControlName(t.o.Name)}
	}
	if open.Control.Off != "" {
		return
	}
	if control := t.o.Control(); control != nil && (open.Control.Written == nil || open.Control.Written.UID != control.UID) {
		open.Control.Written = &observed.WrittenTo(control, t.o.Now).WrittenTemplate
	}
	if why := t.controlFails(); why != "" {
		leaveControl(t, why)
	}
}

// leaveControl compares with the primary from now on.
func leaveControl(t *tick, why string) {
	stopComparing(t.plan.Next.Rollout.Control, why)
	emit(t, events.ControlOff(why))
}

func stopComparing(known *v1alpha1.ControlStatus, why string) {
	known.Off, known.Ready, known.WaitingSince = why, nil, nil
}

// endControl ends the comparison, because the candidate is promoted.
func endControl(t *tick) {
	if known := t.plan.Next.Rollout.Control; known != nil && known.Off == "" {
		stopComparing(known, "the promotion has begun")
	}
}

// controlFails says why the canary cannot be compared with the control; empty if it can, or may be able to.
func (t tick) controlFails() string {
	known, control := t.plan.Next.Rollout.Control, t.o.Control()
	switch {
	case t.autoscaler != nil:
		return "an autoscaler scales the primary, and would shrink it while the control takes its requests"
	case t.takesAll():
		return "no request to the primary can be answered"
	case known.Ready == nil && control == nil:
		return t.target.NoControl(t.policy, t.o)
	case control == nil:
		return "somebody has deleted the control"
	case control.Annotations[config.AnnotationTemplateHash] != t.o.PrimaryHash():
		return "the primary's template has changed"
	case observed.Differs(control, known.Written):
		return "somebody has changed the control's pod template"
	case known.Ready != nil:
		return t.controlLost()
	}
	return ""
}

// controlLost says what a control lacks that was ready; empty if nothing.
func (t tick) controlLost() string {
	switch {
	case t.o.ControlService() == nil:
		return "somebody has deleted the control"
	case t.plan.Next.CanaryWeight > 0 && t.controlPods() < t.neededCanaryPods():
		return fmt.Sprintf("%d of the control's %d pods are ready", t.controlPods(), t.neededCanaryPods())
	}
	return ""
}

// controlPods is how many pods of the control answer the requests that routes send to it.
func (f Facts) controlPods() int32 {
	control, service := f.o.Control(), f.o.ControlService()
	if control == nil || service == nil || control.Spec.Selector == nil || !maps.Equal(service.Spec.Selector, control.Spec.Selector.MatchLabels) {
		return 0
	}
	return min(control.Status.AvailableReplicas, f.o.ControlEndpoints)
}

// awaitControl waits for the control to have as many replicas as the canary needs, and returns whether the next weight may be given. The
// progress deadline of the canary does not count meanwhile. A control that is not ready by its own deadline is left.
func awaitControl(t *tick, replicas int32) (done bool) {
	open := t.plan.Next.Rollout
	switch {
	case !t.asksForControl() || open.Control == nil && t.uncounted() != "" || open.Control != nil && open.Control.Off != "":
		return true
	case open.Control == nil:
		say(t, "The canary is ready; starting the control")
		wakeIn(t, 0)
		return false
	}
	known, why := open.Control, t.controlNotReady(replicas)
	if why == "" {
		known.WaitingSince = nil
		if known.Ready == nil {
			known.Ready = t.stamp()
			emit(t, events.ControlReady(known.Name, t.controlPods()))
		}
		return true
	}
	if known.WaitingSince == nil {
		known.WaitingSince = t.stamp()
	}
	left := t.seenSince(known.WaitingSince.Time).Add(t.policy.ProgressDeadline).Sub(t.o.Now)
	if left <= 0 {
		leaveControl(t, fmt.Sprintf("it was not ready within %s: %s", t.policy.ProgressDeadline, why))
		return true
	}
	open.WaitingSince = nil
	say(t, "The canary is ready; waiting for the control: "+why)
	wakeIn(t, min(left, podLook))
	return false
}

// controlNotReady says why the control cannot take the requests that this many replicas are for; empty when it can.
func (t tick) controlNotReady(replicas int32) string {
	control := t.o.Control()
	switch {
	case control == nil || t.o.ControlService() == nil:
		return "it is being created"
	case workload.Replicas(control) < replicas:
		return fmt.Sprintf("it is being scaled to %d replicas", replicas)
	}
	if ready := workload.ReadinessOf(control, t.policy.CanaryReadyThreshold); !ready.Complete {
		return ready.Message
	}
	if enough := workload.Enough(replicas, t.policy.CanaryReadyThreshold); t.controlPods() < enough {
		return fmt.Sprintf("%d of %d pods are ready in Service %s", t.controlPods(), enough, t.o.ControlService().Name)
	}
	return ""
}

// planControl lets the control follow the canary. One that is no longer compared with goes once no gateway sends requests to it.
func planControl(t *tick) {
	open, canary := t.plan.Next.Rollout, t.plan.Canary
	switch {
	case open == nil || open.Control == nil || canary.Action == plan.CanaryRemove || t.plan.DeleteCanary:
	case t.wantsControl():
		open.Control.Cleared = nil
		if canary.Action == plan.CanaryEnsure {
			t.plan.Control = plan.ControlIntent{Action: plan.ControlEnsure, Replicas: canary.Replicas, Keys: t.policy.IdentityLabels,
				Service: t.target.Service.Name, Policy: t.policy.Canary}
		}
	case t.o.HasControl() && letControlClear(t):
		t.plan.Control = plan.ControlIntent{Action: plan.ControlRemove}
	}
}

// letControlClear waits until no gateway sends requests to the control any more, and returns whether that has settled.
func letControlClear(t *tick) (done bool) {
	known := t.plan.Next.Rollout.Control
	if t.namesControl() || t.plan.Split.Split.Control != "" || t.unprocessed() != "" {
		known.Cleared = nil
		return false
	}
	if known.Cleared == nil {
		known.Cleared = t.stamp()
	}
	left := known.Cleared.Add(analysis.Settle).Sub(t.o.Now)
	if left > 0 {
		wakeIn(t, left)
	}
	return left <= 0
}

// namesControl reports whether a route names the control.
func (f Facts) namesControl() bool {
	return slices.ContainsFunc(f.splits, func(s observed.Split) bool { return s.Split.Control != "" })
}

// losesControl reports whether the wanted split returns the control's requests to a primary that has no available replica.
func (t tick) losesControl() bool {
	return t.o.Primary != nil && t.o.Primary.Status.AvailableReplicas == 0 && t.namesControl() && t.wanted.Split.Control == "" && t.controlPods() > 0
}

// letControlGo waits for the control to be gone before the primary changes, and returns whether it is, or has taken too long.
func letControlGo(t *tick) (done bool) {
	began := t.plan.Next.Rollout.WaitingSince
	if !t.o.HasControl() || began == nil {
		return true
	}
	left := t.seenSince(began.Time).Add(controlMayTake).Sub(t.o.Now)
	if left <= 0 {
		return true
	}
	say(t, "Removing the control before the primary gets the candidate")
	wakeIn(t, left)
	return false
}
