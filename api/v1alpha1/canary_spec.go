package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CanarySpec is what an operator asks for. Sluice itself never writes it. Who asked and when is filled in by admission.
type CanarySpec struct {
	// paused holds the rollout while it is set: no step is taken and nothing is promoted; checks go on and can still
	// roll back.
	// +optional
	Paused *Pause `json:"paused,omitempty"`
	// abort rolls a candidate back. It is not tried again until it is retried or the template changes.
	// +optional
	Abort *Request `json:"abort,omitempty"`
	// promote gives a candidate to the primary without waiting for the remaining steps.
	// +optional
	Promote *PromoteRequest `json:"promote,omitempty"`
	// retry judges a candidate again that failed or was aborted.
	// +optional
	Retry *Request `json:"retry,omitempty"`
	// reset takes a candidate away, in flight or failed, as if it had never been asked for: the next apply of even the same
	// template starts anew.
	// +optional
	Reset *Request `json:"reset,omitempty"`
}

// Stamp is who asked and when. Admission writes it from the request; what a user writes here is not believed.
type Stamp struct {
	// by is the name of the user who asked.
	// +optional
	By string `json:"by,omitempty"`
	// at is when it was asked.
	// +optional
	At *metav1.Time `json:"at,omitempty"`
}

// Pause holds a rollout.
type Pause struct {
	// reason says in a sentence why, for the status and the events.
	// +optional
	// +kubebuilder:validation:MaxLength=500
	Reason string `json:"reason,omitempty"`
	Stamp  `json:",inline"`
}

// Request asks for something to happen to one candidate, and to no later one.
type Request struct {
	// candidate is the hash of the candidate that is meant, 8 hexadecimal digits as in status.candidate.
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{8}$`
	Candidate string `json:"candidate"`
	// attempt is which attempt of the candidate is meant, 0 for the first; the present one when it is left out.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Attempt *int32 `json:"attempt,omitempty"`
	// reason says in a sentence why, for the status and the events.
	// +optional
	// +kubebuilder:validation:MaxLength=500
	Reason string `json:"reason,omitempty"`
	Stamp  `json:",inline"`
}

// PromoteRequest asks for the promotion of one candidate.
type PromoteRequest struct {
	Request `json:",inline"`
	// skipAnalysis promotes as soon as the canary is ready, whatever its checks say; without it at least one round of
	// checks must pass. Default false.
	// +optional
	SkipAnalysis bool `json:"skipAnalysis,omitempty"`
}
