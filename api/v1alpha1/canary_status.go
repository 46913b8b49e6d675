package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CanaryStatus is the state of a Deployment's rollouts. The controller continues from it. Each part has the lifetime of what
// it describes: rollout lasts as long as the rollout, candidate as long as the candidate, and the rest as long as the
// Canary. The controller reads the state of other objects, such as readiness, again in each tick.
type CanaryStatus struct {
	// phase is the current phase of the rollout.
	// +optional
	Phase Phase `json:"phase,omitempty"`
	// message explains the phase in one sentence, and what happens next.
	// +optional
	Message string `json:"message,omitempty"`
	// canaryWeight is the percentage of requests that the routes are configured to send to the canary, from 0 to 100 in
	// multiples of 0.01. Always 0 for a workload without traffic.
	CanaryWeight float64 `json:"canaryWeight"`
	// failedChecks is the number of failed checks in this rollout. It never decreases while the candidate stays the same.
	FailedChecks int32 `json:"failedChecks"`
	// iterations is the number of rounds of checks in this rollout.
	Iterations int32 `json:"iterations"`

	CanaryRecord   `json:",inline"`
	CanaryStanding `json:",inline"`

	// blocked is the reason why no rollout can start. Absent if nothing blocks it.
	// +optional
	Blocked *BlockedCause `json:"blocked,omitempty"`
	// queue is the candidate's place in the queue while it waits for other rollouts to end.
	// +optional
	Queue *QueueStatus `json:"queue,omitempty"`
	// candidate is the candidate that is being judged or was judged last, and the outcome.
	// +optional
	Candidate CandidateStatus `json:"candidate,omitzero"`
	// lastCheckTime is when checks last ran.
	// +optional
	LastCheckTime *metav1.MicroTime `json:"lastCheckTime,omitempty"`
	// checks lists the results of the last round of checks.
	// +optional
	// +listType=map
	// +listMapKey=name
	Checks []CheckStatus `json:"checks,omitempty"`
	// gate is the gate at which the rollout waits for approval. Absent if it waits at none.
	// +optional
	Gate *GateStatus `json:"gate,omitempty"`
	// hooks lists the last answer of each hook that was called for the candidate.
	// +optional
	// +listType=map
	// +listMapKey=name
	Hooks []HookStatus `json:"hooks,omitempty"`

	// rollout is the open rollout. Absent if none is open.
	// +optional
	Rollout *RolloutStatus `json:"rollout,omitempty"`

	// policy is the effective policy, and the source of each value.
	// +optional
	Policy *PolicyStatus `json:"policy,omitempty"`
	// target lists what was discovered for the Deployment. An open rollout keeps what was discovered when it started.
	// +optional
	Target *TargetStatus `json:"target,omitempty"`
	// cohort shows where requests marked by the canary go, for each Service of the cohort.
	// +optional
	// +listType=map
	// +listMapKey=service
	Cohort []CohortStatus `json:"cohort,omitempty"`
	// plan shows the plan of the open rollout. For display only, except that other members of its group read the number of
	// steps.
	// +optional
	Plan PlanStatus `json:"plan,omitzero"`
	// observed shows the split that routes and metrics report. For display only.
	// +optional
	Observed ObservedStatus `json:"observed,omitzero"`
}

