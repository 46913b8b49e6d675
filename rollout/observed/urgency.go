package observed

import "sluice.dev/sluice/api/v1alpha1"

// Urgency is how soon a rollout must be looked at when many wait for it. It follows from the state alone.
type Urgency int

const (
	// AtRest is a Deployment without an open rollout, or with a candidate that cannot start yet.
	AtRest Urgency = iota
	// Open is a rollout that sends nothing to its canary yet.
	Open
	// Exposed is a rollout whose canary gets requests, or one that a user wants to end: a late look harms users.
	Exposed
)

// UrgencyOf returns the urgency of a Canary's rollout.
func UrgencyOf(spec v1alpha1.CanarySpec, state State) Urgency {
	switch {
	case state.CanaryWeight > 0:
		return Exposed
	case !Active(state):
		return AtRest
	case spec.Abort != nil || state.Open().Step.Number > 0:
		return Exposed
	}
	return Open
}
