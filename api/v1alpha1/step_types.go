package v1alpha1

import (
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// StepKind says what a planned step does.
//
// +kubebuilder:validation:Enum=Iteration;Weight;Hold
type StepKind string

const (
	// StepIteration judges the canary without a weight: by matched requests, by copies of requests, or by tests alone.
	StepIteration StepKind = "Iteration"
	// StepWeight gives the canary a share of the requests.
	StepWeight StepKind = "Weight"
	// StepHold gives the canary all requests before it is promoted.
	StepHold StepKind = "Hold"
)

// PlannedStep is one step of a rollout as it is planned.
type PlannedStep struct {
	// kind is Iteration, Weight or Hold.
	Kind StepKind `json:"kind"`
	// weight of the canary in percent, 0 to 100. For a workload without traffic it is the canary's share of the replicas.
	Weight float64 `json:"weight"`
	// mirrorWeight is of how many percent of the requests the canary gets copies, 0 to 100.
	// +optional
	MirrorWeight float64 `json:"mirrorWeight,omitempty"`
	// match is true when matched requests go to the canary whatever its weight.
	// +optional
	Match bool `json:"match,omitempty"`
	// duration is how long the step lasts from the moment when it is in effect.
	Duration metav1.Duration `json:"duration"`
}

// UnmarshalJSON also reads the bare weights that a release before this type wrote, so that an upgrade can read the status of
// a running rollout.
func (s *PlannedStep) UnmarshalJSON(content []byte) error {
	var weight float64
	if json.Unmarshal(content, &weight) == nil {
		*s = PlannedStep{Kind: StepWeight, Weight: weight}
		return nil
	}
	type plain PlannedStep
	return json.Unmarshal(content, (*plain)(s))
}

// SessionAffinityStatus are the cookies of a rollout. Their values are its own.
type SessionAffinityStatus struct {
	// canary is the cookie of users at the canary.
	Canary Cookie `json:"canary"`
	// primary is the cookie of users at the primary; absent when they have none.
	// +optional
	Primary *Cookie `json:"primary,omitempty"`
	// expired are cookies of a candidate that this one replaced; users who send them come to the primary and lose them.
	// +optional
	// +listType=atomic
	Expired []Cookie `json:"expired,omitempty"`
	// expiring is when, at the end of the rollout, the cookies were first seen to be taken back; empty before.
	// +optional
	Expiring *metav1.MicroTime `json:"expiring,omitempty"`
}

// Cookie is what a route sets as "name=value; attributes".
type Cookie struct {
	// name of the cookie.
	Name string `json:"name"`
	// value of the cookie; empty where every value counts.
	// +optional
	Value string `json:"value,omitempty"`
	// attributes such as Max-Age and Path, separated by semicolons.
	// +optional
	Attributes string `json:"attributes,omitempty"`
}
