package rollout

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/rollout/events"
)

// setConditions derives Promoted from the phase, as Flagger does, and Ready from the target. It sets Reconciling and
// Stalled for tools that read kstatus conditions.
func setConditions(t *tick) {
	next := &t.plan.Next
	if next.Phase == "" {
		return
	}
	setCondition(t, v1alpha1.ConditionPromoted, promotedStatus(next.Phase), string(next.Phase), next.Message)
	setCondition(t, v1alpha1.ConditionReconciling, statusOf(promotedStatus(next.Phase) == metav1.ConditionUnknown), string(next.Phase), next.Message)
	setCondition(t, v1alpha1.ConditionStalled, statusOf(next.Phase == v1alpha1.PhaseFailed), string(next.Phase), next.Message)
	if t.o.Primary == nil {
		return
	}
	setOptInStated(t)
	if next.Phase == v1alpha1.PhaseOptedOut {
		for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionProtected, v1alpha1.ConditionScraped, v1alpha1.ConditionPolicyFollowed, v1alpha1.ConditionServed} {
			meta.RemoveStatusCondition(&next.Conditions, kind)
		}
		return
	}
	setAdvised(t)
	setServed(t)
	if t.problem == "" {
		setCondition(t, v1alpha1.ConditionReady, metav1.ConditionTrue, "Found", "Everything a rollout needs was found")
		return
	}
	setCondition(t, v1alpha1.ConditionReady, metav1.ConditionFalse, "Missing", t.spoken(t.problem))
}

// setServed warns as long as requests to the primary cannot be answered because of a change of its Service. An event reports it
// once, and again when it changes.
func setServed(t *tick) {
	why := ""
	if t.target.Unserved != "" {
		why = t.target.Unserved + "; " + t.wayOut()
	}
	setWarning(t, v1alpha1.ConditionServed, "ServiceChanged", why, events.PrimaryUnserved)
}

func statusOf(holds bool) metav1.ConditionStatus {
	if holds {
		return metav1.ConditionTrue
	}
	return metav1.ConditionFalse
}

func promotedStatus(phase v1alpha1.Phase) metav1.ConditionStatus {
	switch phase {
	case v1alpha1.PhaseInitialized, v1alpha1.PhaseSucceeded, v1alpha1.PhaseOptedOut:
		return metav1.ConditionTrue
	case v1alpha1.PhaseFailed:
		return metav1.ConditionFalse
	}
	return metav1.ConditionUnknown
}

func setCondition(t *tick, kind string, status metav1.ConditionStatus, reason, message string) {
	meta.SetStatusCondition(&t.plan.Next.Conditions, metav1.Condition{
		Type:               kind,
		Status:             status,
		Reason:             reason,
		Message:            message,
		LastTransitionTime: metav1.NewTime(t.o.Now),
	})
}
