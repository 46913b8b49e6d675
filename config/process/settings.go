package process

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// Settings is how the controller itself runs: the content of its configuration file, and what its flags set.
type Settings struct {
	// PrometheusURL is where candidates are judged by; without it no rollout starts.
	PrometheusURL string `json:"prometheusUrl"`
	// LogLevel is debug, info or error.
	LogLevel string `json:"logLevel"`
	// Namespace that the controller runs in.
	Namespace string `json:"namespace"`
	// ServiceAccount that the controller runs as: only it may promote and split.
	ServiceAccount string `json:"serviceAccount"`
	// WatchNamespaces are the namespaces whose Deployments can be opted in; empty for all.
	WatchNamespaces []string `json:"watchNamespaces"`
	// NoCrossNamespaceRefs forbids checks that use MetricTemplates of other namespaces.
	NoCrossNamespaceRefs bool `json:"noCrossNamespaceRefs"`
	// QueryNamespaces are the namespaces whose policies and MetricTemplates may ask the controller's Prometheus queries of their own;
	// empty for all.
	QueryNamespaces []string `json:"queryNamespaces"`
	// CrossNamespaceGrants makes ReferenceGrants in other namespaces for the backends that a policy names there. Who may write
	// policies in one namespace can then send requests to the Services of all.
	CrossNamespaceGrants bool `json:"crossNamespaceGrants"`
	// Outbound says where hooks and the servers of MetricTemplates may be.
	Outbound Outbound `json:"outbound"`
	// LeaderElection lets one of several replicas reconcile.
	LeaderElection LeaderElection `json:"leaderElection"`
	// Metrics are the controller's own.
	Metrics Metrics `json:"metrics"`
	// Probes are /healthz and /readyz.
	Probes Listener `json:"probes"`
	// Pprof are the profiles of the process; served nowhere by default.
	Pprof Listener `json:"pprof"`
	// Webhook is how the API server reaches admission.
	Webhook Webhook `json:"webhook"`
	// Certs are the webhooks' certificates.
	Certs Certs `json:"certs"`
	// ShutdownDelay is how long admission is still served after a request to terminate, until no more requests come; 0 by default.
	ShutdownDelay metav1.Duration `json:"shutdownDelay"`
	// KubeAPI limits the requests to the API server.
	KubeAPI KubeAPI `json:"kubeApi"`
	// MaxConcurrent limits the rollouts that are open at the same time.
	MaxConcurrent MaxConcurrent `json:"maxConcurrent"`
	// AsAuthor says whether and how the API server is asked as the author of a template.
	AsAuthor AsAuthor `json:"asAuthor"`
	// DryRun decides and reports everything and changes nothing.
	DryRun bool `json:"dryRun"`
}

// What becomes of a change when the API server cannot be asked as its author.
const (
	// FailurePolicyFail rejects the change.
	FailurePolicyFail = "Fail"
	// FailurePolicyIgnore holds the change back, with a warning.
	FailurePolicyIgnore = "Ignore"
)

// AsAuthor says whether and how the API server is asked, by a dry run as the author of a template, what its policies say of that.
type AsAuthor struct {
	// Enabled asks before a template is held back. The process needs the right to impersonate.
	Enabled bool `json:"enabled"`
	// Timeout is how long an answer may take. It must be less than the time-out of the webhooks.
	Timeout metav1.Duration `json:"timeout"`
	// FailurePolicy is FailurePolicyFail or FailurePolicyIgnore.
	FailurePolicy string `json:"failurePolicy"`
	// Extra are the keys of the extra values of an author that the policies see; none by default.
	Extra []string `json:"extra"`
}

// Outbound says where hooks and the servers of MetricTemplates may be.
type Outbound struct {
	// Allow are addresses and prefixes that may be reached although they would be refused.
	Allow []string `json:"allow"`
	// Node are the addresses of the node that the process runs on. They are refused.
	Node []string `json:"node"`
}

// Allowed returns the prefixes of Allow. It leaves out what is neither an address nor a prefix.
func (o Outbound) Allowed() []netip.Prefix {
	var allowed []netip.Prefix
	for _, text := range o.Allow {
		if prefix, err := prefixOf(text); err == nil {
			allowed = append(allowed, prefix)
		}
	}
	return allowed
}

// OfNode returns the addresses of the node. It leaves out what is no address.
func (o Outbound) OfNode() []netip.Addr {
	var node []netip.Addr
	for _, text := range o.Node {
		if address, err := netip.ParseAddr(text); err == nil {
			node = append(node, address.Unmap())
		}
	}
	return node
}

// prefixOf reads an address or a prefix.
func prefixOf(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		return address.Unmap().Prefix(address.Unmap().BitLen())
	}
	return netip.ParsePrefix(text)
}

// MaxConcurrent limits the rollouts that are open at the same time, 0 for any number.
type MaxConcurrent struct {
	// Cluster counts all rollouts.
	Cluster int `json:"cluster"`
	// Namespace counts those of each namespace.
	Namespace int `json:"namespace"`
	// HeldFor is how long a rollout that is paused or kept at a gate counts; 0 means without an end.
	HeldFor metav1.Duration `json:"heldFor"`
}

