package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// GateStatus is a gate at which a rollout waits for approval.
type GateStatus struct {
	// type is the type of hook that must approve: confirm-rollout, pre-rollout, confirm-traffic-increase or confirm-promotion.
	Type HookType `json:"type"`
	// since is when the rollout reached the gate.
	Since metav1.MicroTime `json:"since"`
}

// HookStatus is the last answer of a hook.
type HookStatus struct {
	// name is the name of the hook.
	Name string `json:"name"`
	// type is the type of the hook.
	Type HookType `json:"type"`
	// step is the number of the step at which the hook was called.
	Step int32 `json:"step"`
	// yes is true if the hook approved: it answered with an HTTP status from 200 to 299.
	Yes bool `json:"yes"`
	// answered is when the last answer was received.
	Answered metav1.MicroTime `json:"answered"`
	// since is when the hook first gave this answer at this step.
	Since metav1.MicroTime `json:"since"`
	// message is the hook's response, or the reason why the hook could not be called. At most 1 KiB. Empty if yes is true.
	// +optional
	Message string `json:"message,omitempty"`
}
