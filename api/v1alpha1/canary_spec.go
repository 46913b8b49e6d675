package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CanarySpec holds requests from operators. The controller never writes it. Admission records who made each request, and
// when.
type CanarySpec struct {
	// paused pauses rollouts while it is set: no rollout and no step starts, and nothing is promoted. Checks continue and can
	// still roll back.
	// +optional
	Paused *Pause `json:"paused,omitempty"`
	// abort rolls a candidate back. The candidate starts again only if it is retried or the template changes.
	// +optional
	Abort *Request `json:"abort,omitempty"`
	// promote skips the remaining steps and promotes the candidate.
	// +optional
	Promote *PromoteRequest `json:"promote,omitempty"`
	// resume lets a rollout go on that the guard has paused. Its holds begin again; its evidence stays.
	// +optional
	Resume *Request `json:"resume,omitempty"`
	// retry starts a failed or aborted candidate again from the first step.
	// +optional
	Retry *Request `json:"retry,omitempty"`
	// reset discards a candidate, in flight or failed, as if it had never been requested. Applying the same template again
	// starts a new rollout.
	// +optional
	Reset *Request `json:"reset,omitempty"`
}

// Stamp records who made a request, and when. Admission sets it and replaces values from users.
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
	// reason explains the request in one sentence. It appears in the status and in events.
	// +optional
	// +kubebuilder:validation:MaxLength=500
	Reason string `json:"reason,omitempty"`
	Stamp  `json:",inline"`
}

// Request is a request for one candidate. It never applies to a later candidate.
type Request struct {
	// candidate is the hash of the candidate, as in status.candidate.hash. Admission completes a hash of which only the first
	// digits are given, at least 8.
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{8,64}$`
	Candidate string `json:"candidate"`
	// attempt is the number of the attempt, 0 for the first. Default: the current attempt.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Attempt *int32 `json:"attempt,omitempty"`
	// requested is when the candidate was requested, as in status.candidate.requested.at. Default: when the current candidate
	// was requested.
	// +optional
	// +kubebuilder:validation:Pattern=`^[0-9-]{10}T[0-9:]{8}\.[0-9]{6}Z$`
	Requested string `json:"requested,omitempty"`
	// reason explains the request in one sentence. It appears in the status and in events.
	// +optional
	// +kubebuilder:validation:MaxLength=500
	Reason string `json:"reason,omitempty"`
	Stamp  `json:",inline"`
}

// PromoteRequest is a request to promote one candidate.
type PromoteRequest struct {
	Request `json:",inline"`
	// skipAnalysis promotes the candidate as soon as the canary is ready, without analysis. If false, at least one round of
	// checks must pass first. Default false.
	// +optional
	SkipAnalysis bool `json:"skipAnalysis,omitempty"`
}
