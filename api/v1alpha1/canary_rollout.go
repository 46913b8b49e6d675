package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// RolloutStatus is the state of an open rollout. It is removed when the rollout ends.
type RolloutStatus struct {
	// started is when the rollout started.
	// +optional
	Started *metav1.MicroTime `json:"started,omitempty"`
	// waitingSince is when the current wait began. The progress deadline counts from it, or from when the replica that
	// reconciles began to look at the rollout, if that is later. Absent while the deadline is not running.
	// +optional
	WaitingSince *metav1.MicroTime `json:"waitingSince,omitempty"`
	// canary is the state of the canary since it last started.
	// +optional
	Canary CanaryRun `json:"canary,omitzero"`
	// step is the current step.
	// +optional
	Step StepStatus `json:"step,omitzero"`
	// interrupted counts interruptions of the steps, such as a killed canary pod. Absent without any.
	// +optional
	Interrupted *InterruptionStatus `json:"interrupted,omitempty"`
	// pods is what has gone wrong with the pods of both versions since the canary first got requests, or a share of the replicas. Absent
	// while nothing has, and if pods may not be read.
	// +optional
	Pods *PodsStatus `json:"pods,omitempty"`
	// promotion is the progress of the promotion, or of the return to the previous template.
	// +optional
	Promotion PromotionStatus `json:"promotion,omitzero"`
	// heldSince is since when the rollout has been paused or kept at a gate without a break. Absent while it goes on, and without
	// a limit of open rollouts.
	// +optional
	HeldSince *metav1.MicroTime `json:"heldSince,omitempty"`
	// placeGivenBack is when the rollout, held for long, stopped counting for the limits of open rollouts. Absent while it counts.
	// +optional
	PlaceGivenBack *metav1.MicroTime `json:"placeGivenBack,omitempty"`
	// decided is when the outcome was decided. The end of the rollout counts from it. Absent until then.
	// +optional
	Decided *metav1.MicroTime `json:"decided,omitempty"`
	// cleared is when the routes were first observed without the canary, at the end of the rollout.
	// +optional
	Cleared *metav1.MicroTime `json:"cleared,omitempty"`
	// splitChanged is when the requested weight last changed. Absent until the first change.
	// +optional
	SplitChanged *metav1.MicroTime `json:"splitChanged,omitempty"`
	// primaryReplicas is the number of replicas that the primary needs to serve all requests, if an autoscaler scales it: the
	// highest number observed in this rollout. The primary has fewer while the canary serves a share.
	// +optional
	PrimaryReplicas int32 `json:"primaryReplicas,omitempty"`
	// sessionAffinity holds the cookies that keep users on their version. Absent without session affinity.
	// +optional
	SessionAffinity *SessionAffinityStatus `json:"sessionAffinity,omitempty"`
	// guard is what the guard knows. Absent while no guard judges.
	// +optional
	Guard *GuardStatus `json:"guard,omitempty"`
	// control is what the guard compares the canary with if the policy has guard.baseline: fresh. Absent without.
	// +optional
	Control *ControlStatus `json:"control,omitempty"`
	// group is the progress of this member of a group. Absent if the Deployment is in no group.
	// +optional
	Group *GroupStatus `json:"group,omitempty"`
}

// CanaryRun is the state of a running canary. Except for its template, it is reset when the canary loses pods or a route.
type CanaryRun struct {
	// ready is when the canary was first observed to be ready. Its warm-up counts from it. Absent while the canary is not
	// ready.
	// +optional
	Ready *metav1.MicroTime `json:"ready,omitempty"`
	// known is when the gateway was first observed to know the canary, before the first step.
	// +optional
	Known *metav1.MicroTime `json:"known,omitempty"`
	// trafficStarted is when the canary first received requests. Checks ignore data from before.
	// +optional
	TrafficStarted *metav1.MicroTime `json:"trafficStarted,omitempty"`
	// replicas is the number of available canary pods that the current weight is based on.
	// +optional
	Replicas int32 `json:"replicas,omitempty"`
	// written is the pod template of the canary as the API server stored it when Sluice last wrote it. Absent until it is
	// written.
	// +optional
	Written *WrittenTemplate `json:"written,omitempty"`
	// edited is when the canary was first observed with another pod template than the written one. Absent once the candidate is
	// written back.
	// +optional
	Edited *metav1.MicroTime `json:"edited,omitempty"`
}

