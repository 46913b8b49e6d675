package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Canary follows the rollouts of the Deployment of the same name. Sluice makes it when a Deployment is opted in with
// the annotation sluice.dev/canary: "true", and the Deployment owns it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=all
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Weight",type=number,JSONPath=`.status.canaryWeight`
// +kubebuilder:printcolumn:name="LastTransitionTime",type=string,JSONPath=`.status.lastTransitionTime`
// +kubebuilder:printcolumn:name="FailedChecks",type=integer,priority=1,JSONPath=`.status.failedChecks`
// +kubebuilder:printcolumn:name="Candidate",type=string,priority=1,JSONPath=`.status.candidate`
// +kubebuilder:printcolumn:name="RequestedBy",type=string,priority=1,JSONPath=`.status.requested.by`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.message`
type Canary struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what an operator asks for: to pause, abort, promote or retry.
	// +optional
	Spec CanarySpec `json:"spec,omitempty,omitzero"`
	// status is where the rollout stands, and what the next tick continues from.
	// +optional
	Status CanaryStatus `json:"status,omitempty"`
}

// CanaryList is a list of Canaries.
//
// +kubebuilder:object:root=true
type CanaryList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// items are the Canaries.
	Items []Canary `json:"items"`
}

// Phase names where a rollout stands. The names are those of Flagger.
//
// +kubebuilder:validation:Enum=Initializing;Initialized;Waiting;Progressing;WaitingPromotion;Promoting;Finalising;Succeeded;Failed
type Phase string

const (
	// PhaseInitializing means that a Service, a route, a gateway or a metrics source is still missing.
	PhaseInitializing Phase = "Initializing"
	// PhaseInitialized means that everything is found and no candidate has been judged yet, or the last was taken back.
	PhaseInitialized Phase = "Initialized"
	// PhaseWaiting means that a candidate is held and cannot be judged yet.
	PhaseWaiting Phase = "Waiting"
	// PhaseProgressing means that a candidate is being judged with live traffic.
	PhaseProgressing Phase = "Progressing"
	// PhaseWaitingPromotion means that the analysis has passed and a yes is awaited.
	PhaseWaitingPromotion Phase = "WaitingPromotion"
	// PhasePromoting means that the primary is rolling to the candidate, or back from it.
	PhasePromoting Phase = "Promoting"
	// PhaseFinalising means that traffic is back at the primary and the canary is being removed.
	PhaseFinalising Phase = "Finalising"
	// PhaseSucceeded means that the last candidate was promoted.
	PhaseSucceeded Phase = "Succeeded"
	// PhaseFailed means that the last candidate was rolled back.
	PhaseFailed Phase = "Failed"
)

// Outcome says how a rollout ends, from the moment when that is decided.
//
// +kubebuilder:validation:Enum=Succeeded;Failed;Aborted;Cancelled;Superseded;Direct
type Outcome string

const (
	// OutcomeSucceeded ends with the primary running the candidate.
	OutcomeSucceeded Outcome = "Succeeded"
	// OutcomeFailed ends with the primary running what it ran before, and the candidate remembered as failed.
	OutcomeFailed Outcome = "Failed"
	// OutcomeAborted ends as OutcomeFailed does, because a user asked for it.
	OutcomeAborted Outcome = "Aborted"
	// OutcomeCancelled ends with the primary running what it ran before: the change was taken back, or opted out.
	OutcomeCancelled Outcome = "Cancelled"
	// OutcomeSuperseded ends in a new rollout, for a newer candidate.
	OutcomeSuperseded Outcome = "Superseded"
	// OutcomeDirect is in the history only: the primary was changed without a canary.
	OutcomeDirect Outcome = "Direct"
)

// Verdict is the result of one check.
//
// +kubebuilder:validation:Enum=Pass;Fail;Inconclusive
type Verdict string

const (
	// VerdictPass means that the value is within its threshold.
	VerdictPass Verdict = "Pass"
	// VerdictFail means that the value is beyond its threshold.
	VerdictFail Verdict = "Fail"
	// VerdictInconclusive means that nothing can be said: no data, too few requests, or a query that failed.
	VerdictInconclusive Verdict = "Inconclusive"
)

const (
	// ConditionPromoted is True when no rollout is open and the primary runs what was last asked for, Unknown while a
	// candidate is being judged, False after a rollback.
	ConditionPromoted = "Promoted"
	// ConditionReady is True when a candidate could be judged: Service, routes, gateway and metrics are found.
	ConditionReady = "Ready"
	// ConditionProtected is False while a rollout is open and policies that select pods by labels miss the canary's.
	ConditionProtected = "Protected"
	// ConditionPolicyFollowed is False while the policy says something that has no effect in this release, or that hardly
	// means what it says. It holds nothing.
	ConditionPolicyFollowed = "PolicyFollowed"
	// ConditionReconciling is True while a rollout is open or awaited. With Stalled, it is what kstatus reads, by which Flux
	// and others tell whether an object is in progress.
	ConditionReconciling = "Reconciling"
	// ConditionStalled is True after a rollback.
	ConditionStalled = "Stalled"
)
