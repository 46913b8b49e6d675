package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// MetricTemplate is a query that checks can use by templateRef, and the server that answers it.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:categories=all
// +kubebuilder:printcolumn:name="Provider",type=string,JSONPath=`.spec.provider.type`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type MetricTemplate struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the query and its server.
	Spec MetricTemplateSpec `json:"spec"`
}

// MetricTemplateList is a list of MetricTemplates.
//
// +kubebuilder:object:root=true
type MetricTemplateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// items are the templates.
	Items []MetricTemplate `json:"items"`
}

// MetricTemplateSpec is a query and its server.
type MetricTemplateSpec struct {
	// provider is the server that answers the query.
	// +optional
	Provider MetricProvider `json:"provider,omitempty"`
	// query is PromQL as a Go template. {{ name }} and {{ primary }} are the name of the primary, {{ target }} is the name of
	// the canary, {{ namespace }} is their namespace, {{ service }} is the primary's Service, {{ route }} is the first route,
	// {{ interval }} is how far back to look, such as 60s, and {{ variables.key }} is a value of templateVariables.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16384
	Query string `json:"query"`
}

// ProviderPrometheus is the type of a MetricProvider with the HTTP API of Prometheus.
const ProviderPrometheus = "prometheus"

// ProviderTypes lists the types of a MetricProvider that this release supports.
var ProviderTypes = []string{ProviderPrometheus}

// MetricProvider is a metrics server.
//
// +kubebuilder:validation:XValidation:rule="!has(self.region) || size(self.region) == 0",message="region: only CloudWatch has regions, and this release supports only prometheus; remove it"
type MetricProvider struct {
	// type is the type of the server. This release supports only prometheus. Default prometheus.
	// +optional
	// +kubebuilder:default=prometheus
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self == 'prometheus'",message="must be prometheus: this release supports no other provider"
	Type string `json:"type,omitempty"`
	// address is the http or https URL of the server. Default: the controller's Prometheus.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^https?://[^\s/@]+(/\S*)?$`
	Address string `json:"address,omitempty"`
	// headers are added to each request. They are not secret: use secretRef for credentials. All names and values together have at
	// most 16384 characters.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.map(name, size(name) + self[name].map(value, size(value)).sum()).sum() <= 16384",message="headers: all names and values together must have at most 16384 characters"
	Headers map[string]HeaderValues `json:"headers,omitempty"`
	// secretRef names a Secret in the namespace of the MetricTemplate, with the key token, or with the keys username and
	// password. The controller reads it only if the chart value metricTemplates.secrets is true and the Secret has the label
	// sluice.dev/metric-credentials=true.
	// +optional
	SecretRef *LocalObjectRef `json:"secretRef,omitempty"`
	// region is not supported.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Region string `json:"region,omitempty"`
	// insecureSkipVerify skips verification of the server's certificate. Default false.
	// +optional
	InsecureSkipVerify bool `json:"insecureSkipVerify,omitempty"`
}

// HeaderValues are the values of one header.
//
// +kubebuilder:validation:MaxItems=16
// +kubebuilder:validation:items:MaxLength=8192
type HeaderValues []string

// LocalObjectRef is a reference to an object in the same namespace.
type LocalObjectRef struct {
	// name is the name of the object.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}
