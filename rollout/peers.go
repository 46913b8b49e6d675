package rollout

// Peer is another Canary, as far as this rollout depends on it.
type Peer struct {
	// Namespace and Name are those of its Deployment.
	Namespace, Name string
	// Group of its Deployment; empty for none.
	Group string
	// Held is set while its Deployment holds back a candidate that has neither failed nor was aborted. It is looked at for
	// members of the same group only.
	Held bool
	// Open is set while its rollout counts for the Limits; that may be known before State shows it.
	Open bool
	// State of its rollout.
	State State
}

// Limits are how many rollouts may be open at the same time, 0 for any number.
type Limits struct {
	// Cluster counts all rollouts.
	Cluster int
	// Namespace counts those of one namespace.
	Namespace int
}
