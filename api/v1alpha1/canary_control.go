package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// QueueStatus is a candidate's place in the queue for a rollout.
type QueueStatus struct {
	// position is the position in the queue. Position 1 starts next.
	Position int32 `json:"position"`
	// since is when the candidate entered the queue.
	Since metav1.MicroTime `json:"since"`
}

// GroupStatus is the progress of a member of a group.
type GroupStatus struct {
	// name is the name of the group.
	Name string `json:"name"`
	// passed is the number of the last step that this member has passed. Promotion starts when all members have passed their
	// last steps.
	// +optional
	Passed int32 `json:"passed,omitempty"`
	// complete is true once all pods of the primary run the candidate. The rollout ends when all members are complete.
	// +optional
	Complete bool `json:"complete,omitempty"`
	// waitingFor lists the members that this member waits for.
	// +optional
	// +listType=atomic
	WaitingFor []string `json:"waitingFor,omitempty"`
	// blocked names the members in waitingFor that cannot start, and why. This member's progress deadline keeps running. Empty
	// if none is blocked, and for the first 30 seconds.
	// +optional
	Blocked string `json:"blocked,omitempty"`
}
