package v1alpha1

// RouteStatus is how a route stands towards the split of a rollout.
type RouteStatus struct {
	// name of the route as in target.routes.
	Name string `json:"name"`
	// weight is the canary's percentage that the rules of the route say, such as 30 or 0.5.
	Weight string `json:"weight"`
	// inEffect is true once every parent of the route has accepted the split.
	InEffect bool `json:"inEffect"`
	// reason says which parent the split waits for, and what that says; empty when it is in effect.
	// +optional
	Reason string `json:"reason,omitempty"`
}

// CohortStatus is where requests go that a canary has marked, for one Service of its cohort.
type CohortStatus struct {
	// service whose requests are meant.
	Service string `json:"service"`
	// target is the Service that gets those with the mark.
	Target string `json:"target"`
	// routes that send them there, named as in target.routes.
	// +optional
	// +listType=atomic
	Routes []string `json:"routes,omitempty"`
	// waiting says why a route does not send them there; empty when all do.
	// +optional
	Waiting string `json:"waiting,omitempty"`
}
