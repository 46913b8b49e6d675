package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Freeze stops rollouts from starting, or also from continuing. Without a schedule, it is in force until spec.until or until
// it is deleted. Rollbacks and aborts always work.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster
// +kubebuilder:printcolumn:name="Active",type=boolean,JSONPath=`.status.active`
// +kubebuilder:printcolumn:name="Mode",type=string,JSONPath=`.spec.mode`
// +kubebuilder:printcolumn:name="Until",type=string,JSONPath=`.status.activeUntil`
// +kubebuilder:printcolumn:name="Next",type=string,JSONPath=`.status.nextStart`
// +kubebuilder:printcolumn:name="By",type=string,JSONPath=`.spec.by`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.spec.reason`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.message`
type Freeze struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec defines what is frozen, and when.
	Spec FreezeSpec `json:"spec"`
	// status shows whether the freeze is in force.
	// +optional
	Status FreezeStatus `json:"status,omitempty,omitzero"`
}

// FreezeList is a list of Freezes.
//
// +kubebuilder:object:root=true
type FreezeList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// items are the Freezes.
	Items []Freeze `json:"items"`
}

// FreezeMode is what a Freeze stops.
//
// +kubebuilder:validation:Enum=Start;Pause
type FreezeMode string

const (
	// FreezeStart stops new rollouts. Rollouts in flight continue.
	FreezeStart FreezeMode = "Start"
	// FreezePause stops new rollouts and pauses those in flight: no step starts and nothing is promoted. Checks continue and
	// can still roll back.
	FreezePause FreezeMode = "Pause"
)

// FreezeSpec defines what is frozen, and when.
//
// +kubebuilder:validation:XValidation:rule="has(self.schedule) == has(self.duration)",message="schedule and duration belong together: set both for windows, or neither for a freeze that lasts until it is deleted"
// +kubebuilder:validation:XValidation:rule="!has(self.duration) || duration(self.duration) >= duration('1m') && duration(self.duration) <= duration('744h')",message="duration must be from 1m to 744h"
type FreezeSpec struct {
	// reason explains the freeze in one sentence. It appears in the status of each rollout that waits.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Reason string `json:"reason"`
	// namespaces lists the namespaces whose Deployments are frozen. Default: all.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=1000
	Namespaces []string `json:"namespaces,omitempty"`
	// selector selects Deployments by their labels. Default: all.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
	// mode is Start to stop new rollouts, or Pause to also pause rollouts in flight. Default Start.
	// +optional
	// +kubebuilder:default=Start
	Mode FreezeMode `json:"mode,omitempty"`
	// schedule is when each window starts, in the five fields of cron: minute, hour, day of the month, month and day of the
	// week, such as "0 18 * * FRI".
	// +optional
	// +kubebuilder:validation:Pattern=`^\s*[0-9A-Za-z*?,/-]+(\s+[0-9A-Za-z*?,/-]+){4}\s*$`
	// +kubebuilder:validation:MaxLength=200
	Schedule string `json:"schedule,omitempty"`
	// duration is how long each window lasts on the clock of timeZone, from 1m to 744h. With 62h, a window that starts on
	// Friday at 18:00 ends on Monday at 08:00, even if the clocks change in between.
	// +optional
	Duration *metav1.Duration `json:"duration,omitempty"`
	// timeZone is the time zone of schedule and duration, such as Europe/Berlin. Default UTC.
	// +optional
	// +kubebuilder:default=UTC
	// +kubebuilder:validation:Pattern=`^[A-Za-z][A-Za-z0-9_+/-]*$`
	// +kubebuilder:validation:MaxLength=64
	TimeZone string `json:"timeZone,omitempty"`
	// until is when the freeze ends, regardless of the schedule. Default: never.
	// +optional
	Until *metav1.Time `json:"until,omitempty"`
	Stamp `json:",inline"`
}

// FreezeStatus shows whether a freeze is in force. For display only: rollouts read the spec.
type FreezeStatus struct {
	// active is true while the freeze is in force.
	Active bool `json:"active"`
	// activeUntil is when the freeze ends. Absent while it is not in force or has no end.
	// +optional
	ActiveUntil *metav1.Time `json:"activeUntil,omitempty"`
	// nextStart is when the next window starts. Absent if there is none.
	// +optional
	NextStart *metav1.Time `json:"nextStart,omitempty"`
	// message describes what is wrong with the spec. Empty if it is valid.
	// +optional
	Message string `json:"message,omitempty"`
}
