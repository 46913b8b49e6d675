package v1alpha1

import (
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// ServiceSpec is how requests reach the Deployment. A Service and routes that exist are used as they are. Where no Service
// selects the Deployment's pods and port is set, one is made; where no route sends to the Service and gatewayRefs is set, an
// HTTPRoute is made from the other fields. What is made so belongs to the Deployment and stays when a rollout ends.
type ServiceSpec struct {
	// name of the Service of the primary. Default the one that selects the Deployment's pods, else the Deployment's name.
	// +optional
	// +kubebuilder:validation:Pattern=`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`
	Name *string `json:"name,omitempty"`
	// routes are the routes that share the requests, as HTTPRoute/name, GRPCRoute/name or HTTPRoute/namespace/name; a
	// name alone is that of an HTTPRoute. Default all that have the Service as a backend.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:Pattern=`^((HTTPRoute|GRPCRoute)/)?([a-z0-9.-]+/)?[a-z0-9.-]+$`
	Routes []string `json:"routes,omitempty"`
	// cohort are the Services that route requests which came through the canary to canaries of their own, as service or
	// service=target. See cohortHeader.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:Pattern=`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?(=[a-z]([-a-z0-9]{0,61}[a-z0-9])?)?$`
	Cohort []string `json:"cohort,omitempty"`
	// cohortHeader is the request header by which requests that the canary got are known; its value is the name of the
	// primary's Service. The application passes it on. Default x-sluice-canary, where cohort is set.
	// +optional
	// +kubebuilder:validation:Pattern="^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
	CohortHeader *string `json:"cohortHeader,omitempty"`

	// port of the Service that is made, and of the backends of the route that is made.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port *int32 `json:"port,omitempty"`
	// portName is the name of that port. Default http.
	// +optional
	PortName *string `json:"portName,omitempty"`
	// targetPort is the container's port, a number or a name. Default port.
	// +optional
	// +kubebuilder:validation:XValidation:rule="type(self) == string || (type(self) == int && self >= 1 && self <= 65535)",message="must be a port from 1 to 65535, or the name of a container's port"
	TargetPort *intstr.IntOrString `json:"targetPort,omitempty"`
	// appProtocol of that port, such as kubernetes.io/h2c.
	// +optional
	AppProtocol *string `json:"appProtocol,omitempty"`
	// trafficDistribution of the Services that are made: PreferSameZone, PreferSameNode or PreferClose.
	// +optional
	// +kubebuilder:validation:Enum=PreferClose;PreferSameZone;PreferSameNode
	TrafficDistribution *string `json:"trafficDistribution,omitempty"`
	// headless makes the Services without a cluster IP. Default false.
	// +optional
	Headless *bool `json:"headless,omitempty"`
	// portDiscovery adds the other ports of the containers to the Service that is made. Default false.
	// +optional
	PortDiscovery *bool `json:"portDiscovery,omitempty"`

	// gatewayRefs are the parents of the route that is made: Gateways, Services, ListenerSets.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	GatewayRefs []gatewayv1.ParentReference `json:"gatewayRefs,omitempty"`
	// routeName is the name of the route that is made. Default the name of the Service.
	// +optional
	RouteName *string `json:"routeName,omitempty"`
	// hosts are the host names of the route that is made.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Hosts []gatewayv1.Hostname `json:"hosts,omitempty"`
	// match is which requests the route that is made takes. Default all.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Match []HTTPMatch `json:"match,omitempty"`
	// rewrite of the requests.
	// +optional
	Rewrite *Rewrite `json:"rewrite,omitempty"`
	// headers that are changed in requests and answers.
	// +optional
	Headers *Headers `json:"headers,omitempty"`
	// corsPolicy is answered to browsers of other origins.
	// +optional
	CorsPolicy *CorsPolicy `json:"corsPolicy,omitempty"`
	// timeout of a request, such as 15s.
	// +optional
	Timeout *gatewayv1.Duration `json:"timeout,omitempty"`
	// backendTimeout is the timeout of one attempt at a backend.
	// +optional
	BackendTimeout *gatewayv1.Duration `json:"backendTimeout,omitempty"`
	// retries of requests that failed.
	// +optional
	Retries *Retries `json:"retries,omitempty"`
	// mirror are other backends that always get copies of the requests.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	Mirror []gatewayv1.HTTPRequestMirrorFilter `json:"mirror,omitempty"`
	// primaryBackend takes the place of the primary's Service in the route that is made.
	// +optional
	PrimaryBackend *Backend `json:"primaryBackend,omitempty"`
	// canaryBackend takes the place of the canary's Service in the routes.
	// +optional
	CanaryBackend *Backend `json:"canaryBackend,omitempty"`

	// apex are labels and annotations of the Service and the route that are made.
	// +optional
	Apex *Metadata `json:"apex,omitempty"`
	// primary are further labels and annotations of the Service that is made.
	// +optional
	Primary *Metadata `json:"primary,omitempty"`
	// canary are labels and annotations of the canary's Service.
	// +optional
	Canary *Metadata `json:"canary,omitempty"`
	// unmanagedMetadata is accepted and of no effect: labels and annotations of others are always kept.
	// +optional
	UnmanagedMetadata *UnmanagedMetadata `json:"unmanagedMetadata,omitempty"`

	ServiceForeignFields `json:",inline"`
}

// ServiceForeignFields are those of Flagger's service that other meshes use.
//
// +kubebuilder:validation:XValidation:rule="!has(self.gateways)",message="gateways: only for Istio's VirtualService; use gatewayRefs"
// +kubebuilder:validation:XValidation:rule="!has(self.trafficPolicy)",message="trafficPolicy: only for Istio's DestinationRule; leave it out and attach the policy of your gateway to the Services"
// +kubebuilder:validation:XValidation:rule="!has(self.delegation)",message="delegation: only for Istio's VirtualService; leave it out, routes of other namespaces are found by their backendRefs"
// +kubebuilder:validation:XValidation:rule="!has(self.meshName) && !has(self.backends)",message="meshName and backends: only for AppMesh; leave them out"
type ServiceForeignFields struct {
	// gateways is not supported: use gatewayRefs.
	// +optional
	Gateways []string `json:"gateways,omitempty"`
	// trafficPolicy is not supported.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	TrafficPolicy *apiextensionsv1.JSON `json:"trafficPolicy,omitempty"`
	// delegation is not supported.
	// +optional
	Delegation *bool `json:"delegation,omitempty"`
	// meshName is not supported.
	// +optional
	MeshName *string `json:"meshName,omitempty"`
	// backends is not supported.
	// +optional
	Backends []string `json:"backends,omitempty"`
}

// Metadata are labels and annotations.
type Metadata struct {
	// labels of the object.
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// annotations of the object.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}

// UnmanagedMetadata are keys that belong to others.
type UnmanagedMetadata struct {
	// labels are keys of labels.
	// +optional
	Labels []string `json:"labels,omitempty"`
	// annotations are keys of annotations.
	// +optional
	Annotations []string `json:"annotations,omitempty"`
}

// Backend is a backend with filters of its own.
type Backend struct {
	// backendRef is the object that gets the requests.
	BackendRef gatewayv1.BackendObjectReference `json:"backendRef"`
	// filters are for the requests that this backend gets.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Filters []gatewayv1.HTTPRouteFilter `json:"filters,omitempty"`
}

// Rewrite changes requests before a backend gets them.
type Rewrite struct {
	// uri is the new path, or what takes the place of the prefix that was matched.
	// +optional
	URI string `json:"uri,omitempty"`
	// authority is the new host.
	// +optional
	Authority string `json:"authority,omitempty"`
	// type is ReplaceFullPath or ReplacePrefixMatch. Default ReplaceFullPath.
	// +optional
	// +kubebuilder:validation:Enum=ReplaceFullPath;ReplacePrefixMatch
	Type string `json:"type,omitempty"`
}

// Headers are changed in requests and answers.
type Headers struct {
	// request headers.
	// +optional
	Request *HeaderOperations `json:"request,omitempty"`
	// response headers.
	// +optional
	Response *HeaderOperations `json:"response,omitempty"`
}

// HeaderOperations change headers.
type HeaderOperations struct {
	// set gives headers a value.
	// +optional
	Set map[string]string `json:"set,omitempty"`
	// add adds values to headers.
	// +optional
	Add map[string]string `json:"add,omitempty"`
	// remove takes headers away.
	// +optional
	Remove []string `json:"remove,omitempty"`
}

// CorsPolicy says what browsers of other origins may do.
type CorsPolicy struct {
	// allowOrigin are origins such as https://example.com, or *.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	AllowOrigin []string `json:"allowOrigin,omitempty"`
	// allowOrigins are origins as matches: exact, or a prefix such as https://*.example.com; the Gateway API has no regular
	// expressions here.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	AllowOrigins []StringMatch `json:"allowOrigins,omitempty"`
	// allowMethods are methods such as GET, or *.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	AllowMethods []string `json:"allowMethods,omitempty"`
	// allowHeaders are request headers, or *.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	AllowHeaders []string `json:"allowHeaders,omitempty"`
	// exposeHeaders are answer headers that scripts may read.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	ExposeHeaders []string `json:"exposeHeaders,omitempty"`
	// maxAge is how long the answer may be kept, such as 24h or 1d.
	// +optional
	MaxAge string `json:"maxAge,omitempty"`
	// allowCredentials lets scripts send cookies.
	// +optional
	AllowCredentials *bool `json:"allowCredentials,omitempty"`
}

// Retries are new attempts at requests that failed.
type Retries struct {
	// attempts is how many there are.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	Attempts int32 `json:"attempts,omitempty"`
	// perTryTimeout is the timeout of one attempt; the same as backendTimeout.
	// +optional
	PerTryTimeout *gatewayv1.Duration `json:"perTryTimeout,omitempty"`
	// retryOn are conditions in Envoy's words, separated by commas; status codes and 5xx are taken over, others have nothing
	// in the Gateway API.
	// +optional
	RetryOn string `json:"retryOn,omitempty"`
}
