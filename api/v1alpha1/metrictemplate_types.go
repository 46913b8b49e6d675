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
	// query is a Go template in the language of the server, such as PromQL. {{ name }} and {{ primary }} are the name of the primary, {{ target }} is the name of
	// the canary, {{ namespace }} is their namespace, {{ service }} is the primary's Service, {{ route }} is the first route,
	// {{ interval }} is how far back to look, such as 60s, and {{ variables.key }} is a value of templateVariables.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16384
	Query string `json:"query"`
}

// Types of a MetricProvider. They have Flagger's names where Flagger has the type.
const (
	// ProviderPrometheus is anything with the HTTP API of Prometheus.
	ProviderPrometheus = "prometheus"
	// ProviderHTTP is anything that answers with JSON.
	ProviderHTTP = "http"
	// ProviderDatadog is Datadog.
	ProviderDatadog = "datadog"
	// ProviderNewRelic is New Relic.
	ProviderNewRelic = "newrelic"
	// ProviderGraphite is Graphite.
	ProviderGraphite = "graphite"
	// ProviderInfluxDB is InfluxDB with Flux.
	ProviderInfluxDB = "influxdb"
	// ProviderDynatrace is Dynatrace.
	ProviderDynatrace = "dynatrace"
	// ProviderCloudWatch is Amazon CloudWatch.
	ProviderCloudWatch = "cloudwatch"
	// ProviderStackdriver is Google Cloud Monitoring.
	ProviderStackdriver = "stackdriver"
	// ProviderSplunk is Splunk Observability Cloud.
	ProviderSplunk = "splunk"
)

// ProviderTypes lists the types of a MetricProvider that this release supports.
var ProviderTypes = []string{
	ProviderPrometheus, ProviderHTTP, ProviderDatadog, ProviderNewRelic, ProviderGraphite, ProviderInfluxDB, ProviderDynatrace,
	ProviderCloudWatch, ProviderStackdriver, ProviderSplunk,
}

// Methods of a request to a server of type http.
const (
	MethodGet  = "GET"
	MethodPost = "POST"
)

// MetricProvider is a metrics server.
//
// +kubebuilder:validation:XValidation:rule="self.type != 'http' || has(self.http)",message="http: type http needs http.jsonPath, where the answer has the number"
// +kubebuilder:validation:XValidation:rule="self.type == 'http' || !has(self.http)",message="http: only type http has it; remove it, or set type: http"
// +kubebuilder:validation:XValidation:rule="!(self.type in ['http', 'graphite', 'influxdb', 'dynatrace', 'splunk']) || (has(self.address) && size(self.address) > 0)",message="address: servers of this type have no usual address; set it"
// +kubebuilder:validation:XValidation:rule="!(self.type in ['datadog', 'newrelic', 'dynatrace', 'cloudwatch', 'stackdriver', 'splunk']) || has(self.secretRef)",message="secretRef: servers of this type need credentials; name a Secret"
// +kubebuilder:validation:XValidation:rule="!has(self.region) || size(self.region) == 0 || self.type in ['cloudwatch', 'prometheus']",message="region: only cloudwatch, and prometheus at Amazon, have regions; remove it"
// +kubebuilder:validation:XValidation:rule="self.type != 'cloudwatch' || (has(self.region) && size(self.region) > 0)",message="region: cloudwatch needs one, such as eu-west-1"
type MetricProvider struct {
	// type is the type of the server. Default prometheus.
	// +optional
	// +kubebuilder:default=prometheus
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self in ['prometheus', 'http', 'datadog', 'newrelic', 'graphite', 'influxdb', 'dynatrace', 'cloudwatch', 'stackdriver', 'splunk']",message="must be prometheus, http, datadog, newrelic, graphite, influxdb, dynatrace, cloudwatch, stackdriver or splunk: this release supports no other provider"
	Type string `json:"type,omitempty"`
	// address is the http or https URL of the server. Default for prometheus: the controller's Prometheus; for the services of vendors: their public API.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^https?://[^\s/@]+(/\S*)?$`
	Address string `json:"address,omitempty"`
	// http says how a server of type http is asked, and where its answer has the number.
	// +optional
	HTTP *HTTPProvider `json:"http,omitempty"`
	// headers are added to each request. They are not secret: use secretRef for credentials. All names and values together have at
	// most 16384 characters.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.map(name, size(name) + self[name].map(value, size(value)).sum()).sum() <= 16384",message="headers: all names and values together must have at most 16384 characters"
	Headers map[string]HeaderValues `json:"headers,omitempty"`
	// secretRef names a Secret in the namespace of the MetricTemplate, with the keys that servers of this type use. The controller
	// reads it only if the chart value metricTemplates.secrets is true and the Secret has the label
	// sluice.dev/metric-credentials=true.
	// +optional
	SecretRef *LocalObjectRef `json:"secretRef,omitempty"`
	// region is the AWS region of cloudwatch, or of a Prometheus of Amazon, whose requests are then signed.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Region string `json:"region,omitempty"`
	// insecureSkipVerify skips verification of the server's certificate. Default false.
	// +optional
	InsecureSkipVerify bool `json:"insecureSkipVerify,omitempty"`
}

// HTTPProvider is how a server with any JSON API is asked.
type HTTPProvider struct {
	// method is GET or POST. With GET, the query is the end of the URL, after the address; with POST, it is the JSON body. Default GET.
	// +optional
	// +kubebuilder:default=GET
	// +kubebuilder:validation:Enum=GET;POST
	Method string `json:"method,omitempty"`
	// jsonPath is where the answer has the number, as in kubectl, such as {.data.errorRate}. It must find one value, and that must be a number.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	JSONPath string `json:"jsonPath"`
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
