package observed

import (
	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
)

// Describes reports whether a state is about this attempt of this candidate.
func Describes(state State, candidate *workload.Candidate) bool {
	return state.Candidate.Hash == candidate.Hash && state.Candidate.Attempt == candidate.Attempt
}

// Unsuccessful reports whether a candidate failed or was aborted.
func Unsuccessful(outcome v1alpha1.Outcome) bool {
	return outcome == v1alpha1.OutcomeFailed || outcome == v1alpha1.OutcomeAborted
}

// Judging reports whether the candidate is being judged.
func Judging(state State) bool {
	return state.Phase == v1alpha1.PhaseProgressing || state.Phase == v1alpha1.PhaseWaitingPromotion
}

// Checked reports whether checks are due at this point of the rollout.
func Checked(state State) bool {
	return Judging(state) && state.Open().Step.InEffect != nil && state.Open().Canary.TrafficStarted != nil
}

// Active reports whether the state says that a rollout is open: it has started and its end is not complete. Traces on other
// objects do not count.
func Active(state State) bool {
	switch state.Phase {
	case v1alpha1.PhaseProgressing, v1alpha1.PhaseWaitingPromotion, v1alpha1.PhasePromoting, v1alpha1.PhaseFinalising:
		return true
	}
	return false
}
