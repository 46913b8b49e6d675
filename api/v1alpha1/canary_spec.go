package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CanarySpec holds the requests of operators. Sluice never writes it. Admission fills in who made a request and when.
type CanarySpec struct {
	// paused pauses the rollout while it is set: no step starts and nothing is promoted. Checks continue and can still roll
	// back.
	// +optional
	Paused *Pause `json:"paused,omitempty"`
	// abort rolls a candidate back. It does not start again until it is retried or the template changes.
	// +optional
	Abort *Request `json:"abort,omitempty"`
	// promote skips the remaining steps and promotes a candidate.
	// +optional
	Promote *PromoteRequest `json:"promote,omitempty"`
	// retry starts a failed or aborted candidate again from the first step.
	// +optional
	Retry *Request `json:"retry,omitempty"`
	// reset discards a candidate, in flight or failed, as if it had never been requested. The next apply of the same template
	// starts anew.
	// +optional
	Reset *Request `json:"reset,omitempty"`
}

// Stamp is who made a request and when. Admission sets it; values from users are replaced.
type Stamp struct {
	// by is the name of the user who made the request.
	// +optional
	By string `json:"by,omitempty"`
	// at is when the request was made.
	// +optional
	At *metav1.Time `json:"at,omitempty"`
}

// Pause pauses a rollout.
type Pause struct {
	// reason says in one sentence why. It is shown in the status and the events.
	// +optional
	// +kubebuilder:validation:MaxLength=500
	Reason string `json:"reason,omitempty"`
	Stamp  `json:",inline"`
}

// Request is a request for one candidate. It never applies to a later one.
type Request struct {
	// candidate is the hash of the candidate, 8 hexadecimal digits as in status.candidate.hash.
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{8}$`
	Candidate string `json:"candidate"`
	// attempt is the attempt of the candidate, 0 for the first. Default: the current attempt.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Attempt *int32 `json:"attempt,omitempty"`
	// reason says in one sentence why. It is shown in the status and the events.
	// +optional
	// +kubebuilder:validation:MaxLength=500
	Reason string `json:"reason,omitempty"`
	Stamp  `json:",inline"`
}

// PromoteRequest is a request to promote one candidate.
type PromoteRequest struct {
	Request `json:",inline"`
	// skipAnalysis promotes as soon as the canary is ready, without analysis. If false, at least one round of checks must
	// pass. Default false.
	// +optional
	SkipAnalysis bool `json:"skipAnalysis,omitempty"`
}