// WrittenTemplate identifies a pod template that Sluice has written.
type WrittenTemplate struct {
	// uid is the UID of the canary's Deployment.
	UID types.UID `json:"uid"`
	// generation is the generation of the Deployment after the write. In a later generation, the content decides whether
	// somebody has changed the template.
	Generation int64 `json:"generation"`
	// template is the SHA-256 of the pod template as the API server stored it, with defaults and with the changes of mutating
	// webhooks.
	Template string `json:"template"`
}

// InterruptionStatus counts how often the canary's requests were taken away in mid-step.
type InterruptionStatus struct {
	// step is the number of the last step that was interrupted.
	Step int32 `json:"step"`
	// times is how often the rollout was interrupted without passing this step. If it is more often than the failure threshold,
	// the rollout is rolled back.
	Times int32 `json:"times"`
	// returnsTo is the number of the step that starts again once the canary is ready. 0 if the steps start from the first one, or
	// once the step has started again.
	// +optional
	ReturnsTo int32 `json:"returnsTo,omitempty"`
}

// StepStatus is the current step of a rollout.
type StepStatus struct {
	// number is the number of the step in the plan, starting at 1. 0 while the canary starts.
	// +optional
	Number int32 `json:"number,omitempty"`
	// inEffect is when the split of this step was first observed to be in effect. The step's duration counts from it. Absent
	// until then.
	// +optional
	InEffect *metav1.MicroTime `json:"inEffect,omitempty"`
	// unequal is true once an event has reported that the canary gets another share of the requests than the weight of this
	// step.
	// +optional
	Unequal bool `json:"unequal,omitempty"`
}

// PromotionStatus is the progress of a promotion.
type PromotionStatus struct {
	// shifted is when all requests were first observed to go to the canary. Set only if the primary replaces all its pods at
	// once.
	// +optional
	Shifted *metav1.MicroTime `json:"shifted,omitempty"`
	// applied is when the primary was first observed with the candidate's template.
	// +optional
	Applied *metav1.MicroTime `json:"applied,omitempty"`
	// givenWay is when the canary began to give its place to the primary, because a quota refused the primary's pods. Absent if
	// it did not.
	// +optional
	GivenWay *metav1.MicroTime `json:"givenWay,omitempty"`
	// restoring is true once the primary must return from the promoted template to the previous one.
	// +optional
	Restoring bool `json:"restoring,omitempty"`
	// steady is when the primary became ready with its current share of the requests. Absent while it is not ready or its share
	// changes.
	// +optional
	Steady *metav1.MicroTime `json:"steady,omitempty"`
}

// PlanStatus shows the plan of an open rollout.
type PlanStatus struct {
	// strategy is the strategy of the rollout, such as canary, a/b or blue/green.
	// +optional
	Strategy string `json:"strategy,omitempty"`
	// steps lists the planned steps, in order.
	// +optional
	// +listType=atomic
	Steps []PlannedStep `json:"steps,omitempty"`
	// failureThreshold is the number of failed checks at which the rollout rolls back.
	// +optional
	FailureThreshold int32 `json:"failureThreshold,omitempty"`
	// nextStepTime is the earliest time of the next step, if checks pass. Absent while it is unknown.
	// +optional
	NextStepTime *metav1.MicroTime `json:"nextStepTime,omitempty"`
	// nextCheckTime is when the next checks are due. Absent while none are planned.
	// +optional
	NextCheckTime *metav1.MicroTime `json:"nextCheckTime,omitempty"`
}

// ObservedStatus shows the observed split.
type ObservedStatus struct {
	// weight is the percentage of requests that the canary received in the last window of checks, with one decimal. Empty while
	// it is unknown.
	// +optional
	Weight string `json:"weight,omitempty"`
	// difference says that the canary received another share of the requests than its weight, when they were last compared.
	// They are compared once the window of the checks lies within a step in which the weight alone shares the requests. Empty
	// if they do not differ or were not compared.
	// +optional
	Difference string `json:"difference,omitempty"`
	// routes lists whether the split is in effect, for the first 50 routes of an open rollout. Those on which it is not in effect
	// come first.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=50
	Routes []RouteStatus `json:"routes,omitempty"`
	// moreRoutes is the number of further routes that routes does not list.
	// +optional
	MoreRoutes int32 `json:"moreRoutes,omitempty"`
}

// Open returns the open rollout, or the zero value if none is open.
func (s CanaryStatus) Open() RolloutStatus {
	if s.Rollout == nil {
		return RolloutStatus{}
	}
	return *s.Rollout
}
