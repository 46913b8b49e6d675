package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// StepKind says what a planned step does.
//
// +kubebuilder:validation:Enum=Iteration;Weight;Hold
type StepKind string

const (
	// StepIteration judges the canary without a weight: by matched requests, by mirrored requests, or by tests alone.
	StepIteration StepKind = "Iteration"
	// StepWeight sends a percentage of the requests to the canary.
	StepWeight StepKind = "Weight"
	// StepHold sends all requests to the canary before it is promoted.
	StepHold StepKind = "Hold"
)

// PlannedStep is one step in the plan of a rollout.
type PlannedStep struct {
	// kind is Iteration, Weight or Hold.
	Kind StepKind `json:"kind"`
	// weight is the canary's percentage of the requests, 0 to 100. For a workload without traffic it is the canary's
	// percentage of the replicas.
	Weight float64 `json:"weight"`
	// mirrorWeight is the percentage of requests that is mirrored to the canary, 0 to 100.
	// +optional
	MirrorWeight float64 `json:"mirrorWeight,omitempty"`
	// match is true if matched requests go to the canary regardless of its weight.
	// +optional
	Match bool `json:"match,omitempty"`
	// duration is how long the step lasts, counted from when it is in effect.
	Duration metav1.Duration `json:"duration"`
}

// SessionAffinityStatus holds the cookies of a rollout. Each rollout has its own values.
type SessionAffinityStatus struct {
	// canary is the cookie of users who stay on the canary.
	Canary Cookie `json:"canary"`
	// primary is the cookie of users who stay on the primary. Absent if they get none.
	// +optional
	Primary *Cookie `json:"primary,omitempty"`
	// expired are the cookies of superseded candidates. Users who send one go to the primary, and the answer removes the
	// cookie.
	// +optional
	// +listType=atomic
	Expired []Cookie `json:"expired,omitempty"`
	// expiring is when, at the end of the rollout, the cookies were first seen to be removed. Empty before that.
	// +optional
	Expiring *metav1.MicroTime `json:"expiring,omitempty"`
}

// Cookie is a cookie that a route sets as "name=value; attributes".
type Cookie struct {
	// name is the name of the cookie.
	Name string `json:"name"`
	// value is the value of the cookie. Empty to match every value.
	// +optional
	Value string `json:"value,omitempty"`
	// attributes are the cookie's attributes, such as Max-Age and Path, separated by semicolons.
	// +optional
	Attributes string `json:"attributes,omitempty"`
}
