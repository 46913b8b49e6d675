package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Names of the built-in checks.
const (
	// MetricSuccessRate is the percentage of requests that do not fail: those without a status of failedStatuses.
	MetricSuccessRate = "request-success-rate"
	// MetricDuration is the 99th percentile of request durations in milliseconds.
	MetricDuration = "request-duration"
)

// Metric is a check: a query, and the range in which its value passes.
//
// +kubebuilder:validation:XValidation:rule="has(self.bad) == has(self.total)",message="must have both bad and total, or neither"
// +kubebuilder:validation:XValidation:rule="!(has(self.bad) || has(self.total)) || !(has(self.query) || has(self.templateRef) || has(self.condition) || has(self.ratioRange))",message="must have either bad and total, or query, templateRef, condition and ratioRange"
// +kubebuilder:validation:XValidation:rule="has(self.bad) || has(self.total) || has(self.query) || has(self.templateRef) || self.name == 'request-success-rate' || self.name == 'request-duration'",message="must have query or templateRef: only request-success-rate and request-duration are built in"
// +kubebuilder:validation:XValidation:rule="!has(self.query) || !has(self.templateRef)",message="must have only one of query and templateRef"
// +kubebuilder:validation:XValidation:rule="!(has(self.query) || has(self.templateRef)) || has(self.thresholdRange) || has(self.threshold) || has(self.ratioRange) || has(self.condition)",message="must have thresholdRange, ratioRange or condition: a query has no default range"
// +kubebuilder:validation:XValidation:rule="!has(self.ratioRange) || has(self.compareTo)",message="ratioRange needs compareTo: primary"
// +kubebuilder:validation:XValidation:rule="!has(self.compareTo) || has(self.ratioRange) || has(self.condition)",message="compareTo needs ratioRange, or a condition with primary"
// +kubebuilder:validation:XValidation:rule="!has(self.compareTo) || !has(self.query) || self.query.contains('target')",message="must use {{ target }}, because compareTo asks the same query once more with the primary as target"
type Metric struct {
	// name is request-success-rate or request-duration for a built-in check, or any other name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	Name string `json:"name"`
	// interval is how far back the query looks, such as 1m. Default: back to when the check last passed or failed, so that it judges no
	// request twice.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]{1,6}(\.[0-9]{1,6})?(ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=20
	Interval *metav1.Duration `json:"interval,omitempty"`
	// threshold is the minimum of the success rate, or the maximum of any other check. Deprecated: use thresholdRange.
	// +optional
	Threshold *float64 `json:"threshold,omitempty"`
	// thresholdRange is the range in which the value passes, both ends included. The unit is percent for request-success-rate
	// and milliseconds for request-duration.
	// +optional
	ThresholdRange *ThresholdRange `json:"thresholdRange,omitempty"`
	// query is PromQL for the controller's Prometheus, with the same variables as a MetricTemplate.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16384
	Query string `json:"query,omitempty"`
	// bad and total are counters of events that the guard compares with the primary's, and with thresholdRange.max in percent: bad of total
	// events are bad, such as failed orders of all orders. Each is PromQL for the controller's Prometheus, with the variables of a
	// MetricTemplate except interval, and is the sum of counters since they began, such as
	// sum(orders_failed_total{pod=~"{{ target }}-[^-]+-[^-]+"}) or vector(0). It is asked for the canary and for the primary, which is {{ target }}
	// then, as often as the guard reads counters. Both or neither, and not with query, templateRef or what judges these. Needs the guard.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16384
	Bad string `json:"bad,omitempty"`
	// total is the counter of all events, of which those of bad are a part.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16384
	Total string `json:"total,omitempty"`
	// templateRef names a MetricTemplate.
	// +optional
	TemplateRef *ObjectRef `json:"templateRef,omitempty"`
	// templateVariables are the values of {{ variables.key }} in the query. Values for a MetricTemplate in another namespace
	// may contain only letters, digits and _ . : / -.
	// +optional
	TemplateVariables map[string]string `json:"templateVariables,omitempty"`

	MetricJudgement `json:",inline"`
}

// MetricJudgement is how a check is judged beside its range, and what follows from its failures.
type MetricJudgement struct {
	// compareTo asks the same query for the primary too, over the same time: {{ target }} is then the primary, and a built-in check
	// measures the primary's requests. The only value is primary.
	// +optional
	// +kubebuilder:validation:Enum=primary
	CompareTo Comparison `json:"compareTo,omitempty"`
	// ratioRange is the range in which the value passes as a multiple of the primary's value, both ends included. Needs compareTo.
	// +optional
	// +kubebuilder:validation:XValidation:rule="(!has(self.min) || self.min >= 0.0) && (!has(self.max) || self.max >= 0.0)",message="must have multiples of the primary's value from 0, such as 1.2"
	RatioRange *ThresholdRange `json:"ratioRange,omitempty"`
	// condition is a CEL expression that must be true for the check to pass. It has the variables value and, with compareTo, primary,
	// such as value <= 1.2 * primary + 5.0. At most 1024 bytes.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Condition string `json:"condition,omitempty"`
	// failureLimit is the number of failures of this check, in all, at which the rollout rolls back. The failures of a check with
	// failureLimit or consecutiveLimit do not count for analysis.threshold.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	FailureLimit *int32 `json:"failureLimit,omitempty"`
	// consecutiveLimit is the number of failures of this check in a row at which the rollout rolls back. A pass ends the row; an
	// inconclusive result neither ends nor lengthens it.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	ConsecutiveLimit *int32 `json:"consecutiveLimit,omitempty"`
	// noData is what it means that the query has no data, or that a built-in check has counted too few requests: fail, skip
	// (the check does not count this time) or inconclusive (no step is taken). A server that cannot answer is always inconclusive.
	// Default inconclusive.
	// +optional
	// +kubebuilder:validation:Enum=fail;skip;inconclusive
	NoData NoData `json:"noData,omitempty"`
	// critical rolls back at the first failure of this check. Default false.
	// +optional
	Critical *bool `json:"critical,omitempty"`
	// dryRun evaluates and shows the check, and lets it decide nothing: it neither fails a rollout nor keeps a step from ending.
	// Default false.
	// +optional
	DryRun *bool `json:"dryRun,omitempty"`
}

