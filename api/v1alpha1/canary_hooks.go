package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// GateStatus is a gate at which a rollout waits for a yes.
type GateStatus struct {
	// type of the hooks that must say yes: confirm-rollout, pre-rollout, confirm-traffic-increase or confirm-promotion.
	Type HookType `json:"type"`
	// since is when the rollout came to the gate.
	Since metav1.MicroTime `json:"since"`
}

// HookStatus is the last answer of one hook.
type HookStatus struct {
	// name of the hook.
	Name string `json:"name"`
	// type of the hook.
	Type HookType `json:"type"`
	// step at which it was asked.
	Step int32 `json:"step"`
	// yes is true when it answered with a status from 200 to 299.
	Yes bool `json:"yes"`
	// answered is when its last answer was seen.
	Answered metav1.MicroTime `json:"answered"`
	// since is when it first gave this answer at this step.
	Since metav1.MicroTime `json:"since"`
	// message is what it said, or why it could not be asked, at most 1 KiB; empty for a yes.
	// +optional
	Message string `json:"message,omitempty"`
}