// CanaryRecord is state that outlives each rollout.
type CanaryRecord struct {
	// lastTransitionTime is when the phase or the weight last changed.
	// +optional
	LastTransitionTime metav1.Time `json:"lastTransitionTime,omitempty"`
	// lastRequest is the time of the newest request in spec that this status reflects.
	// +optional
	LastRequest *metav1.Time `json:"lastRequest,omitempty"`
	// history lists the last 10 rollouts that have ended, newest first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	History []HistoryEntry `json:"history,omitempty"`
	// superseded lists when the rollouts of the last hour were superseded by a newer candidate, the oldest first, at most the last
	// 10. After more than 3, the next candidate waits before it starts.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	Superseded []metav1.MicroTime `json:"superseded,omitempty"`
	// conditions are Promoted, Ready, Reconciling and Stalled, Protected while a rollout is open, and PolicyFollowed,
	// OptInStated and Served while they are False. Ready is absent while the Deployment is opted out.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// CanaryStanding is state of the Deployment that does not depend on the candidate.
type CanaryStanding struct {
	// primary is the template that the primary was last observed with.
	// +optional
	Primary *PrimaryStatus `json:"primary,omitempty"`
	// unavailableSince is when the primary was first observed without available replicas and ready endpoints. Absent while it has
	// any, is scaled to 0, or is being promoted.
	// +optional
	UnavailableSince *metav1.MicroTime `json:"unavailableSince,omitempty"`
	// paused is the reason why the rollout takes no steps. Absent while the rollout is not paused.
	// +optional
	Paused *PauseCause `json:"paused,omitempty"`
	// frozen describes in one sentence the Freeze that stops the candidate, until when, and why. Empty if none does.
	// +optional
	Frozen string `json:"frozen,omitempty"`
	// dryRun is true if the controller changes only this status: phase and steps are those of a simulated rollout.
	// +optional
	DryRun bool `json:"dryRun,omitempty"`
}

// CandidateStatus is a candidate that is being judged or was judged last.
type CandidateStatus struct {
	// hash is the hash of the candidate's pod template: SHA-256 as 64 hexadecimal digits.
	// +optional
	Hash string `json:"hash,omitempty"`
	// shortHash is the first 8 digits of hash, as messages and events show it. Nothing is compared by it.
	// +optional
	ShortHash string `json:"shortHash,omitempty"`
	// attempt is the number of times that this candidate was retried. 0 for the first attempt.
	// +optional
	Attempt int32 `json:"attempt,omitempty"`
	// images lists the candidate's container images, as container=image.
	// +optional
	// +listType=atomic
	Images []string `json:"images,omitempty"`
	// requested is the user who requested the candidate, and when.
	// +optional
	Requested *Requester `json:"requested,omitempty"`
	// outcome is how the rollout ends. Empty until it is decided.
	// +optional
	Outcome Outcome `json:"outcome,omitempty"`
	// reason explains the outcome in one sentence.
	// +optional
	Reason string `json:"reason,omitempty"`
	// groupFailure is set if the rollout ends because another member of its group was rolled back.
	// +optional
	GroupFailure *GroupFailure `json:"groupFailure,omitempty"`
}

// CheckStatus is the result of one check.
type CheckStatus struct {
	// name is the name of the check, such as request-success-rate.
	Name string `json:"name"`
	// value is the measured value with its unit, such as 99.72%. Empty if there was none.
	// +optional
	Value string `json:"value,omitempty"`
	// threshold is the range in which the value passes, with its unit, such as min 99%.
	Threshold string `json:"threshold"`
	// verdict is Pass, Fail or Inconclusive.
	Verdict Verdict `json:"verdict"`
	// optional is true if an inconclusive check does not block the step: the step expects no requests, the policy says noData: skip, or
	// no number of requests can tell, because the limit lies between two bounds of the histogram.
	// +optional
	Optional bool `json:"optional,omitempty"`
	// dryRun is true if the policy lets the check decide nothing.
	// +optional
	DryRun bool `json:"dryRun,omitempty"`
	// failures is how often the check has failed in this rollout.
	// +optional
	Failures int32 `json:"failures,omitempty"`
	// inARow is how often the check has failed since it last passed.
	// +optional
	InARow int32 `json:"inARow,omitempty"`
	// judged is when the check last passed or failed. Its next round looks at what has happened since. Absent while the check has
	// done neither in this rollout.
	// +optional
	Judged *metav1.MicroTime `json:"judged,omitempty"`
	// message explains the verdict in one sentence.
	// +optional
	Message string `json:"message,omitempty"`
}

// PrimaryStatus is a pod template that the primary was observed with.
type PrimaryStatus struct {
	// template is the hash of the pod template: SHA-256 as 64 hexadecimal digits.
	Template string `json:"template"`
	// revision is the revision of the Deployment at that time, as in the annotation deployment.kubernetes.io/revision.
	// +optional
	Revision string `json:"revision,omitempty"`
}

// TargetStatus lists what was discovered for a Deployment.
type TargetStatus struct {
	// service is the name of the Service that selects the primary's pods.
	// +optional
	Service string `json:"service,omitempty"`
	// routes lists the first 50 routes that send requests to the Service: the plain name of an HTTPRoute in the same namespace,
	// or else GRPCRoute/name, or HTTPRoute/namespace/name for a route in another namespace.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=50
	Routes []string `json:"routes,omitempty"`
	// moreRoutes is the number of further routes that routes does not list.
	// +optional
	MoreRoutes int32 `json:"moreRoutes,omitempty"`
	// gateway is the first gateway to which the routes are attached, as namespace/name.
	// +optional
	Gateway string `json:"gateway,omitempty"`
	// metrics is the preset whose queries the built-in checks use: app, envoy-gateway, istio or traefik.
	// +optional
	Metrics string `json:"metrics,omitempty"`
}
