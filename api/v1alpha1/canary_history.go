package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Requester is the user who requested a template, and when, as recorded by admission.
type Requester struct {
	// by is the name of the user who changed the Deployment.
	// +optional
	By string `json:"by,omitempty"`
	// at is when the Deployment was changed.
	// +optional
	At *metav1.MicroTime `json:"at,omitempty"`
}

// HistoryEntry is a rollout that has ended.
type HistoryEntry struct {
	// candidate is the hash of the candidate's pod template: SHA-256 as 64 hexadecimal digits.
	Candidate string `json:"candidate"`
	// attempt is the number of earlier attempts at the candidate. 0 for the first attempt.
	// +optional
	Attempt int32 `json:"attempt,omitempty"`
	// images lists the candidate's container images, as container=image.
	// +optional
	// +listType=atomic
	Images []string `json:"images,omitempty"`
	// by is the name of the user who requested the template.
	// +optional
	By string `json:"by,omitempty"`
	// requested is when the template was requested.
	// +optional
	Requested *metav1.MicroTime `json:"requested,omitempty"`
	// started is when the rollout started. Absent if it never did.
	// +optional
	Started *metav1.MicroTime `json:"started,omitempty"`
	// finished is when the rollout ended.
	Finished metav1.MicroTime `json:"finished"`
	// duration is the time from started to finished, such as 2m35s. Empty if started is absent.
	// +optional
	Duration string `json:"duration,omitempty"`
	// outcome is how the rollout ended.
	Outcome Outcome `json:"outcome"`
	// reason explains the outcome in one sentence. A success has a reason only if it was not decided by analysis.
	// +optional
	Reason string `json:"reason,omitempty"`
	// compared compares both versions, if other people used each and the guard counted their requests.
	// +optional
	// +listType=map
	// +listMapKey=users
	// +kubebuilder:validation:MaxItems=3
	Compared []VersionsCompared `json:"compared,omitempty"`
	// groupFailure is set if the rollout ended because another member of its group was rolled back.
	// +optional
	GroupFailure *GroupFailure `json:"groupFailure,omitempty"`
}
