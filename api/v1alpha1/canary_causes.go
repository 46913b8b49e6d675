package v1alpha1

// PauseKind is what keeps a rollout from taking steps.
// +kubebuilder:validation:Enum=Request;Deployment;Policy;Freeze
type PauseKind string

// The kinds of pauses.
const (
	// PauseRequest is spec.paused of the Canary.
	PauseRequest PauseKind = "Request"
	// PauseDeployment is spec.paused of the Deployment.
	PauseDeployment PauseKind = "Deployment"
	// PausePolicy is suspend in the policy.
	PausePolicy PauseKind = "Policy"
	// PauseFreeze is a Freeze that holds rollouts in flight.
	PauseFreeze PauseKind = "Freeze"
)

// PauseCause is why no step is taken.
type PauseCause struct {
	// kind is what pauses the rollout: Request (spec.paused of the Canary), Deployment (spec.paused of the Deployment), Policy
	// (suspend) or Freeze.
	Kind PauseKind `json:"kind"`
	// text says in one sentence who or what pauses the rollout, and how to resume it.
	Text string `json:"text"`
}

// BlockedKind is what keeps a rollout from starting.
// +kubebuilder:validation:Enum=Missing;Paused;Frozen;Deletion
type BlockedKind string

// The kinds of obstacles.
const (
	// BlockedMissing is something that a rollout needs and that is missing or cannot be used.
	BlockedMissing BlockedKind = "Missing"
	// BlockedPaused is a pause of the candidate.
	BlockedPaused BlockedKind = "Paused"
	// BlockedFrozen is a Freeze that lets no rollout start.
	BlockedFrozen BlockedKind = "Frozen"
	// BlockedDeletion is the deletion of the Canary, which waits in a dry run.
	BlockedDeletion BlockedKind = "Deletion"
)

// BlockedCause is why no rollout can start.
type BlockedCause struct {
	// kind is what is in the way: Missing (something that a rollout needs), Paused, Frozen, or Deletion (the Canary is being
	// deleted, and a dry run takes no split out of its routes).
	Kind BlockedKind `json:"kind"`
	// text says in one sentence what is in the way, and what to do about it.
	Text string `json:"text"`
}

// GroupFailure is the member of a group that takes the others back with it.
type GroupFailure struct {
	// group is the name of the group.
	Group string `json:"group"`
	// member is the name of the Deployment that was rolled back first.
	Member string `json:"member"`
}