// Comparison is what the value of a check is compared to.
type Comparison string

// ComparedToPrimary compares the value of the canary to that of the primary.
const ComparedToPrimary Comparison = "primary"

// NoData is what it means for a check that there is no data.
type NoData string

// Values of noData.
const (
	// NoDataFails counts as a failure.
	NoDataFails NoData = "fail"
	// NoDataSkips leaves the check out this time.
	NoDataSkips NoData = "skip"
	// NoDataInconclusive takes no step until there is data.
	NoDataInconclusive NoData = "inconclusive"
)

// ThresholdRange is a range, both ends included.
//
// +kubebuilder:validation:XValidation:rule="has(self.min) || has(self.max)",message="must have min, max or both"
// +kubebuilder:validation:XValidation:rule="!has(self.min) || !has(self.max) || self.min <= self.max",message="min must not be greater than max"
type ThresholdRange struct {
	// min is the lowest value that passes.
	// +optional
	Min *float64 `json:"min,omitempty"`
	// max is the highest value that passes.
	// +optional
	Max *float64 `json:"max,omitempty"`
}

// ObjectRef is a reference to an object.
type ObjectRef struct {
	// name is the name of the object.
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
	// namespace is the namespace of the object. Default: the Deployment's.
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// HookType defines when a hook is called, and what its answer decides.
//
// +kubebuilder:validation:Enum="";rollout;confirm-rollout;pre-rollout;confirm-traffic-increase;confirm-promotion;post-rollout;rollback;event
type HookType string

// Types of hooks. A hook approves with an HTTP status from 200 to 299.
const (
	// HookRollout is called in each round of checks. A refusal is a failed check.
	HookRollout HookType = "rollout"
	// HookConfirmRollout is called before a rollout starts, until it approves.
	HookConfirmRollout HookType = "confirm-rollout"
	// HookPreRollout is called when the canary is ready, before its first request. A refusal is a failed check.
	HookPreRollout HookType = "pre-rollout"
	// HookConfirmTrafficIncrease is called before each step, until it approves.
	HookConfirmTrafficIncrease HookType = "confirm-traffic-increase"
	// HookConfirmPromotion is called before promotion, until it approves.
	HookConfirmPromotion HookType = "confirm-promotion"
	// HookPostRollout is called after a rollout ends.
	HookPostRollout HookType = "post-rollout"
	// HookRollback is called during a rollout. An approval rolls back.
	HookRollback HookType = "rollback"
	// HookEvent is called with every event.
	HookEvent HookType = "event"
)

// Webhook is a hook: a URL that a rollout calls with HTTP POST.
type Webhook struct {
	// name is the name of the hook.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	Name string `json:"name"`
	// type is when the hook is called. Default rollout.
	// +optional
	Type HookType `json:"type,omitempty"`
	// url is the http or https URL of the hook. Everyone who can read the policy can read it. The status of a Canary shows only
	// its scheme and host.
	// +kubebuilder:validation:Pattern=`^https?://[^\s]+$`
	// +kubebuilder:validation:MaxLength=2048
	URL string `json:"url"`
	// timeout is the time limit of one attempt, such as 10s. Default 10s, at most 10m.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]{1,6}(\.[0-9]{1,6})?(ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=20
	Timeout *metav1.Duration `json:"timeout,omitempty"`
	// retries is the number of further attempts if the hook does not respond or responds with a 5xx status. Default 0.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=20
	Retries *int32 `json:"retries,omitempty"`
	// muteAlert suppresses alerts while this gate is closed. This release sends no alerts. Default false.
	// +optional
	MuteAlert *bool `json:"muteAlert,omitempty"`
	// disableTLS skips verification of the server's certificate. Default false.
	// +optional
	DisableTLS *bool `json:"disableTLS,omitempty"`
	// metadata is sent in the body of the request. At most 16 KiB in total.
	// +optional
	Metadata map[string]string `json:"metadata,omitempty"`
}

// Alert selects who is notified of what.
type Alert struct {
	// name is the name of the alert.
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
	// severity is the lowest severity that is sent: info, warn or error. Default info.
	// +optional
	// +kubebuilder:validation:Enum="";info;warn;error
	Severity string `json:"severity,omitempty"`
	// providerRef names an AlertProvider.
	ProviderRef ObjectRef `json:"providerRef"`
}
