package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// QueueStatus is a candidate's place in the queue of rollouts that wait for others to end.
type QueueStatus struct {
	// position is the place in the queue: 1 starts next.
	Position int32 `json:"position"`
	// since is when the candidate entered the queue.
	Since metav1.MicroTime `json:"since"`
}

// GroupStatus shows how far a member of a group is, and which other members it waits for.
type GroupStatus struct {
	// name is the name of the group.
	Name string `json:"name"`
	// passed is the number of the last step that this member has passed. Promotion waits until all members have passed their
	// last step.
	// +optional
	Passed int32 `json:"passed,omitempty"`
	// complete is true once all pods of the primary run the candidate. The rollout ends when all members are complete.
	// +optional
	Complete bool `json:"complete,omitempty"`
	// waitingFor are the names of the members that this one waits for.
	// +optional
	// +listType=atomic
	WaitingFor []string `json:"waitingFor,omitempty"`
	// blocked says which of those members cannot start, and what each lacks. The progress deadline of this member runs
	// meanwhile. Empty if none is blocked, and for the first 30 seconds.
	// +optional
	Blocked string `json:"blocked,omitempty"`
}
