package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// QueueStatus is the place of a candidate that waits for other rollouts to end.
type QueueStatus struct {
	// position in the queue, 1 for the next to start.
	Position int32 `json:"position"`
	// since is when the candidate began to wait in the queue.
	Since metav1.MicroTime `json:"since"`
}

// GroupStatus is where a member of a group stands.
type GroupStatus struct {
	// name of the group.
	Name string `json:"name"`
	// passed is the number of the last step that this member has passed; promotion waits for the last step of all.
	// +optional
	Passed int32 `json:"passed,omitempty"`
	// complete is true once the primary runs the candidate with all its pods; the rollout ends when all members are complete.
	// +optional
	Complete bool `json:"complete,omitempty"`
	// waitingFor are the names of the members that are awaited.
	// +optional
	// +listType=atomic
	WaitingFor []string `json:"waitingFor,omitempty"`
	// blocked says which awaited members cannot begin since something that they need is missing, and what; the progress deadline
	// of this member runs meanwhile. Empty while none is, and in the first 30 seconds.
	// +optional
	Blocked string `json:"blocked,omitempty"`
}
