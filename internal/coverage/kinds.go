package coverage

// Scope says in which namespaces objects of a kind can apply to a workload.
type Scope int

// Scopes.
const (
	// Beside is the namespace of the workload, and the namespaces in which operators keep objects for all.
	Beside Scope = iota
	// Anywhere is every namespace: the objects name the namespaces that they select in.
	Anywhere
	// Cluster is for objects without a namespace.
	Cluster
)

// Any stands for every kind, or every resource, of a group.
const Any = "*"

// Kind is a kind of objects that apply to some workloads and not to others.
type Kind struct {
	Group, Kind, Resource string
	Scope                 Scope
	// Root is the namespace whose objects apply to all namespaces; empty if there is none.
	Root string
	// Monitors is set if the objects only say what is scraped.
	Monitors bool
	// Bound is set if an object is in force only where a binding says so. Binds is the kind that an object of this kind puts in force.
	Bound bool
	Binds string

	read func(*picker, []byte) error
}

// Namespaces in which meshes keep what applies to all namespaces, unless they are configured otherwise.
const (
	rootOfIstio = "istio-system"
	rootOfKuma  = "kuma-system"
)

// The groups with several kinds.
const (
	groupAdmission  = "admissionregistration.k8s.io"
	groupNetworking = "policy.networking.k8s.io"
	groupGateway    = "gateway.networking.k8s.io"
	groupGKE        = "networking.gke.io"
	groupCilium     = "cilium.io"
	groupCalico     = "projectcalico.org"
	groupCalicoCRDs = "crd.projectcalico.org"
	groupKyverno    = "kyverno.io"
	groupMonitoring = "monitoring.coreos.com"
)

// Kinds are all kinds that are looked for. NetworkPolicies and PodDisruptionBudgets are not among them: those that select the
// primary's pods are copied for the canary.
func Kinds() []Kind {
	return []Kind{
		{Group: groupAdmission, Kind: "ValidatingAdmissionPolicy", Resource: "validatingadmissionpolicies", Scope: Cluster, Bound: true, read: readAdmissionPolicy},
		{Group: groupAdmission, Kind: "ValidatingAdmissionPolicyBinding", Resource: "validatingadmissionpolicybindings", Scope: Cluster, Binds: "ValidatingAdmissionPolicy", read: readBinding},
		{Group: groupAdmission, Kind: "MutatingAdmissionPolicy", Resource: "mutatingadmissionpolicies", Scope: Cluster, Bound: true, read: readAdmissionPolicy},
		{Group: groupAdmission, Kind: "MutatingAdmissionPolicyBinding", Resource: "mutatingadmissionpolicybindings", Scope: Cluster, Binds: "MutatingAdmissionPolicy", read: readBinding},
		{Group: groupNetworking, Kind: "AdminNetworkPolicy", Resource: "adminnetworkpolicies", Scope: Cluster, read: readAdminNetworkPolicy},
		{Group: groupNetworking, Kind: "BaselineAdminNetworkPolicy", Resource: "baselineadminnetworkpolicies", Scope: Cluster, read: readAdminNetworkPolicy},
		{Group: groupNetworking, Kind: "ClusterNetworkPolicy", Resource: "clusternetworkpolicies", Scope: Cluster, read: readAdminNetworkPolicy},

		{Group: "security.istio.io", Kind: "AuthorizationPolicy", Resource: "authorizationpolicies", Root: rootOfIstio, read: readIstio},
		{Group: "security.istio.io", Kind: "PeerAuthentication", Resource: "peerauthentications", Root: rootOfIstio, read: readIstio},
		{Group: "security.istio.io", Kind: "RequestAuthentication", Resource: "requestauthentications", Root: rootOfIstio, read: readIstio},
		{Group: "networking.istio.io", Kind: "DestinationRule", Resource: "destinationrules", Root: rootOfIstio, read: readIstio},
		{Group: "networking.istio.io", Kind: "EnvoyFilter", Resource: "envoyfilters", Root: rootOfIstio, read: readIstio},
		{Group: "networking.istio.io", Kind: "Sidecar", Resource: "sidecars", read: readIstio},
		{Group: "telemetry.istio.io", Kind: "Telemetry", Resource: "telemetries", Root: rootOfIstio, read: readIstio},
		{Group: "extensions.istio.io", Kind: "WasmPlugin", Resource: "wasmplugins", Root: rootOfIstio, read: readIstio},

		{Group: "policy.linkerd.io", Kind: "Server", Resource: "servers", read: readServer},
		{Group: "linkerd.io", Kind: "ServiceProfile", Resource: "serviceprofiles", read: readServiceProfile},
		{Group: "kuma.io", Kind: "MeshTrafficPermission", Resource: "meshtrafficpermissions", Root: rootOfKuma, read: readKuma},

		{Group: groupCilium, Kind: "CiliumNetworkPolicy", Resource: "ciliumnetworkpolicies", read: readCilium},
		{Group: groupCilium, Kind: "CiliumClusterwideNetworkPolicy", Resource: "ciliumclusterwidenetworkpolicies", Scope: Cluster, read: readCilium},
		{Group: groupCalico, Kind: "NetworkPolicy", Resource: "networkpolicies", read: readCalico},
		{Group: groupCalico, Kind: "GlobalNetworkPolicy", Resource: "globalnetworkpolicies", Scope: Cluster, read: readCalico},
		{Group: groupCalicoCRDs, Kind: "NetworkPolicy", Resource: "networkpolicies", read: readCalico},
		{Group: groupCalicoCRDs, Kind: "GlobalNetworkPolicy", Resource: "globalnetworkpolicies", Scope: Cluster, read: readCalico},

		{Group: groupKyverno, Kind: "ClusterPolicy", Resource: "clusterpolicies", Scope: Cluster, read: readKyverno},
		{Group: groupKyverno, Kind: "Policy", Resource: "policies", read: readKyverno},
		{Group: "policies.kyverno.io", Kind: "ValidatingPolicy", Resource: "validatingpolicies", Scope: Cluster, read: readAdmissionPolicy},
		{Group: "constraints.gatekeeper.sh", Kind: Any, Resource: Any, Scope: Cluster, read: readGatekeeper},

		{Group: groupGateway, Kind: "BackendTLSPolicy", Resource: "backendtlspolicies", read: readAttached},
		{Group: groupGateway, Kind: "BackendLBPolicy", Resource: "backendlbpolicies", read: readAttached},
		{Group: "gateway.networking.x-k8s.io", Kind: "XBackendTrafficPolicy", Resource: "xbackendtrafficpolicies", read: readAttached},
		{Group: "gateway.nginx.org", Kind: "UpstreamSettingsPolicy", Resource: "upstreamsettingspolicies", read: readAttached},
		{Group: "gateway.kgateway.dev", Kind: "BackendConfigPolicy", Resource: "backendconfigpolicies", read: readAttached},
		{Group: groupGKE, Kind: "GCPBackendPolicy", Resource: "gcpbackendpolicies", read: readAttached},
		{Group: groupGKE, Kind: "HealthCheckPolicy", Resource: "healthcheckpolicies", read: readAttached},

		{Group: groupMonitoring, Kind: "ServiceMonitor", Resource: "servicemonitors", Scope: Anywhere, Monitors: true, read: readServiceMonitor},
		{Group: groupMonitoring, Kind: "PodMonitor", Resource: "podmonitors", Scope: Anywhere, Monitors: true, read: readPodMonitor},
	}
}
