package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CanaryStatus is the state from which the next tick continues. Its parts end with what they are about: rollout with the
// rollout, candidate with the candidate, and the rest with the Canary. What other objects show, such as readiness, is read
// again in every tick.
type CanaryStatus struct {
	// phase is where the rollout stands.
	// +optional
	Phase Phase `json:"phase,omitempty"`
	// message says in one sentence why the phase is what it is and what happens next.
	// +optional
	Message string `json:"message,omitempty"`
	// canaryWeight is the percentage of requests that the routes are asked to send to the canary, 0 to 100, at the finest
	// 0.01. It is always 0 for a workload without traffic.
	CanaryWeight float64 `json:"canaryWeight"`
	// failedChecks counts the failed checks of this rollout. It never falls while the candidate stays the same.
	FailedChecks int32 `json:"failedChecks"`
	// iterations counts the rounds of checks of this rollout.
	Iterations int32 `json:"iterations"`

	CanaryRecord   `json:",inline"`
	CanaryStanding `json:",inline"`

	// blocked is why no rollout can start. Absent if nothing is in the way.
	// +optional
	Blocked *BlockedCause `json:"blocked,omitempty"`
	// queue is the candidate's place while it waits for other rollouts to end.
	// +optional
	Queue *QueueStatus `json:"queue,omitempty"`
	// candidate is the template that is or was last judged, and how that ended.
	// +optional
	Candidate CandidateStatus `json:"candidate,omitzero"`
	// lastCheckTime is when checks last ran.
	// +optional
	LastCheckTime *metav1.MicroTime `json:"lastCheckTime,omitempty"`
	// checks are the results of the last round of checks.
	// +optional
	// +listType=map
	// +listMapKey=name
	Checks []CheckStatus `json:"checks,omitempty"`
	// gate is where the rollout waits for hooks to approve. Absent while it waits at none.
	// +optional
	Gate *GateStatus `json:"gate,omitempty"`
	// hooks are the last answers of the hooks that were called for the candidate.
	// +optional
	// +listType=map
	// +listMapKey=name
	Hooks []HookStatus `json:"hooks,omitempty"`

	// rollout is the open rollout. Absent if none is open.
	// +optional
	Rollout *RolloutStatus `json:"rollout,omitempty"`

	// policy is the effective policy, and where each value comes from.
	// +optional
	Policy *PolicyStatus `json:"policy,omitempty"`
	// target is what was found for the Deployment. An open rollout keeps what it found when it started.
	// +optional
	Target *TargetStatus `json:"target,omitempty"`
	// cohort shows for each Service of the cohort where requests go that the canary has marked.
	// +optional
	// +listType=map
	// +listMapKey=service
	Cohort []CohortStatus `json:"cohort,omitempty"`
	// plan shows what the open rollout goes through. Only other members of its group decide by it: by the number of steps.
	// +optional
	Plan PlanStatus `json:"plan,omitzero"`
	// observed shows what the routes and the metrics say of the split. Nothing is decided by it.
	// +optional
	Observed ObservedStatus `json:"observed,omitzero"`
}

// CanaryRecord is what outlives every rollout.
type CanaryRecord struct {
	// lastTransitionTime is when the phase or the weight last changed.
	// +optional
	LastTransitionTime metav1.Time `json:"lastTransitionTime,omitempty"`
	// lastRequest is when the newest request in spec was made that this status takes into account.
	// +optional
	LastRequest *metav1.Time `json:"lastRequest,omitempty"`
	// history are the last 10 rollouts that have ended, the newest first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	History []HistoryEntry `json:"history,omitempty"`
	// conditions are Promoted, Ready, Reconciling and Stalled, and Protected while a rollout is open.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// CanaryStanding is what holds for the Deployment, whichever candidate is judged.
type CanaryStanding struct {
	// primary is the template that the primary was last seen with.
	// +optional
	Primary *PrimaryStatus `json:"primary,omitempty"`
	// paused is why no step is taken. Absent while the rollout is not paused.
	// +optional
	Paused *PauseCause `json:"paused,omitempty"`
	// frozen says in one sentence which Freeze holds the candidate, until when and why. Empty while none does.
	// +optional
	Frozen string `json:"frozen,omitempty"`
	// dryRun is true where only this status changes: phase and steps are those of a rollout that did not take place.
	// +optional
	DryRun bool `json:"dryRun,omitempty"`
}

// CandidateStatus is a template that is or was judged.
type CandidateStatus struct {
	// hash is the hash of the pod template.
	// +optional
	Hash string `json:"hash,omitempty"`
	// attempt counts how often this candidate has been tried again, 0 for the first time.
	// +optional
	Attempt int32 `json:"attempt,omitempty"`
	// images are the images of the candidate's containers, as container=image.
	// +optional
	// +listType=atomic
	Images []string `json:"images,omitempty"`
	// requested is who asked for the candidate, and when.
	// +optional
	Requested *Requester `json:"requested,omitempty"`
	// outcome is how the rollout ends. Empty until that is decided.
	// +optional
	Outcome Outcome `json:"outcome,omitempty"`
	// reason says in one sentence why the outcome was decided.
	// +optional
	Reason string `json:"reason,omitempty"`
	// groupFailure is set where the reason is that another member of the group was rolled back.
	// +optional
	GroupFailure *GroupFailure `json:"groupFailure,omitempty"`
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
