package v1alpha1

import (
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CanaryPolicy configures rollouts of the Deployments in its namespace that name it in the annotation sluice.dev/policy. The
// Deployment's annotations override it. Fields that are not set come from the ClusterCanaryPolicy named default, then from
// the built-in defaults.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:categories=all
// +kubebuilder:printcolumn:name="Interval",type=string,JSONPath=`.spec.analysis.interval`
// +kubebuilder:printcolumn:name="StepWeight",type=number,JSONPath=`.spec.analysis.stepWeight`
// +kubebuilder:printcolumn:name="MaxWeight",type=number,JSONPath=`.spec.analysis.maxWeight`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type CanaryPolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec configures the rollouts. service and analysis have the fields of Flagger's Canary.
	// +optional
	Spec PolicySpec `json:"spec,omitempty"`
}

// CanaryPolicyList is a list of CanaryPolicies.
//
// +kubebuilder:object:root=true
type CanaryPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// items are the policies.
	Items []CanaryPolicy `json:"items"`
}

// ClusterCanaryPolicy configures rollouts of the Deployments in any namespace that name it, if their namespace has no
// CanaryPolicy of that name. The one named default applies to every opted-in Deployment, and the policy that a Deployment
// names overrides it.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,categories=all
// +kubebuilder:printcolumn:name="Interval",type=string,JSONPath=`.spec.analysis.interval`
// +kubebuilder:printcolumn:name="StepWeight",type=number,JSONPath=`.spec.analysis.stepWeight`
// +kubebuilder:printcolumn:name="MaxWeight",type=number,JSONPath=`.spec.analysis.maxWeight`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="!has(self.spec) || !has(self.spec.limits) || self.metadata.name == 'default'",message="limits apply to every Deployment: only the ClusterCanaryPolicy named default can have them"
type ClusterCanaryPolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec configures the rollouts. service and analysis have the fields of Flagger's Canary.
	// +optional
	Spec ClusterPolicySpec `json:"spec,omitempty"`
}

// ClusterCanaryPolicyList is a list of ClusterCanaryPolicies.
//
// +kubebuilder:object:root=true
type ClusterCanaryPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// items are the policies.
	Items []ClusterCanaryPolicy `json:"items"`
}

// DefaultPolicyName is the name of the ClusterCanaryPolicy that applies to every opted-in Deployment.
const DefaultPolicyName = "default"

// PolicySpec configures rollouts. Every field is optional. The value of a field comes from the first of these that sets it:
// annotations, the named policy, the ClusterCanaryPolicy named default, built-in defaults.
type PolicySpec struct {
	// progressDeadlineSeconds is how long, in seconds, a rollout may make no progress: while it waits for a ready canary, a
	// conclusive check or a ready primary. Default 600.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=31536000
	ProgressDeadlineSeconds *int32 `json:"progressDeadlineSeconds,omitempty"`
	// unavailableAfterSeconds is how long, in seconds, the primary must have had no ready replica and no ready endpoint
	// before a change goes to it without a canary. At least 30, default 60.
	// +optional
	// +kubebuilder:validation:Minimum=30
	// +kubebuilder:validation:Maximum=31536000
	UnavailableAfterSeconds *int32 `json:"unavailableAfterSeconds,omitempty"`
	// skipAnalysis promotes a candidate as soon as its canary is ready, without analysis. Default false.
	// +optional
	SkipAnalysis *bool `json:"skipAnalysis,omitempty"`
	// suspend pauses rollouts while it is true: no rollout and no step starts, and nothing is promoted. Changes are held back.
	// A running canary keeps its weight, and checks can still roll it back. Default false.
	// +optional
	Suspend *bool `json:"suspend,omitempty"`
	// traffic is Routes for a workload whose requests are split by routes of the Gateway API, or None for a workload without
	// requests, such as a queue consumer. With None, the canary runs beside the primary, and only checks and hooks decide.
	// Default Routes.
	// +optional
	Traffic *Traffic `json:"traffic,omitempty"`
	// autoscalerRef names the autoscaler of the primary. Default: the autoscaler whose scaleTargetRef names the Deployment.
	// +optional
	AutoscalerRef *AutoscalerRef `json:"autoscalerRef,omitempty"`
	// canary configures how the canary differs from the primary.
	// +optional
	Canary *CanaryCopySpec `json:"canary,omitempty"`
	// service configures how requests reach the Deployment.
	// +optional
	Service *ServiceSpec `json:"service,omitempty"`
	// analysis configures the steps of a rollout, and its checks.
	// +optional
	Analysis *AnalysisSpec `json:"analysis,omitempty"`

	PolicyForeignFields `json:",inline"`
}

