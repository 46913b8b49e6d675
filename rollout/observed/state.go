package observed

import "sluice.dev/sluice/api/v1alpha1"

// Unsuccessful reports whether a candidate was given up.
func Unsuccessful(outcome v1alpha1.Outcome) bool {
	return outcome == v1alpha1.OutcomeFailed || outcome == v1alpha1.OutcomeAborted
}

// Judging reports whether the candidate is being judged.
func Judging(state State) bool {
	return state.Phase == v1alpha1.PhaseProgressing || state.Phase == v1alpha1.PhaseWaitingPromotion
}

// Checked reports whether the canary is at a point of its rollout where checks are made.
func Checked(state State) bool {
	return Judging(state) && state.Open().Step.InEffect != nil && state.Open().Canary.TrafficStarted != nil
}

// Active reports whether the state says that a rollout is open: one that has begun and whose end is not complete. What other
// objects show of one is not in it.
func Active(state State) bool {
	switch state.Phase {
	case v1alpha1.PhaseProgressing, v1alpha1.PhaseWaitingPromotion, v1alpha1.PhasePromoting, v1alpha1.PhaseFinalising:
		return true
	}
	return false
}
