package v1alpha1

import (
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AnalysisSpec configures the steps of a rollout, and its checks. A rollout runs its iterations first, then its weights:
//
//   - stepWeight, stepWeights or steps alone: a canary release;
//   - match and iterations: an A/B test; matched requests go to the canary, all others to the primary;
//   - match and weights: matched requests go to the canary as soon as it is ready, in addition to the weights;
//   - iterations alone: blue/green; checks run without user requests, then all requests go to the canary for the time of hold;
//   - iterations and mirror: blue/green with mirrored requests.
//
// +kubebuilder:validation:XValidation:rule="[has(self.stepWeight), has(self.stepWeights), has(self.steps)].filter(x, x).size() <= 1",message="only one of stepWeight, stepWeights and steps can be set: each defines all weights of the canary"
// +kubebuilder:validation:XValidation:rule="!has(self.steps) || !has(self.maxWeight)",message="maxWeight applies only to stepWeight; with steps, the last weight is the greatest"
// +kubebuilder:validation:XValidation:rule="!has(self.mirrorWeight) || !has(self.mirror) || self.mirror",message="mirrorWeight needs mirror: true"
// +kubebuilder:validation:XValidation:rule="!has(self.mirror) || !self.mirror || has(self.iterations) && self.iterations > 0 || has(self.steps) && self.steps.exists(s, has(s.mirrorWeight) && s.mirrorWeight > 0.0) || !(has(self.stepWeight) && self.stepWeight > 0.0 || has(self.stepWeights) || has(self.steps) || has(self.ladder))",fieldPath=".mirror",message="would mirror nothing: set iterations, during which requests are mirrored, or steps with a mirrorWeight"
// +kubebuilder:validation:XValidation:rule="!has(self.stepWeight) || !has(self.maxWeight) || self.stepWeight <= 0.0 || self.maxWeight / self.stepWeight < 500.01",message="stepWeight makes too many steps up to maxWeight, and a rollout has at most 500: set a greater stepWeight, or list the weights in stepWeights"
// +kubebuilder:validation:XValidation:rule="!has(self.ladder) || !(has(self.stepWeight) || has(self.stepWeights) || has(self.steps) || has(self.maxWeight) || has(self.iterations) && self.iterations > 0 || has(self.mirror) && self.mirror)",fieldPath=".ladder",message="the guard chooses all steps with ladder: auto: remove stepWeight, stepWeights, steps, maxWeight, iterations and mirror, or ladder"
// +kubebuilder:validation:XValidation:rule="!has(self.ladder) || !has(self.guard) || !has(self.guard.enabled) || self.guard.enabled",fieldPath=".ladder",message="only the guard can choose the steps: remove guard.enabled: false, or ladder"
type AnalysisSpec struct {
	// interval is the duration of a step or an iteration, and the time between two rounds of checks, such as 30s or 1m. At least 1s.
	// Default 30s.
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s')",message="must be a duration of at least 1s, such as 30s or 1m30s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]{1,6}(\.[0-9]{1,6})?(ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=20
	Interval *metav1.Duration `json:"interval,omitempty"`
	// threshold is the number of failed checks at which the rollout rolls back, counted over the whole rollout. Checks are made once each
	// interval. What the guard decides does not count to it. Default 5.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	Threshold *int32 `json:"threshold,omitempty"`
	// maxWeight is the weight of the last step in percent. Only with stepWeight. Default 50.
	// +optional
	// +kubebuilder:validation:Minimum=0.01
	// +kubebuilder:validation:Maximum=100
	MaxWeight *float64 `json:"maxWeight,omitempty"`
	// stepWeight is the percentage that each step adds to the canary's weight, in multiples of 0.01. Default 10 with maxWeight or
	// without the guard, if none of stepWeights, steps and iterations is set.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	StepWeight *float64 `json:"stepWeight,omitempty"`
	// stepWeights are the canary's weights in percent, rising, in multiples of 0.01, such as [1, 5, 25, 50].
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:Minimum=0.01
	// +kubebuilder:validation:items:Maximum=100
	// +kubebuilder:validation:XValidation:rule="self.all(i, x, i == 0 || self[i-1] < x)",message="must rise from one weight to the next, such as [1, 5, 25, 50]"
	StepWeights []float64 `json:"stepWeights,omitempty"`
	// ladder: auto lets the guard choose the weights: 0.2, 1, 5, 10, 25 and 50 percent, from the first that gets enough requests to
	// learn from. Default while the guard judges, if none of stepWeight, stepWeights, steps, maxWeight, iterations and mirror is set.
	// +optional
	// +kubebuilder:validation:Enum=auto
	Ladder *string `json:"ladder,omitempty"`
	// guard compares the canary with the primary by sequential tests. It is on by default.
	// +optional
	Guard *Guard `json:"guard,omitempty"`
	// steps are weights in percent with a duration each.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	Steps []StepSpec `json:"steps,omitempty"`
	// stepWeightPromotion is the percentage by which the primary's weight rises in each interval after promotion. With 0, all
	// requests return at once. Default 0.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	StepWeightPromotion *float64 `json:"stepWeightPromotion,omitempty"`
	// iterations is the number of intervals before the first weight: an A/B test with match, blue/green without. A rollout has
	// at most 500 steps, including iterations. Default 0.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=500
	Iterations *int32 `json:"iterations,omitempty"`
	// hold is how long blue/green sends all requests to the canary before promotion. Checks continue and can roll back.
	// Default: the value of interval.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]{1,6}(\.[0-9]{1,6})?(ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=20
	Hold *metav1.Duration `json:"hold,omitempty"`
	// delay is how long a ready canary warms up before the first check. Default 0s.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]{1,6}(\.[0-9]{1,6})?(ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=20
	Delay *metav1.Duration `json:"delay,omitempty"`
	// match selects requests that go to the canary regardless of its weight. A request matches if any entry matches.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:XValidation:rule="self.all(m, !has(m.uri))",message="uri: supported only in service.match; match by headers, cookies, queryParams or method instead"
	Match []HTTPMatch `json:"match,omitempty"`
	// mirror mirrors requests to the canary during the iterations. The canary's responses are discarded. Default false.
	// +optional
	Mirror *bool `json:"mirror,omitempty"`
	// mirrorWeight is the percentage of requests that is mirrored. Default 100.
	// +optional
	// +kubebuilder:validation:Minimum=0.01
	// +kubebuilder:validation:Maximum=100
	MirrorWeight *float64 `json:"mirrorWeight,omitempty"`
	// stepMirrorWeight is the percentage by which mirrorWeight rises in each iteration, up to maxMirrorWeight. Default 0.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	StepMirrorWeight *float64 `json:"stepMirrorWeight,omitempty"`
	// maxMirrorWeight is the highest mirrorWeight that stepMirrorWeight reaches, in percent. Default 100.
	// +optional
	// +kubebuilder:validation:Minimum=0.01
	// +kubebuilder:validation:Maximum=100
	MaxMirrorWeight *float64 `json:"maxMirrorWeight,omitempty"`
	// primaryReadyThreshold is the percentage of the primary's updated replicas that must be available for the primary to be
	// ready. Default 100.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	PrimaryReadyThreshold *int32 `json:"primaryReadyThreshold,omitempty"`
	// canaryReadyThreshold is the percentage of the canary's replicas that must be available for the canary to be ready.
	// Default 100.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	CanaryReadyThreshold *int32 `json:"canaryReadyThreshold,omitempty"`
	// sessionAffinity keeps users on the version that first served them, with cookies.
	// +optional
	SessionAffinity *SessionAffinity `json:"sessionAffinity,omitempty"`
	// metrics are the checks beside the guard. Default: none while the guard judges, else request-success-rate and request-duration.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=50
	Metrics []Metric `json:"metrics,omitempty"`
	// preset selects the counters that the guard and the built-in checks read: those of a gateway, of a mesh, or of the app.
	// kubectl sluice presets lists them. Default: the preset for the gateway.
	// +optional
	// +kubebuilder:validation:Enum=app;aws-alb;cilium;contour;envoy-gateway;envoy-gateway-backends;gke;haproxy;istio;kgateway;kong;linkerd;nginx;traefik
	Preset *string `json:"preset,omitempty"`
	// failedStatuses are the HTTP statuses of requests that failed, by number or by class, such as [5xx, 429]. All others were answered: 499,
	// with which many proxies count a client that left, is the client's, and 429 says that the client asks too much. Calls of gRPC fail by
	// their own status. Default [5xx].
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=3
	// +kubebuilder:validation:items:Pattern=`^[45](xx|[0-9][0-9])$`
	FailedStatuses []string `json:"failedStatuses,omitempty"`
	// minRequests is the number of requests that a check needs to be conclusive. Default 10.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000000
	MinRequests *int32 `json:"minRequests,omitempty"`
	// webhooks are hooks that a rollout calls: gates, tests and load.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=50
	Webhooks []Webhook `json:"webhooks,omitempty"`
	// alerts select who is notified of what. This release sends no alerts.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=50
	Alerts []Alert `json:"alerts,omitempty"`
}

// StepSpec is a step with a weight and a duration.
type StepSpec struct {
	// weight is the canary's weight in percent, in multiples of 0.01.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	Weight float64 `json:"weight"`
	// mirrorWeight is the percentage of requests that is mirrored to the canary. Default 0.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	MirrorWeight *float64 `json:"mirrorWeight,omitempty"`
	// duration is the duration of the step, such as 10m. Default: analysis.interval.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]{1,6}(\.[0-9]{1,6})?(ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=20
	Duration *metav1.Duration `json:"duration,omitempty"`
}

// StringMatch is a condition on a string. Exactly one field is set.
//
// +kubebuilder:validation:XValidation:rule="[has(self.exact), has(self.prefix), has(self.suffix), has(self.regex)].filter(x, x).size() == 1",message="must have exactly one of exact, prefix, suffix and regex"
type StringMatch struct {
	// exact is the whole value.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	Exact string `json:"exact,omitempty"`
	// prefix is the start of the value.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	Prefix string `json:"prefix,omitempty"`
	// suffix is the end of the value.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	Suffix string `json:"suffix,omitempty"`
	// regex is a regular expression in the syntax of the gateway, usually RE2.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	Regex string `json:"regex,omitempty"`
}

// HTTPMatch is a condition on a request. All fields that are set must match.
//
// +kubebuilder:validation:XValidation:rule="!has(self.method) || has(self.method.exact)",message="method: the Gateway API supports only exact"
// +kubebuilder:validation:XValidation:rule="!has(self.uri) || !has(self.uri.suffix)",message="uri: the Gateway API does not support suffix; use exact, prefix or regex"
type HTTPMatch struct {
	// name is a label for readers. It is accepted with a warning and has no effect.
	// +optional
	Name string `json:"name,omitempty"`
	// uri matches the path of the request by exact, prefix or regex. Only in service.match.
	// +optional
	URI *StringMatch `json:"uri,omitempty"`
	// method matches the HTTP method by exact.
	// +optional
	Method *StringMatch `json:"method,omitempty"`
	// headers matches request headers by name.
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	Headers map[string]StringMatch `json:"headers,omitempty"`
	// cookies matches cookies by name.
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	Cookies map[string]StringMatch `json:"cookies,omitempty"`
	// queryParams matches query parameters by name.
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	QueryParams map[string]StringMatch `json:"queryParams,omitempty"`

	HTTPMatchForeignFields `json:",inline"`
}

// HTTPMatchForeignFields are fields of Istio's HTTPMatchRequest that have no counterpart in the Gateway API.
//
// +kubebuilder:validation:XValidation:rule="!has(self.sourceLabels) && !has(self.sourceNamespace)",message="sourceLabels and sourceNamespace: the Gateway API cannot match the sender of a request; match a header that the sender sets"
// +kubebuilder:validation:XValidation:rule="!has(self.scheme) && !has(self.authority) && !has(self.port) && !has(self.gateways)",message="scheme, authority, port and gateways: in the Gateway API, listeners define these; use service.gatewayRefs with sectionName or port, and service.hosts"
// +kubebuilder:validation:XValidation:rule="!has(self.ignoreUriCase) && !has(self.withoutHeaders)",message="ignoreUriCase and withoutHeaders: the Gateway API supports neither; use an equivalent regex"
type HTTPMatchForeignFields struct {
	// sourceLabels is not supported.
	// +optional
	SourceLabels map[string]string `json:"sourceLabels,omitempty"`
	// sourceNamespace is not supported.
	// +optional
	SourceNamespace *string `json:"sourceNamespace,omitempty"`
	// scheme is not supported.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	Scheme *apiextensionsv1.JSON `json:"scheme,omitempty"`
	// authority is not supported.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	Authority *apiextensionsv1.JSON `json:"authority,omitempty"`
	// port is not supported.
	// +optional
	Port *int64 `json:"port,omitempty"`
	// gateways is not supported.
	// +optional
	Gateways []string `json:"gateways,omitempty"`
	// ignoreUriCase is not supported.
	// +optional
	IgnoreURICase *bool `json:"ignoreUriCase,omitempty"`
	// withoutHeaders is not supported.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	WithoutHeaders *apiextensionsv1.JSON `json:"withoutHeaders,omitempty"`
}
