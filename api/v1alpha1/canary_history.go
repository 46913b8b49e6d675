package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Requester says who asked for a template and when, as admission saw it.
type Requester struct {
	// by is the name of the user who changed the Deployment.
	// +optional
	By string `json:"by,omitempty"`
	// at is when the Deployment was changed.
	// +optional
	At *metav1.Time `json:"at,omitempty"`
}

// HistoryEntry is one rollout that has ended.
type HistoryEntry struct {
	// candidate is the hash of the candidate's pod template.
	Candidate string `json:"candidate"`
	// attempt is how often the candidate had been tried before. 0 for the first attempt.
	// +optional
	Attempt int32 `json:"attempt,omitempty"`
	// images are the images of the template's containers, as container=image.
	// +optional
	// +listType=atomic
	Images []string `json:"images,omitempty"`
	// by is the name of the user who asked for the template.
	// +optional
	By string `json:"by,omitempty"`
	// requested is when the template was asked for.
	// +optional
	Requested *metav1.Time `json:"requested,omitempty"`
	// started is when the rollout began. Empty if it never did.
	// +optional
	Started *metav1.MicroTime `json:"started,omitempty"`
	// finished is when the rollout ended.
	Finished metav1.MicroTime `json:"finished"`
	// duration is the time from started to finished, such as 2m35s. Empty if started is.
	// +optional
	Duration string `json:"duration,omitempty"`
	// outcome is how the rollout ended.
	Outcome Outcome `json:"outcome"`
	// reason says in one sentence why the rollout ended this way. A success has a reason only if no analysis decided it.
	// +optional
	Reason string `json:"reason,omitempty"`
	// groupFailure is set where the reason is that another member of the group was rolled back.
	// +optional
	GroupFailure *GroupFailure `json:"groupFailure,omitempty"`
}
