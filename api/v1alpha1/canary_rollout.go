package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RolloutStatus is an open rollout. It ends as a whole.
type RolloutStatus struct {
	// started is when the rollout began.
	// +optional
	Started *metav1.MicroTime `json:"started,omitempty"`
	// waitingSince is when the present wait began, from which the progress deadline counts. Absent while nothing counts.
	// +optional
	WaitingSince *metav1.MicroTime `json:"waitingSince,omitempty"`
	// canary is the canary since it last started.
	// +optional
	Canary CanaryRun `json:"canary,omitzero"`
	// step is the present step.
	// +optional
	Step StepStatus `json:"step,omitzero"`
	// promotion is how far the promotion is, or the return to the previous template.
	// +optional
	Promotion PromotionStatus `json:"promotion,omitzero"`
	// decided is when the outcome was decided, from which the end of the rollout counts. Absent until then.
	// +optional
	Decided *metav1.MicroTime `json:"decided,omitempty"`
	// cleared is when the routes were first seen without the canary at the end of the rollout.
	// +optional
	Cleared *metav1.MicroTime `json:"cleared,omitempty"`
	// splitChanged is when the routes were last asked for another weight. Absent until the first time.
	// +optional
	SplitChanged *metav1.MicroTime `json:"splitChanged,omitempty"`
	// primaryReplicas is how many replicas of the primary bear all requests, where an autoscaler sets them: the most that it
	// had in this rollout. It has fewer while the canary bears a part.
	// +optional
	PrimaryReplicas int32 `json:"primaryReplicas,omitempty"`
	// sessionAffinity are the cookies by which users stay at their version. Absent without session affinity.
	// +optional
	SessionAffinity *SessionAffinityStatus `json:"sessionAffinity,omitempty"`
	// group is where this member of a group stands.
	// +optional
	Group *GroupStatus `json:"group,omitempty"`
}

// CanaryRun is the canary from its start to its end. It starts again when it has lost pods or a route.
type CanaryRun struct {
	// ready is when the canary was first seen ready, from which its warm-up counts. Absent while it is not ready.
	// +optional
	Ready *metav1.MicroTime `json:"ready,omitempty"`
	// known is when the gateway was first seen to know the canary, before the first step.
	// +optional
	Known *metav1.MicroTime `json:"known,omitempty"`
	// trafficStarted is when the canary first got requests. Checks look no further back.
	// +optional
	TrafficStarted *metav1.MicroTime `json:"trafficStarted,omitempty"`
	// replicas is how many available canary pods the present weight was given for.
	// +optional
	Replicas int32 `json:"replicas,omitempty"`
}

// StepStatus is the present step of a rollout.
type StepStatus struct {
	// number is the number of the planned step, 1 for the first, 0 while the canary starts.
	// +optional
	Number int32 `json:"number,omitempty"`
	// inEffect is when the split of this step was first seen in effect, from which the step lasts. Absent until then.
	// +optional
	InEffect *metav1.MicroTime `json:"inEffect,omitempty"`
}

// PromotionStatus is how far a promotion is.
type PromotionStatus struct {
	// shifted is when all requests were first seen to go to the canary, where the primary loses all its pods at once.
	// +optional
	Shifted *metav1.MicroTime `json:"shifted,omitempty"`
	// applied is when the primary was first seen with the candidate's template.
	// +optional
	Applied *metav1.MicroTime `json:"applied,omitempty"`
	// restoring is true from the moment when the promoted template must be taken back out of the primary.
	// +optional
	Restoring bool `json:"restoring,omitempty"`
	// steady is since when the primary has been ready with the share of requests that it has. Absent while it is not ready or
	// its share changes.
	// +optional
	Steady *metav1.MicroTime `json:"steady,omitempty"`
}

// PlanStatus shows what an open rollout goes through.
type PlanStatus struct {
	// strategy is how the candidate is rolled out, such as canary, a/b or blue/green.
	// +optional
	Strategy string `json:"strategy,omitempty"`
	// steps are the planned steps, in order.
	// +optional
	// +listType=atomic
	Steps []PlannedStep `json:"steps,omitempty"`
	// failureThreshold is the number of failed checks that rolls back.
	// +optional
	FailureThreshold int32 `json:"failureThreshold,omitempty"`
	// nextStepTime is when the next step can be taken if its checks pass. Absent while that is not known.
	// +optional
	NextStepTime *metav1.MicroTime `json:"nextStepTime,omitempty"`
	// nextCheckTime is when checks are due next. Absent while none are planned.
	// +optional
	NextCheckTime *metav1.MicroTime `json:"nextCheckTime,omitempty"`
}

// ObservedStatus shows what is seen of the split.
type ObservedStatus struct {
	// weight is the percentage of the requests of the last window of checks that the canary got, with one decimal. Empty while
	// it is not known.
	// +optional
	Weight string `json:"weight,omitempty"`
	// routes show how far each route follows the split of an open rollout.
	// +optional
	// +listType=map
	// +listMapKey=name
	Routes []RouteStatus `json:"routes,omitempty"`
}

// Open is the open rollout, without anything if none is open.
func (s CanaryStatus) Open() RolloutStatus {
	if s.Rollout == nil {
		return RolloutStatus{}
	}
	return *s.Rollout
}
