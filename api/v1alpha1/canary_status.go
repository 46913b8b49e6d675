package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CanaryStatus is the state of a rollout. What can be seen on other objects is not stored as truth here: weight and
// readiness are read again in every tick.
type CanaryStatus struct {
	// phase is where the rollout stands.
	// +optional
	Phase Phase `json:"phase,omitempty"`
	// message says in one sentence why the phase is what it is and what happens next.
	// +optional
	Message string `json:"message,omitempty"`
	// canaryWeight is the percentage of requests that the routes are asked to send to the canary, 0 to 100, at the finest
	// 0.01; always 0 for a workload without traffic.
	CanaryWeight float64 `json:"canaryWeight"`
	// failedChecks counts the failed checks of this rollout. It is never lowered while the candidate stays the same.
	FailedChecks int32 `json:"failedChecks"`
	// iterations counts the rounds of checks that this rollout has run.
	Iterations int32 `json:"iterations"`
	// lastTransitionTime is when the phase or the weight last changed.
	// +optional
	LastTransitionTime metav1.Time `json:"lastTransitionTime,omitempty"`

	// candidate is the hash of the pod template that is or was last judged.
	// +optional
	Candidate string `json:"candidate,omitempty"`
	// attempt counts how often this candidate has been tried again, 0 for the first time.
	// +optional
	Attempt int32 `json:"attempt,omitempty"`
	// images are those of the candidate's containers, as container=image.
	// +optional
	// +listType=atomic
	Images []string `json:"images,omitempty"`
	// requested is who asked for the candidate, and when.
	// +optional
	Requested *Requester `json:"requested,omitempty"`
	// paused is why no step is taken; absent while the rollout is not paused.
	// +optional
	Paused *PauseCause `json:"paused,omitempty"`
	// lastRequest is when the newest request in spec was made that this status takes into account.
	// +optional
	LastRequest *metav1.Time `json:"lastRequest,omitempty"`
	// outcome is how the rollout ends; empty until that is decided.
	// +optional
	Outcome Outcome `json:"outcome,omitempty"`
	// reason says in one sentence why the outcome was decided.
	// +optional
	Reason string `json:"reason,omitempty"`
	// groupFailure is set where the reason is that another member of the group was rolled back.
	// +optional
	GroupFailure *GroupFailure `json:"groupFailure,omitempty"`
	// started is when this rollout began.
	// +optional
	Started *metav1.MicroTime `json:"started,omitempty"`
	// step is the number of the planned step, 1 for the first, 0 while the canary starts.
	// +optional
	Step int32 `json:"step,omitempty"`
	// strategy is how the candidate is rolled out, such as canary, a/b or blue/green; empty while no rollout is open.
	// +optional
	Strategy string `json:"strategy,omitempty"`
	// steps are planned, in order; empty while no rollout is open.
	// +optional
	// +listType=atomic
	Steps []PlannedStep `json:"steps,omitempty"`
	// failureThreshold is the number of failed checks that rolls back; 0 while no rollout is open.
	// +optional
	FailureThreshold int32 `json:"failureThreshold,omitempty"`
	// nextStepTime is when the next step can be taken if its checks pass; empty while that is not known.
	// +optional
	NextStepTime *metav1.MicroTime `json:"nextStepTime,omitempty"`
	// nextCheckTime is when checks are due next; empty while none are planned.
	// +optional
	NextCheckTime *metav1.MicroTime `json:"nextCheckTime,omitempty"`
	// stepStarted is when the split of this step was first seen in effect; empty until then. In phase Finalising it is
	// when the routes were first seen without the canary.
	// +optional
	StepStarted *metav1.MicroTime `json:"stepStarted,omitempty"`
	// trafficStarted is when the canary first got requests in this rollout; checks look no further back.
	// +optional
	TrafficStarted *metav1.MicroTime `json:"trafficStarted,omitempty"`
	// waitingSince is when the present wait began; the progress deadline counts from it.
	// +optional
	WaitingSince *metav1.MicroTime `json:"waitingSince,omitempty"`
	// canaryReady is when the canary was first seen ready, from which its warm-up counts; empty while it is not ready.
	// +optional
	CanaryReady *metav1.MicroTime `json:"canaryReady,omitempty"`
	// sessionAffinity are the cookies by which users stay at their version; absent without.
	// +optional
	SessionAffinity *SessionAffinityStatus `json:"sessionAffinity,omitempty"`
	// promoted is when the primary was first seen with the candidate's template.
	// +optional
	Promoted *metav1.MicroTime `json:"promoted,omitempty"`
	// canaryReplicas is how many available canary pods the present weight was given for.
	// +optional
	CanaryReplicas int32 `json:"canaryReplicas,omitempty"`
	// primaryReplicas is how many replicas of the primary bear all requests, where an autoscaler sets them: the most that it
	// had in this rollout. It has fewer while the canary bears a part.
	// +optional
	PrimaryReplicas int32 `json:"primaryReplicas,omitempty"`
	// splitChanged is when the routes were last asked for another weight; empty until the first one.
	// +optional
	SplitChanged *metav1.MicroTime `json:"splitChanged,omitempty"`
	// restoring is true from the moment when the promoted template must be taken back out of the primary.
	// +optional
	Restoring bool `json:"restoring,omitempty"`
	// lastCheckTime is when checks last ran.
	// +optional
	LastCheckTime *metav1.MicroTime `json:"lastCheckTime,omitempty"`
	// checks are the results of the last round of checks.
	// +optional
	// +listType=map
	// +listMapKey=name
	Checks []CheckStatus `json:"checks,omitempty"`
	// gate is where the rollout waits for hooks to say yes; empty while it waits at none.
	// +optional
	Gate *GateStatus `json:"gate,omitempty"`
	// hooks are the last answers of the hooks that this rollout has asked.
	// +optional
	// +listType=map
	// +listMapKey=name
	Hooks []HookStatus `json:"hooks,omitempty"`

	// history are the last 10 rollouts that have ended, the newest first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	History []HistoryEntry `json:"history,omitempty"`

	// primary is the template that the primary was last seen with.
	// +optional
	Primary *PrimaryStatus `json:"primary,omitempty"`
	// policy is the effective policy, and where each value comes from.
	// +optional
	Policy *PolicyStatus `json:"policy,omitempty"`
	// target is what was found for the Deployment.
	// +optional
	Target *TargetStatus `json:"target,omitempty"`
	// frozen says in one sentence which Freeze holds the candidate, until when and why; empty while none does.
	// +optional
	Frozen string `json:"frozen,omitempty"`
	// queue is the candidate's place while it waits for other rollouts to end.
	// +optional
	Queue *QueueStatus `json:"queue,omitempty"`
	// group is where this member of a group stands; empty while no rollout of a group is open.
	// +optional
	Group *GroupStatus `json:"group,omitempty"`
	// dryRun is true where nothing but this status is changed: phase and steps are those of a rollout that did not take place.
	// +optional
	DryRun bool `json:"dryRun,omitempty"`
	// routes say how each route stands towards the split of an open rollout.
	// +optional
	// +listType=map
	// +listMapKey=name
	Routes []RouteStatus `json:"routes,omitempty"`
	// observedWeight is the percentage of the requests of the last window of checks that the canary got, with one decimal;
	// empty while it is not known.
	// +optional
	ObservedWeight string `json:"observedWeight,omitempty"`
	// cohort says of each Service of the cohort where the requests go that the canary has marked.
	// +optional
	// +listType=map
	// +listMapKey=service
	Cohort []CohortStatus `json:"cohort,omitempty"`
	// conditions are Promoted, Ready, Reconciling and Stalled, and Protected while a rollout is open.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// CheckStatus is the result of one check.
type CheckStatus struct {
	// name of the metric, e.g. request-success-rate.
	Name string `json:"name"`
	// value that was measured, with its unit, e.g. 99.72%; empty when there was none.
	// +optional
	Value string `json:"value,omitempty"`
	// threshold that the value is held against, with its unit, e.g. min 99%.
	Threshold string `json:"threshold"`
	// verdict is Pass, Fail or Inconclusive.
	Verdict Verdict `json:"verdict"`
	// optional is true for an inconclusive check that does not hold the step, because no requests are expected in it.
	// +optional
	Optional bool `json:"optional,omitempty"`
	// message says why, in one sentence.
	// +optional
	Message string `json:"message,omitempty"`
}

// PrimaryStatus is a pod template that the primary was seen with.
type PrimaryStatus struct {
	// template is the hash of the pod template.
	Template string `json:"template"`
	// revision of the Deployment when it was seen, as its controller counts them.
	// +optional
	Revision string `json:"revision,omitempty"`
}

// TargetStatus is what was found for a Deployment.
type TargetStatus struct {
	// service is the name of the Service that selects the primary's pods.
	// +optional
	Service string `json:"service,omitempty"`
	// routes are those that send requests to the Service: the name of an HTTPRoute of the same namespace, else
	// GRPCRoute/name or, from another namespace, HTTPRoute/namespace/name.
	// +optional
	// +listType=atomic
	Routes []string `json:"routes,omitempty"`
	// gateway is the first gateway that the routes are attached to, as namespace/name.
	// +optional
	Gateway string `json:"gateway,omitempty"`
	// metrics is the preset whose queries the checks use: traefik, istio, envoy-gateway or app.
	// +optional
	Metrics string `json:"metrics,omitempty"`
}
