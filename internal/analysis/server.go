package analysis

import (
	"cmp"

	"sluice.dev/sluice/api/v1alpha1"
)

// Server is a metrics server that a MetricTemplate names.
type Server struct {
	// Namespace is that of the MetricTemplate. Servers of several namespaces are never taken for the same: who makes one of them fail must not
	// keep others from it.
	Namespace string
	// Type is the provider type of the server, such as prometheus.
	Type string
	// Address is the http or https URL of the server.
	Address string
	// Headers are added to each request.
	Headers map[string][]string
	// InsecureSkipVerify skips verification of the server's certificate.
	InsecureSkipVerify bool
	// Region is the region of a cloud's service. Empty for servers without regions.
	Region string
	// Credentials are the values of the Secret's keys that servers of this type use. Nil for none.
	Credentials map[string]Secret
	// HTTP says how a server of type http is asked, and where its answer has the value.
	HTTP HTTP
}

// HTTP is how a server with any JSON API is asked.
type HTTP struct {
	// Method is GET, with the query at the end of the address, or POST, with the query as the body.
	Method string
	// JSONPath is where the answer has the number.
	JSONPath string
}

// Secret is text that must not appear in a log, message or status.
type Secret string

// String returns a placeholder.
func (Secret) String() string { return "(secret)" }

// GoString returns a placeholder.
func (Secret) GoString() string { return "(secret)" }

// MarshalText returns a placeholder.
func (Secret) MarshalText() ([]byte, error) { return []byte("(secret)"), nil }

// ServerOf returns the server of a MetricTemplate of a namespace, without credentials. It is nil for the controller's Prometheus.
func ServerOf(namespace string, provider v1alpha1.MetricProvider) *Server {
	kind := cmp.Or(provider.Type, v1alpha1.ProviderPrometheus)
	if kind == v1alpha1.ProviderPrometheus && provider.Address == "" {
		return nil
	}
	server := &Server{Namespace: namespace, Type: kind, Address: provider.Address, Region: provider.Region, InsecureSkipVerify: provider.InsecureSkipVerify}
	for name, values := range provider.Headers {
		if server.Headers == nil {
			server.Headers = map[string][]string{}
		}
		server.Headers[name] = values
	}
	if provider.HTTP != nil {
		server.HTTP = HTTP{Method: cmp.Or(provider.HTTP.Method, v1alpha1.MethodGet), JSONPath: provider.HTTP.JSONPath}
	}
	return server
}