// LeaderElection says whether and how one of several replicas comes to reconcile.
type LeaderElection struct {
	// Enabled is false for a process that reconciles without asking.
	Enabled bool `json:"enabled"`
	// LeaseDuration is how long the others wait for a leader that is silent before one of them takes over.
	LeaseDuration metav1.Duration `json:"leaseDuration"`
	// RenewDeadline is how long a leader that cannot renew its lease tries to; then it stops reconciling.
	RenewDeadline metav1.Duration `json:"renewDeadline"`
	// RetryPeriod is the time between two attempts to renew or to get the lease.
	RetryPeriod metav1.Duration `json:"retryPeriod"`
}

// Listener is something that is served over HTTP.
type Listener struct {
	// BindAddress is host:port or :port. Nothing is served if it is empty.
	BindAddress string `json:"bindAddress"`
}

// Metrics say where the controller's own metrics are served, and to whom.
type Metrics struct {
	// BindAddress is host:port or :port. Nothing is served if it is 0.
	BindAddress string `json:"bindAddress"`
	// Secure serves over TLS, only to those that may get the URL /metrics by RBAC.
	Secure bool `json:"secure"`
}

// Webhook says how the API server reaches admission.
type Webhook struct {
	// Port that every replica serves admission on.
	Port int `json:"port"`
	// Service that the webhook configurations name.
	Service string `json:"service"`
	// Mutating and Validating are the names of the webhook configurations. Last is the name of the mutating one that is called
	// after all others.
	Mutating   string `json:"mutatingConfiguration"`
	Last       string `json:"lastConfiguration"`
	Validating string `json:"validatingConfiguration"`
	// ClientCA has the certificates, in PEM, of the authorities that sign the client certificate of the API server. Empty to ask
	// for none: then anybody who reaches the port can send reviews, within limits.
	ClientCA string `json:"clientCA"`
	// ClientNames are the common or DNS names that the client certificate may have; empty for any.
	ClientNames []string `json:"clientNames"`
}

// Providers of certificates.
const (
	// CertsSelf means that the controller makes and renews the certificates itself.
	CertsSelf = "self"
	// CertsCertManager means that cert-manager makes them, renews them and puts the authority into the webhooks.
	CertsCertManager = "cert-manager"
)

// Certs say where the webhooks' certificates come from.
type Certs struct {
	// Provider is self or cert-manager.
	Provider string `json:"provider"`
	// Secret that keeps the certificate.
	Secret string `json:"secret"`
	// CAValidity is how long Sluice's own authority is valid. It is replaced after two thirds of that time.
	CAValidity metav1.Duration `json:"caValidity"`
	// Validity is how long Sluice's own certificate is valid. It is replaced after two thirds of that time.
	Validity metav1.Duration `json:"validity"`
}

// KubeAPI limits the requests to the API server.
type KubeAPI struct {
	// QPS is how many requests are made per second, on average.
	QPS float32 `json:"qps"`
	// Burst is how many requests are made at once.
	Burst int `json:"burst"`
}

const day = 24 * time.Hour

// Default returns the settings of a process without file and flags.
func Default() Settings {
	return Settings{
		LogLevel:       "info",
		ServiceAccount: "sluice",
		// A node that is short of CPU delays a renewal by seconds, so a leader has several attempts before it gives up.
		LeaderElection: LeaderElection{Enabled: true, LeaseDuration: metav1.Duration{Duration: 15 * time.Second},
			RenewDeadline: metav1.Duration{Duration: 10 * time.Second}, RetryPeriod: metav1.Duration{Duration: 2 * time.Second}},
		Metrics: Metrics{BindAddress: ":8080"},
		Probes:  Listener{BindAddress: ":8081"},
		Webhook: Webhook{Port: 9443, Service: "sluice-webhook", Mutating: "zz-sluice", Last: "zzzzzzzz-sluice", Validating: "zz-sluice"},
		Certs: Certs{
			Provider: CertsSelf, Secret: "sluice-webhook",
			CAValidity: metav1.Duration{Duration: 365 * day}, Validity: metav1.Duration{Duration: 90 * day},
		},
		KubeAPI: KubeAPI{QPS: 100, Burst: 200},

		AsAuthor:      AsAuthor{Timeout: metav1.Duration{Duration: 3500 * time.Millisecond}, FailurePolicy: FailurePolicyFail},
		MaxConcurrent: MaxConcurrent{HeldFor: metav1.Duration{Duration: 15 * time.Minute}},
	}
}

// Read reads a configuration file over the settings. A key that does not exist, or is there twice, is an error
// with its full path.
func Read(content []byte, over Settings) (Settings, error) {
	plain, err := yaml.YAMLToJSONStrict(content)
	if err != nil {
		return over, fmt.Errorf("must be YAML: %w", err)
	}
	unknown, err := json.UnmarshalStrict(plain, &over)
	if err != nil {
		return over, err
	}
	return over, errors.Join(unknown...)
}
