package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Names of the built-in checks.
const (
	// MetricSuccessRate is the percentage of requests that were not answered with a 5xx.
	MetricSuccessRate = "request-success-rate"
	// MetricDuration is the 99th percentile of the request durations in milliseconds.
	MetricDuration = "request-duration"
)

// Metric is one check: a query and what its value must be.
//
// +kubebuilder:validation:XValidation:rule="has(self.query) || has(self.templateRef) || self.name == 'request-success-rate' || self.name == 'request-duration'",message="must have query or templateRef: only request-success-rate and request-duration are built in"
// +kubebuilder:validation:XValidation:rule="!has(self.query) || !has(self.templateRef)",message="must have only one of query and templateRef"
// +kubebuilder:validation:XValidation:rule="!(has(self.query) || has(self.templateRef)) || has(self.thresholdRange) || has(self.threshold)",message="must have thresholdRange with min, max or both: nothing else says which values are good"
type Metric struct {
	// name is request-success-rate or request-duration for a built-in check, else any name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	Name string `json:"name"`
	// interval is how far back the query looks, at least a minute where nothing else is said. Default the interval of the
	// analysis, at least 1m.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]{1,6}(\.[0-9]{1,6})?(ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=20
	Interval *metav1.Duration `json:"interval,omitempty"`
	// threshold is the least success rate, or the greatest value of anything else. Deprecated: use thresholdRange.
	// +optional
	Threshold *float64 `json:"threshold,omitempty"`
	// thresholdRange is within which the value passes, both ends included: percent for request-success-rate, milliseconds for
	// request-duration.
	// +optional
	ThresholdRange *ThresholdRange `json:"thresholdRange,omitempty"`
	// query is PromQL for the controller's Prometheus, as a template like that of a MetricTemplate.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16384
	Query string `json:"query,omitempty"`
	// templateRef names a MetricTemplate.
	// +optional
	TemplateRef *ObjectRef `json:"templateRef,omitempty"`
	// templateVariables are what {{ variables.key }} stands for in the query. Values for a MetricTemplate of another namespace
	// have only letters, digits and _ . : / -.
	// +optional
	TemplateVariables map[string]string `json:"templateVariables,omitempty"`
}

// ThresholdRange is a range with both ends included.
//
// +kubebuilder:validation:XValidation:rule="has(self.min) || has(self.max)",message="must have min, max or both"
// +kubebuilder:validation:XValidation:rule="!has(self.min) || !has(self.max) || self.min <= self.max",message="min must not be greater than max"
type ThresholdRange struct {
	// min is the least value that passes.
	// +optional
	Min *float64 `json:"min,omitempty"`
	// max is the greatest value that passes.
	// +optional
	Max *float64 `json:"max,omitempty"`
}

// ObjectRef names an object.
type ObjectRef struct {
	// name of the object.
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
	// namespace of the object. Default that of the Deployment.
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// HookType says when a hook is asked and what its answer decides.
//
// +kubebuilder:validation:Enum="";rollout;confirm-rollout;pre-rollout;confirm-traffic-increase;confirm-promotion;post-rollout;rollback;event
type HookType string

// The types of hooks; an answer from 200 to 299 is a yes.
const (
	// HookRollout is asked in each round of checks; a no is a failed check.
	HookRollout HookType = "rollout"
	// HookConfirmRollout is asked before a rollout begins, until it says yes.
	HookConfirmRollout HookType = "confirm-rollout"
	// HookPreRollout is asked when the canary is ready and before it gets any request; a no is a failed check.
	HookPreRollout HookType = "pre-rollout"
	// HookConfirmTrafficIncrease is asked before each step, until it says yes.
	HookConfirmTrafficIncrease HookType = "confirm-traffic-increase"
	// HookConfirmPromotion is asked before promotion, until it says yes.
	HookConfirmPromotion HookType = "confirm-promotion"
	// HookPostRollout is told when a rollout has ended.
	HookPostRollout HookType = "post-rollout"
	// HookRollback is asked while a candidate is being judged; a yes rolls back.
	HookRollback HookType = "rollback"
	// HookEvent is told of every event.
	HookEvent HookType = "event"
)

// Webhook is a URL that a rollout asks or tells something, with an HTTP POST.
type Webhook struct {
	// name of the hook.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	Name string `json:"name"`
	// type says when it is asked. Default rollout.
	// +optional
	Type HookType `json:"type,omitempty"`
	// url is http or https. Everybody who may read the policy can read it; the status of Canaries has scheme and host only.
	// +kubebuilder:validation:Pattern=`^https?://[^\s]+$`
	// +kubebuilder:validation:MaxLength=2048
	URL string `json:"url"`
	// timeout of one attempt. Default 10s.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]{1,6}(\.[0-9]{1,6})?(ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=20
	Timeout *metav1.Duration `json:"timeout,omitempty"`
	// retries is how often an attempt that got no answer, or a 5xx, is made again. Default 0.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=20
	Retries *int32 `json:"retries,omitempty"`
	// muteAlert sends no alert while this gate is closed. Default false.
	// +optional
	MuteAlert *bool `json:"muteAlert,omitempty"`
	// disableTLS does not verify the certificate of the URL. Default false.
	// +optional
	DisableTLS *bool `json:"disableTLS,omitempty"`
	// metadata is sent along.
	// +optional
	Metadata map[string]string `json:"metadata,omitempty"`
}

// Alert says who is told of what.
type Alert struct {
	// name of the alert.
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
	// severity is the least that is told: info, warn or error. Default info.
	// +optional
	// +kubebuilder:validation:Enum="";info;warn;error
	Severity string `json:"severity,omitempty"`
	// providerRef names an AlertProvider.
	ProviderRef ObjectRef `json:"providerRef"`
}
