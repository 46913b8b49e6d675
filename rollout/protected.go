package rollout

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/observed"
)

// Reasons of the condition Protected.
const (
	reasonMissed     = "PoliciesMissCanary"
	reasonUnread     = "PoliciesUnread"
	reasonUnreadable = "PoliciesNotReadable"
)

// setCovered tells which policies and monitors miss the canary of a candidate that waits or is judged. While nobody has looked,
// it stays as it was.
func setCovered(t *tick) {
	next := &t.plan.Next
	if t.o.Primary == nil || next.Phase == "" || next.Phase == v1alpha1.PhaseOptedOut {
		return
	}
	switch {
	case !observed.Active(*next) && (next.Phase != v1alpha1.PhaseWaiting || t.goesStraight()):
		if known := meta.FindStatusCondition(next.Conditions, v1alpha1.ConditionProtected); known != nil && known.Reason != reasonUnreadable {
			meta.RemoveStatusCondition(&next.Conditions, v1alpha1.ConditionProtected)
		}
		meta.RemoveStatusCondition(&next.Conditions, v1alpha1.ConditionScraped)
	case t.o.Coverage != nil:
		setProtected(t)
		setWarning(t, v1alpha1.ConditionScraped, "MonitorsMissCanary", t.unscraped(), events.CanaryUnscraped)
	}
}

// setProtected sets the condition by the first of these that there is: policies that hold the start, which its event names, policies
// that miss the canary, and policies of which that is not known. That Sluice may not read some is told once and stays.
func setProtected(t *tick) {
	if holding := t.holdingMisses(); len(holding) > 0 && t.plan.Next.Phase == v1alpha1.PhaseWaiting {
		setCondition(t, v1alpha1.ConditionProtected, metav1.ConditionFalse, reasonMissed, t.spoken(t.uncovered(holding)))
		return
	}
	for _, told := range []struct {
		status      metav1.ConditionStatus
		reason, why string
		event       func(string) events.Event
	}{
		{metav1.ConditionFalse, reasonMissed, t.letPass(), events.CanaryUnprotected},
		{metav1.ConditionUnknown, reasonUnread, t.unread(), events.PoliciesUnread},
		{metav1.ConditionUnknown, reasonUnreadable, t.unreadable(), events.PoliciesUnread},
	} {
		if told.why == "" {
			continue
		}
		known := meta.FindStatusCondition(t.plan.Next.Conditions, v1alpha1.ConditionProtected)
		if known == nil || known.Message != told.why {
			emit(t, told.event(told.why))
		}
		setCondition(t, v1alpha1.ConditionProtected, told.status, told.reason, told.why)
		return
	}
	meta.RemoveStatusCondition(&t.plan.Next.Conditions, v1alpha1.ConditionProtected)
}
