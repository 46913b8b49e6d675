package v1alpha1

// RouteStatus shows how far a route follows the split of a rollout.
type RouteStatus struct {
	// name is the name of the route, written as in target.routes.
	Name string `json:"name"`
	// weight is the canary's percentage in the rules of the route, such as 30 or 0.5.
	Weight string `json:"weight"`
	// inEffect is true once every parent of the route has accepted the split.
	InEffect bool `json:"inEffect"`
	// reason names the parent that the split waits for and what that parent reports. Empty if the split is in effect.
	// +optional
	Reason string `json:"reason,omitempty"`
}

// CohortStatus shows where requests that the canary has marked go, for one Service of its cohort.
type CohortStatus struct {
	// service is the Service that the marked requests are addressed to.
	Service string `json:"service"`
	// target is the Service that receives them instead.
	Target string `json:"target"`
	// routes are the routes that send them there, written as in target.routes.
	// +optional
	// +listType=atomic
	Routes []string `json:"routes,omitempty"`
	// waiting says why a route does not send them there yet. Empty if all do.
	// +optional
	Waiting string `json:"waiting,omitempty"`
}
