package v1alpha1

// PauseKind names what pauses a rollout.
// +kubebuilder:validation:Enum=Request;Deployment;Policy;Freeze;Queue;Guard
type PauseKind string

// Kinds of pauses.
const (
	// PauseRequest is spec.paused of the Canary.
	PauseRequest PauseKind = "Request"
	// PauseDeployment is spec.paused of the Deployment.
	PauseDeployment PauseKind = "Deployment"
	// PausePolicy is suspend: true in the policy.
	PausePolicy PauseKind = "Policy"
	// PauseFreeze is a Freeze in mode Pause.
	PauseFreeze PauseKind = "Freeze"
	// PauseQueue is a rollout that was paused for so long that it has given its place back, and waits for another one.
	PauseQueue PauseKind = "Queue"
	// PauseGuard is the guard, which asks a person to decide.
	PauseGuard PauseKind = "Guard"
)

// PauseCause is the reason why a rollout takes no steps.
type PauseCause struct {
	// kind names what pauses the rollout: Request (spec.paused of the Canary), Deployment (spec.paused of the Deployment),
	// Policy (suspend in the policy), Freeze, Queue (a rollout that has given its place back waits for another one), or Guard (it asks a person to
	// decide).
	Kind PauseKind `json:"kind"`
	// text describes the pause in one sentence, and how to resume.
	Text string `json:"text"`
}

// BlockedKind names what blocks the start of a rollout.
// +kubebuilder:validation:Enum=Missing;Turn;Group;Paused;Frozen;Unavailable;Superseded;Unprotected;Deletion
type BlockedKind string

// Kinds of blocks.
const (
	// BlockedMissing is something that a rollout needs but that is missing or unusable.
	BlockedMissing BlockedKind = "Missing"
	// BlockedTurn is the rollout of another Deployment that has a route first.
	BlockedTurn BlockedKind = "Turn"
	// BlockedGroup is a group whose members cannot step together, because their splits do not fit on one route.
	BlockedGroup BlockedKind = "Group"
	// BlockedPaused is a pause of the candidate.
	BlockedPaused BlockedKind = "Paused"
	// BlockedFrozen is a Freeze that is in force.
	BlockedFrozen BlockedKind = "Frozen"
	// BlockedUnavailable is a primary without available replicas: the change waits until it has some, or has had none for long.
	BlockedUnavailable BlockedKind = "Unavailable"
	// BlockedSuperseded is a template that changes again and again: the next candidate waits longer each time.
	BlockedSuperseded BlockedKind = "Superseded"
	// BlockedUnprotected is a policy that applies to the primary and would miss the canary.
	BlockedUnprotected BlockedKind = "Unprotected"
	// BlockedDeletion is the deletion of the Canary, which cannot complete in a dry run.
	BlockedDeletion BlockedKind = "Deletion"
)

// BlockedCause is the reason why no rollout can start.
type BlockedCause struct {
	// kind names what blocks the rollout: Missing (something that a rollout needs is missing or unusable), Turn (another
	// rollout has a route first), Group (the members of its group do not fit on one route together), Paused, Frozen, Unavailable
	// (the primary has no available replica, and has not had any for long enough to be changed without a canary), Superseded (the
	// template changes again and again), Unprotected (policies apply to the primary and would miss the canary), or Deletion (the
	// Canary is being deleted, but a dry run cannot remove the split from its routes).
	Kind BlockedKind `json:"kind"`
	// text describes the block in one sentence, and what to do.
	Text string `json:"text"`
}

// GroupFailure identifies the member whose rollback rolls back its group.
type GroupFailure struct {
	// group is the name of the group.
	Group string `json:"group"`
	// member is the name of the Deployment that was rolled back first.
	Member string `json:"member"`
}
