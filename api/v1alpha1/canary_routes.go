package v1alpha1

// ListedRoutes is the largest number of routes in a list of the status. Every granted namespace may add routes, and a status
// that is too large could not be written.
const ListedRoutes = 50

// RouteStatus shows the split of one route, and whether it is in effect.
type RouteStatus struct {
	// name is the name of the route, in the form of target.routes.
	Name string `json:"name"`
	// weight is the canary's percentage in the rules of the route, such as 30 or 0.5.
	Weight string `json:"weight"`
	// inEffect is true once every parent of the route has accepted the split.
	InEffect bool `json:"inEffect"`
	// reason names the parent that has not accepted the split yet, and what that parent reports. Empty if the split is in
	// effect.
	// +optional
	Reason string `json:"reason,omitempty"`
}

// CohortStatus shows where requests marked by the canary go, for one Service of its cohort.
type CohortStatus struct {
	// service is the Service to which the marked requests are addressed.
	Service string `json:"service"`
	// target is the Service that receives the marked requests instead.
	Target string `json:"target"`
	// routes lists the routes that redirect the marked requests, in the form of target.routes.
	// +optional
	// +listType=atomic
	Routes []string `json:"routes,omitempty"`
	// waiting explains why a route does not redirect them yet. Empty if all routes do.
	// +optional
	Waiting string `json:"waiting,omitempty"`
}
