package observed

import (
	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
)

// IDOf returns the ID of the candidate that a state is about.
func IDOf(state State) workload.ID {
	id := workload.ID{Hash: state.Candidate.Hash, Attempt: state.Candidate.Attempt}
	if requested := state.Candidate.Requested; requested != nil && requested.At != nil {
		id.At = requested.At.Time
	}
	return id
}

// Describes reports whether a state is about this very candidate. It is the one place where the two are compared.
func Describes(state State, candidate *workload.Candidate) bool {
	return IDOf(state).Is(candidate.ID())
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
