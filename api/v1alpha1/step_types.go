package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// StepKind is the kind of a planned step.
//
// +kubebuilder:validation:Enum=Iteration;Weight;Hold
type StepKind string

const (
	// StepIteration judges the canary without a weight: with matched requests, with mirrored requests, or with tests alone.
	StepIteration StepKind = "Iteration"
	// StepWeight sends a percentage of the requests to the canary.
	StepWeight StepKind = "Weight"
	// StepHold sends all requests to the canary before it is promoted.
	StepHold StepKind = "Hold"
)

// PlannedStep is a step in the plan of a rollout.
type PlannedStep struct {
	// kind is Iteration, Weight or Hold.
	Kind StepKind `json:"kind"`
	// weight is the percentage of requests that goes to the canary, from 0 to 100. For a workload without traffic, it is the
	// canary's percentage of the replicas.
	Weight float64 `json:"weight"`
	// mirrorWeight is the percentage of requests that is mirrored to the canary, from 0 to 100.
	// +optional
	MirrorWeight float64 `json:"mirrorWeight,omitempty"`
	// match is true if matched requests go to the canary regardless of its weight.
	// +optional
	Match bool `json:"match,omitempty"`
	// duration is how long the step lasts once its split is in effect.
	Duration metav1.Duration `json:"duration"`
}

// SessionAffinityStatus holds the cookies of a rollout. Each rollout has its own values.
type SessionAffinityStatus struct {
	// canary is the cookie that keeps users on the canary.
	Canary Cookie `json:"canary"`
	// primary is the cookie that keeps users on the primary. Absent if the policy sets none.
	// +optional
	Primary *Cookie `json:"primary,omitempty"`
	// expired lists the cookies of superseded candidates. Users who send one go to the primary, and the response removes the
	// cookie.
	// +optional
	// +listType=atomic
	Expired []Cookie `json:"expired,omitempty"`
	// expiring is when the routes were first observed to remove the cookies, at the end of the rollout. Absent until then.
	// +optional
	Expiring *metav1.MicroTime `json:"expiring,omitempty"`
}

// Cookie is a cookie that a route sets as "name=value; attributes".
type Cookie struct {
	// name is the name of the cookie.
	Name string `json:"name"`
	// value is the value of the cookie. If empty, every value matches.
	// +optional
	Value string `json:"value,omitempty"`
	// attributes are the attributes of the cookie, such as Max-Age and Path, separated by semicolons.
	// +optional
	Attributes string `json:"attributes,omitempty"`
}
