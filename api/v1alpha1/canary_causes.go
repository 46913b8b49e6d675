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

// GroupFailure is the member of a group that takes the others back with it.
type GroupFailure struct {
	// group is the name of the group.
	Group string `json:"group"`
	// member is the name of the Deployment that was rolled back first.
	Member string `json:"member"`
}
