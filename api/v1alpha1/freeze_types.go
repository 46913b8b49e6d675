package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Freeze keeps rollouts from starting, or from going on. Without a schedule it is in force for as long as it exists.
// Rollbacks and aborts always work.
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

	// spec is what is frozen, and when.
	Spec FreezeSpec `json:"spec"`
	// status is whether the freeze is in force.
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

// FreezeMode is what a Freeze keeps from happening.
//
// +kubebuilder:validation:Enum=Start;Pause
type FreezeMode string

const (
	// FreezeStart starts no rollout; those in flight go on to their end.
	FreezeStart FreezeMode = "Start"
	// FreezePause starts no rollout and pauses those in flight: no step, no promotion. Checks go on and can roll back.
	FreezePause FreezeMode = "Pause"
)

// FreezeSpec is what is frozen, and when.
//
// +kubebuilder:validation:XValidation:rule="has(self.schedule) == has(self.duration)",message="schedule and duration belong together: set both for windows, or neither for a freeze that lasts as long as the object exists"
// +kubebuilder:validation:XValidation:rule="!has(self.duration) || duration(self.duration) >= duration('1m') && duration(self.duration) <= duration('744h')",message="duration must be from 1m to 744h"
type FreezeSpec struct {
	// reason says in a sentence why, for whoever waits.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Reason string `json:"reason"`
	// namespaces are those whose Deployments are frozen; all when it is left out.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=1000
	Namespaces []string `json:"namespaces,omitempty"`
	// selector chooses Deployments by their labels; all when it is left out.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
	// mode is Start, which starts no rollout, or Pause, which also pauses those in flight. Default Start.
	// +optional
	// +kubebuilder:default=Start
	Mode FreezeMode `json:"mode,omitempty"`
	// schedule is when each window begins, as the five fields of cron: minute, hour, day of the month, month, day of the
	// week, e.g. "0 18 * * FRI".
	// +optional
	// +kubebuilder:validation:Pattern=`^\s*[0-9A-Za-z*?,/-]+(\s+[0-9A-Za-z*?,/-]+){4}\s*$`
	// +kubebuilder:validation:MaxLength=200
	Schedule string `json:"schedule,omitempty"`
	// duration is how long each window lasts on the clock of timeZone, 1m to 744h, e.g. 62h: a window that begins at 18:00 on
	// Friday then ends at 08:00 on Monday also when the clock is changed in between.
	// +optional
	Duration *metav1.Duration `json:"duration,omitempty"`
	// timeZone is the name of the zone in which schedule and duration are read, e.g. Europe/Berlin. Default UTC.
	// +optional
	// +kubebuilder:default=UTC
	// +kubebuilder:validation:Pattern=`^[A-Za-z][A-Za-z0-9_+/-]*$`
	// +kubebuilder:validation:MaxLength=64
	TimeZone string `json:"timeZone,omitempty"`
	// until ends the freeze, whatever the schedule says; it never ends by itself when it is left out.
	// +optional
	Until *metav1.Time `json:"until,omitempty"`
	Stamp `json:",inline"`
}

// FreezeStatus is whether a freeze is in force. It is shown to people; rollouts ask the spec.
type FreezeStatus struct {
	// active is true while the freeze is in force.
	Active bool `json:"active"`
	// activeUntil is when it ends; empty while it is not in force or has no end.
	// +optional
	ActiveUntil *metav1.Time `json:"activeUntil,omitempty"`
	// nextStart is when the next window begins; empty without any.
	// +optional
	NextStart *metav1.Time `json:"nextStart,omitempty"`
	// message says what is wrong with the spec; empty when nothing is.
	// +optional
	Message string `json:"message,omitempty"`
}