// PolicyForeignFields are fields of Flagger's Canary that are not supported. They are in the schema so that the error can
// say what to do instead.
//
// +kubebuilder:validation:XValidation:rule="!has(self.targetRef)",message="targetRef: a policy applies to any number of Deployments; remove it and annotate each Deployment with sluice.dev/canary: \"true\" and sluice.dev/policy: <name of this policy>"
// +kubebuilder:validation:XValidation:rule="!has(self.provider)",message="provider: only the Gateway API is supported; remove it"
// +kubebuilder:validation:XValidation:rule="!has(self.metricsServer)",message="metricsServer: remove it; Prometheus is set for the controller (chart value prometheusUrl) or in a MetricTemplate"
// +kubebuilder:validation:XValidation:rule="!has(self.ingressRef)",message="ingressRef: only for Ingress controllers; remove it and use service.gatewayRefs"
// +kubebuilder:validation:XValidation:rule="!has(self.routeRef)",message="routeRef: only for APISIX; remove it: Sluice finds routes by their backendRefs, or uses those in service.routes"
// +kubebuilder:validation:XValidation:rule="!has(self.upstreamRef)",message="upstreamRef: only for Gloo; remove it and use service.gatewayRefs"
// +kubebuilder:validation:XValidation:rule="!has(self.canaryAnalysis)",message="canaryAnalysis: the old name of analysis; rename it to analysis"
// +kubebuilder:validation:XValidation:rule="!has(self.revertOnDeletion)",message="revertOnDeletion: remove it; the Deployment stays the primary, so there is nothing to revert"
type PolicyForeignFields struct {
	// targetRef is not supported: annotate the Deployments.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	TargetRef *apiextensionsv1.JSON `json:"targetRef,omitempty"`
	// provider is not supported: only the Gateway API is.
	// +optional
	Provider *string `json:"provider,omitempty"`
	// metricsServer is not supported: set Prometheus for the controller or in a MetricTemplate.
	// +optional
	MetricsServer *string `json:"metricsServer,omitempty"`
	// ingressRef is not supported: use service.gatewayRefs.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	IngressRef *apiextensionsv1.JSON `json:"ingressRef,omitempty"`
	// routeRef is not supported: Sluice finds routes by their backendRefs.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	RouteRef *apiextensionsv1.JSON `json:"routeRef,omitempty"`
	// upstreamRef is not supported: use service.gatewayRefs.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	UpstreamRef *apiextensionsv1.JSON `json:"upstreamRef,omitempty"`
	// canaryAnalysis is not supported: use analysis.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	CanaryAnalysis *apiextensionsv1.JSON `json:"canaryAnalysis,omitempty"`
	// revertOnDeletion is not supported: there is nothing to revert.
	// +optional
	RevertOnDeletion *bool `json:"revertOnDeletion,omitempty"`
}

// Traffic is how requests reach a workload.
//
// +kubebuilder:validation:Enum=Routes;None
type Traffic string

const (
	// TrafficRoutes means that routes of the Gateway API split the requests.
	TrafficRoutes Traffic = "Routes"
	// TrafficNone means that the workload gets no requests.
	TrafficNone Traffic = "None"
)

// AutoscalerRef is a reference to an autoscaler in the Deployment's namespace.
type AutoscalerRef struct {
	// apiVersion is autoscaling/v2 or keda.sh/v1alpha1, as kind needs.
	// +optional
	APIVersion string `json:"apiVersion,omitempty"`
	// kind is HorizontalPodAutoscaler or ScaledObject.
	// +kubebuilder:validation:Enum=HorizontalPodAutoscaler;ScaledObject
	Kind string `json:"kind"`
	// name is the name of the autoscaler.
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
	// primaryScalerQueries are queries for the canary's copy of a ScaledObject, by trigger name. In the query of any other
	// trigger, the canary's name replaces the primary's.
	// +optional
	PrimaryScalerQueries map[string]string `json:"primaryScalerQueries,omitempty"`
	// primaryScalerReplicas are the limits of the canary's copy of the autoscaler. Default: the canary's share of the primary's
	// limits.
	// +optional
	PrimaryScalerReplicas *ScalerReplicas `json:"primaryScalerReplicas,omitempty"`
}

// ScalerReplicas are the limits of an autoscaler.
type ScalerReplicas struct {
	// minReplicas is the minimum number of replicas.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	MinReplicas *int32 `json:"minReplicas,omitempty"`
	// maxReplicas is the maximum number of replicas.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	MaxReplicas *int32 `json:"maxReplicas,omitempty"`
}

// CanaryCopySpec configures how the canary differs from the primary.
type CanaryCopySpec struct {
	// replicas is the number of replicas of the canary: Proportional (the primary's replicas times the weight, rounded up),
	// Primary (as many as the primary), a number such as "2", or a percentage of the primary's replicas such as "30%". Always
	// at least 1. Default Proportional.
	// +optional
	// +kubebuilder:validation:Pattern=`^(Proportional|Primary|[1-9][0-9]{0,4}|([1-9][0-9]?|100)%)$`
	Replicas *string `json:"replicas,omitempty"`
	// autoscaler is Copy to scale the canary with a copy of the primary's autoscaler, adjusted to the canary's share, or None
	// to scale it by weight alone. Default Copy.
	// +optional
	// +kubebuilder:validation:Enum=Copy;None
	Autoscaler *string `json:"autoscaler,omitempty"`
	// template is a strategic merge patch for the canary's pod template only: nodeSelector, tolerations, resources, labels and
	// so on. It must not change labels that select the canary's pods.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	Template *apiextensionsv1.JSON `json:"template,omitempty"`
}
