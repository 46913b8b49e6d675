package v1alpha1

import (
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// ServiceSpec configures how requests reach the Deployment. Sluice uses an existing Service and existing routes. If no
// Service selects the Deployment's pods and port is set, it creates a Service. If no route sends requests to the Service and
// gatewayRefs is set, it creates an HTTPRoute from the other fields. The Deployment owns the created objects, and they
// outlive the rollout.
type ServiceSpec struct {
	// name is the name of the primary's Service. Default: the Service that selects the Deployment's pods, or else the
	// Deployment's name.
	// +optional
	// +kubebuilder:validation:Pattern=`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`
	Name *string `json:"name,omitempty"`
	// routes lists the routes that split the requests, as HTTPRoute/name, GRPCRoute/name or HTTPRoute/namespace/name. A plain
	// name means an HTTPRoute. Default: all routes that have the Service as a backend.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:Pattern=`^((HTTPRoute|GRPCRoute)/)?([a-z0-9.-]+/)?[a-z0-9.-]+$`
	Routes []string `json:"routes,omitempty"`
	// cohort lists Services whose canaries receive the requests that came through this canary, as service or service=target.
	// See cohortHeader.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:Pattern=`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?(=[a-z]([-a-z0-9]{0,61}[a-z0-9])?)?$`
	Cohort []string `json:"cohort,omitempty"`
	// cohortHeader is the request header that marks requests to the canary. Its value is the name of the primary's Service. The
	// application must forward it. Default x-sluice-canary if cohort is set.
	// +optional
	// +kubebuilder:validation:Pattern="^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
	CohortHeader *string `json:"cohortHeader,omitempty"`

	// port is the port of the created Service, and of the backends of the created route.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port *int32 `json:"port,omitempty"`
	// portName is the name of port. Default http.
	// +optional
	PortName *string `json:"portName,omitempty"`
	// targetPort is the number or name of the container's port. Default: port.
	// +optional
	// +kubebuilder:validation:XValidation:rule="type(self) == string || (type(self) == int && self >= 1 && self <= 65535)",message="must be a port from 1 to 65535, or the name of a container's port"
	TargetPort *intstr.IntOrString `json:"targetPort,omitempty"`
	// appProtocol is the application protocol of port, such as kubernetes.io/h2c.
	// +optional
	AppProtocol *string `json:"appProtocol,omitempty"`
	// trafficDistribution is the traffic distribution of the created Services: PreferSameZone, PreferSameNode or PreferClose.
	// +optional
	// +kubebuilder:validation:Enum=PreferClose;PreferSameZone;PreferSameNode
	TrafficDistribution *string `json:"trafficDistribution,omitempty"`
	// headless creates Services without a cluster IP. Default false.
	// +optional
	Headless *bool `json:"headless,omitempty"`
	// portDiscovery adds the containers' other ports to the created Service. Default false.
	// +optional
	PortDiscovery *bool `json:"portDiscovery,omitempty"`

	// gatewayRefs are the parents of the created route: Gateways, Services or ListenerSets.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	GatewayRefs []gatewayv1.ParentReference `json:"gatewayRefs,omitempty"`
	// routeName is the name of the created route. Default: the name of the Service.
	// +optional
	RouteName *string `json:"routeName,omitempty"`
	// hosts are the host names of the created route.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Hosts []gatewayv1.Hostname `json:"hosts,omitempty"`
	// match selects the requests of the created route. Default: all.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Match []HTTPMatch `json:"match,omitempty"`
	// rewrite changes the path or host of requests.
	// +optional
	Rewrite *Rewrite `json:"rewrite,omitempty"`
	// headers changes the headers of requests and responses.
	// +optional
	Headers *Headers `json:"headers,omitempty"`
	// corsPolicy configures cross-origin requests from browsers.
	// +optional
	CorsPolicy *CorsPolicy `json:"corsPolicy,omitempty"`
	// timeout is the time limit of a request, such as 15s.
	// +optional
	Timeout *gatewayv1.Duration `json:"timeout,omitempty"`
	// backendTimeout is the time limit of one attempt at a backend.
	// +optional
	BackendTimeout *gatewayv1.Duration `json:"backendTimeout,omitempty"`
	// retries configures retries of failed requests.
	// +optional
	Retries *Retries `json:"retries,omitempty"`
	// mirror lists other backends to which all requests are mirrored.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	Mirror []gatewayv1.HTTPRequestMirrorFilter `json:"mirror,omitempty"`
	// primaryBackend replaces the primary's Service in the created route.
	// +optional
	PrimaryBackend *Backend `json:"primaryBackend,omitempty"`
	// canaryBackend replaces the canary's Service in the routes.
	// +optional
	CanaryBackend *Backend `json:"canaryBackend,omitempty"`

	// apex holds labels and annotations of the created Service and route.
	// +optional
	Apex *Metadata `json:"apex,omitempty"`
	// primary holds additional labels and annotations of the created Service.
	// +optional
	Primary *Metadata `json:"primary,omitempty"`
	// canary holds labels and annotations of the canary's Service.
	// +optional
	Canary *Metadata `json:"canary,omitempty"`
	// unmanagedMetadata is accepted with a warning and has no effect: Sluice always keeps labels and annotations that it does not manage.
	// +optional
	UnmanagedMetadata *UnmanagedMetadata `json:"unmanagedMetadata,omitempty"`

	ServiceForeignFields `json:",inline"`
}

// ServiceForeignFields are fields of Flagger's service that only other meshes support.
//
// +kubebuilder:validation:XValidation:rule="!has(self.gateways)",message="gateways: only for Istio's VirtualService; use gatewayRefs"
// +kubebuilder:validation:XValidation:rule="!has(self.trafficPolicy)",message="trafficPolicy: only for Istio's DestinationRule; remove it and attach your gateway's policy to the Services"
// +kubebuilder:validation:XValidation:rule="!has(self.delegation)",message="delegation: only for Istio's VirtualService; remove it: Sluice finds routes in other namespaces by their backendRefs"
// +kubebuilder:validation:XValidation:rule="!has(self.meshName) && !has(self.backends)",message="meshName and backends: only for App Mesh; remove them"
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

// Metadata holds labels and annotations.
type Metadata struct {
	// labels are the labels of the object.
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// annotations are the annotations of the object.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}

// UnmanagedMetadata lists keys of labels and annotations that others manage.
type UnmanagedMetadata struct {
	// labels lists keys of labels.
	// +optional
	Labels []string `json:"labels,omitempty"`
	// annotations lists keys of annotations.
	// +optional
	Annotations []string `json:"annotations,omitempty"`
}

// Backend is a backend with filters.
type Backend struct {
	// backendRef is the object that receives the requests.
	BackendRef gatewayv1.BackendObjectReference `json:"backendRef"`
	// filters apply to requests to this backend.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Filters []gatewayv1.HTTPRouteFilter `json:"filters,omitempty"`
}

// Rewrite changes requests before they reach a backend.
type Rewrite struct {
	// uri is the new path, or the replacement of the matched prefix.
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

// Headers changes the headers of requests and responses.
type Headers struct {
	// request changes request headers.
	// +optional
	Request *HeaderOperations `json:"request,omitempty"`
	// response changes response headers.
	// +optional
	Response *HeaderOperations `json:"response,omitempty"`
}

// HeaderOperations changes headers.
type HeaderOperations struct {
	// set sets headers to a value.
	// +optional
	Set map[string]string `json:"set,omitempty"`
	// add adds values to headers.
	// +optional
	Add map[string]string `json:"add,omitempty"`
	// remove removes headers.
	// +optional
	Remove []string `json:"remove,omitempty"`
}

// CorsPolicy configures cross-origin requests from browsers.
type CorsPolicy struct {
	// allowOrigin lists allowed origins such as https://example.com, or *.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	AllowOrigin []string `json:"allowOrigin,omitempty"`
	// allowOrigins matches allowed origins by exact, such as https://shop.example.com or https://*.example.com. The Gateway API
	// does not support prefix, suffix or regex here.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	AllowOrigins []StringMatch `json:"allowOrigins,omitempty"`
	// allowMethods lists allowed methods such as GET, or *.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	AllowMethods []string `json:"allowMethods,omitempty"`
	// allowHeaders lists allowed request headers, or *.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	AllowHeaders []string `json:"allowHeaders,omitempty"`
	// exposeHeaders lists response headers that scripts may read.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	ExposeHeaders []string `json:"exposeHeaders,omitempty"`
	// maxAge is how long browsers may cache the response to a preflight request, in whole seconds, such as 24h or 1d.
	// +optional
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="self == '' || self.matches('^[1-9][0-9]{0,3}d$') || self.matches('^([0-9]{1,6}[hms])+$') && duration(self) >= duration('1s') && duration(self) <= duration('239976h')",message="must be at least 1s in whole days, hours, minutes or seconds, such as 24h or 1d"
	MaxAge string `json:"maxAge,omitempty"`
	// allowCredentials lets scripts send cookies.
	// +optional
	AllowCredentials *bool `json:"allowCredentials,omitempty"`
}

// Retries configures retries of failed requests.
type Retries struct {
	// attempts is the number of retries.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	Attempts int32 `json:"attempts,omitempty"`
	// perTryTimeout is the time limit of one attempt. It means the same as backendTimeout.
	// +optional
	PerTryTimeout *gatewayv1.Duration `json:"perTryTimeout,omitempty"`
	// retryOn lists status codes and Envoy's retry conditions, separated by commas: 5xx, gateway-error and retriable-4xx.
	// connect-failure, refused-stream, reset and reset-before-request may be listed too: failed connections are always retried.
	// The Gateway API supports no other condition.
	// +optional
	RetryOn string `json:"retryOn,omitempty"`
}
