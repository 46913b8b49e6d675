package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Canary shows the rollouts of the Deployment of the same name, and takes requests from operators. The controller creates it
// when a Deployment opts in with the annotation sluice.dev/canary: "true". The Deployment owns it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=all
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Weight",type=number,JSONPath=`.status.canaryWeight`
// +kubebuilder:printcolumn:name="LastTransitionTime",type=string,JSONPath=`.status.lastTransitionTime`
// +kubebuilder:printcolumn:name="FailedChecks",type=integer,priority=1,JSONPath=`.status.failedChecks`
// +kubebuilder:printcolumn:name="Candidate",type=string,priority=1,JSONPath=`.status.candidate.shortHash`
// +kubebuilder:printcolumn:name="RequestedBy",type=string,priority=1,JSONPath=`.status.candidate.requested.by`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.message`
type Canary struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec holds requests from operators: pause, abort, promote, retry or reset.
	// +optional
	Spec CanarySpec `json:"spec,omitempty,omitzero"`
	// status is the state of the rollouts. The controller continues from it.
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

// Phase is the phase of a rollout. The names are those of Flagger.
//
// +kubebuilder:validation:Enum=Initializing;Initialized;Waiting;Progressing;WaitingPromotion;Promoting;Finalising;Succeeded;Failed;OptedOut
type Phase string

const (
	// PhaseInitializing means that a Service, a route, a gateway or a metrics source is still missing.
	PhaseInitializing Phase = "Initializing"
	// PhaseInitialized means that nothing is missing, and that no candidate has been judged yet or the last one was withdrawn.
	PhaseInitialized Phase = "Initialized"
	// PhaseWaiting means that a candidate is held back and its rollout cannot start yet.
	PhaseWaiting Phase = "Waiting"
	// PhaseProgressing means that a candidate is being judged.
	PhaseProgressing Phase = "Progressing"
	// PhaseWaitingPromotion means that the analysis has passed and promotion waits for approval.
	PhaseWaitingPromotion Phase = "WaitingPromotion"
	// PhasePromoting means that the primary is rolling out the candidate, or returning to its previous template.
	PhasePromoting Phase = "Promoting"
	// PhaseFinalising means that all requests go to the primary and the canary is being removed.
	PhaseFinalising Phase = "Finalising"
	// PhaseSucceeded means that the last candidate was promoted.
	PhaseSucceeded Phase = "Succeeded"
	// PhaseFailed means that the last candidate was rolled back.
	PhaseFailed Phase = "Failed"
	// PhaseOptedOut means that the Deployment is not opted in anymore. The Canary stays for its history.
	PhaseOptedOut Phase = "OptedOut"
)

// Outcome is how a rollout ends. It is set as soon as it is decided.
//
// +kubebuilder:validation:Enum=Succeeded;Failed;Aborted;Cancelled;Superseded;Direct;OptedOut
type Outcome string

const (
	// OutcomeSucceeded ends with the primary running the candidate.
	OutcomeSucceeded Outcome = "Succeeded"
	// OutcomeFailed ends with the primary running its previous template, and the candidate marked as failed.
	OutcomeFailed Outcome = "Failed"
	// OutcomeAborted ends like OutcomeFailed, at the request of a user.
	OutcomeAborted Outcome = "Aborted"
	// OutcomeCancelled ends with the primary running its previous template, because the change was withdrawn or the
	// Deployment opted out.
	OutcomeCancelled Outcome = "Cancelled"
	// OutcomeSuperseded ends because a newer candidate starts a new rollout.
	OutcomeSuperseded Outcome = "Superseded"
	// OutcomeDirect appears only in the history: the primary was changed without a canary.
	OutcomeDirect Outcome = "Direct"
	// OutcomeOptedOut appears only in the history: the Deployment was opted out with this template.
	OutcomeOptedOut Outcome = "OptedOut"
)

// Verdict is the result of a check.
//
// +kubebuilder:validation:Enum=Pass;Fail;Inconclusive
type Verdict string

const (
	// VerdictPass means that the value is within its threshold.
	VerdictPass Verdict = "Pass"
	// VerdictFail means that the value is outside its threshold.
	VerdictFail Verdict = "Fail"
	// VerdictInconclusive means that the check could not be judged: there was no data, there were too few requests, or the
	// query failed.
	VerdictInconclusive Verdict = "Inconclusive"
)

const (
	// ConditionPromoted is True if no rollout is open and the primary runs the last requested template, Unknown while a
	// candidate is being judged, and False after a rollback.
	ConditionPromoted = "Promoted"
	// ConditionReady is True if a candidate could be judged: the Service, routes, gateway and metrics have been found.
	ConditionReady = "Ready"
	// ConditionProtected is False while a candidate waits or a rollout is open and policies that apply to the primary miss the
	// canary. It is Unknown if some policies cannot be read.
	ConditionProtected = "Protected"
	// ConditionScraped is False while a candidate waits or a rollout is open and monitors that scrape the primary miss the canary.
	ConditionScraped = "Scraped"
	// ConditionServed is False while requests to the primary cannot be answered, because its Service was changed together with
	// the template and the template is held back.
	ConditionServed = "Served"
	// ConditionPolicyFollowed is False if a value in the policy has no effect in this release, or is probably not what its
	// author meant. Rollouts continue regardless.
	ConditionPolicyFollowed = "PolicyFollowed"
	// ConditionOptInStated is False if the last manifest that changed the pod template had no opt-in, so that admission put it
	// back, and nobody has asked for the opt-in since.
	ConditionOptInStated = "OptInStated"
	// ConditionReconciling is True while a rollout is open or pending. Tools that use kstatus, such as Flux, read it together
	// with Stalled to detect that an object is in progress.
	ConditionReconciling = "Reconciling"
	// ConditionStalled is True after a rollback.
	ConditionStalled = "Stalled"
)
