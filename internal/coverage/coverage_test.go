package coverage

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var (
	primary = Workload{Namespace: "shop", NamespaceLabels: map[string]string{"kubernetes.io/metadata.name": "shop", "env": "prod"},
		Deployment: "podinfo", DeploymentLabels: map[string]string{"app": "podinfo", "team": "web"}, Pods: map[string]string{"app": "podinfo", "team": "web"},
		Service: "podinfo", ServiceLabels: map[string]string{"app.kubernetes.io/name": "podinfo"}}
	canary = Workload{Namespace: "shop", NamespaceLabels: primary.NamespaceLabels,
		Deployment: "podinfo-canary", DeploymentLabels: map[string]string{"app": "podinfo-canary", "team": "web", "sluice.dev/role": "canary"},
		Pods:    map[string]string{"app": "podinfo-canary", "team": "web", "sluice.dev/role": "canary"},
		Service: "podinfo-canary", ServiceLabels: map[string]string{"app.kubernetes.io/name": "podinfo", "sluice.dev/role": "canary"}}
)

// kindOf finds a kind by KIND, or KIND of GROUP if several groups have it.
func kindOf(t *testing.T, name string) Kind {
	t.Helper()
	name, group, _ := strings.Cut(name, " of ")
	for _, kind := range Kinds() {
		if kind.Kind == name && (group == "" || group == kind.Group) {
			return kind
		}
	}
	t.Fatalf("no kind %s of %s", name, group)
	return Kind{}
}

// object is KIND NAMESPACE/NAME and the object's content but for its metadata.
func object(t *testing.T, text string) Object {
	t.Helper()
	head, content, _ := strings.Cut(text, " {")
	at := strings.LastIndex(head, " ")
	namespace, named, _ := strings.Cut(head[at+1:], "/")
	if content == "" {
		content = "}"
	} else {
		content = "," + content
	}
	return Read(kindOf(t, head[:at]), fmt.Appendf(nil, `{"kind":"K8sRequiredProbes","metadata":{"namespace":%q,"name":%q}%s`, namespace, named, content))
}

// TestWhatMissesACanary has, for every kind, objects that miss the canary and objects that do not.
func TestWhatMissesACanary(t *testing.T) {
	app, both := `{"matchLabels":{"app":"podinfo"}}`, `{"matchExpressions":[{"key":"app","operator":"In","values":["podinfo","podinfo-canary"]}]}`
	rules := `"resourceRules":[{"apiGroups":[""],"apiVersions":["v1"],"operations":["CREATE"],"resources":["pods"]}]`
	deployments := `"resourceRules":[{"apiGroups":["apps"],"apiVersions":["v1"],"operations":["*"],"resources":["deployments"]}]`
	seen := map[string]bool{}
	for sentence, c := range map[string]struct {
		objects []string
		missed  string // nothing if empty
	}{
		"a policy of Istio that selects the primary's pods":          {[]string{`AuthorizationPolicy shop/a {"spec":{"selector":` + app + `}}`}, "AuthorizationPolicy a"},
		"a policy of Istio that selects by another label":            {[]string{`AuthorizationPolicy shop/a {"spec":{"selector":{"matchLabels":{"team":"web"}}}}`}, ""},
		"a policy of Istio for the namespace":                        {[]string{`PeerAuthentication shop/a {"spec":{"mtls":{"mode":"STRICT"}}}`}, ""},
		"mutual TLS of the primary":                                  {[]string{`PeerAuthentication shop/a {"spec":{"selector":` + app + `}}`}, "PeerAuthentication a"},
		"tokens that the primary asks for":                           {[]string{`RequestAuthentication shop/a {"spec":{"selector":` + app + `}}`}, "RequestAuthentication a"},
		"a policy of Istio for a waypoint's Service":                 {[]string{`AuthorizationPolicy shop/a {"spec":{"targetRefs":[{"group":"","kind":"Service","name":"podinfo"}]}}`}, "AuthorizationPolicy a by its Service"},
		"a policy of Istio for a gateway":                            {[]string{`AuthorizationPolicy shop/a {"spec":{"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"podinfo"}]}}`}, ""},
		"a policy in Istio's root namespace":                         {[]string{`AuthorizationPolicy istio-system/a {"spec":{"selector":` + app + `}}`}, "AuthorizationPolicy istio-system/a"},
		"a policy of Istio in another namespace":                     {[]string{`AuthorizationPolicy other/a {"spec":{"selector":` + app + `}}`}, "AuthorizationPolicy other/a elsewhere"},
		"a copy of a policy for the canary":                          {[]string{`AuthorizationPolicy shop/a {"spec":{"selector":` + app + `}}`, `AuthorizationPolicy shop/a-canary {"spec":{"selector":{"matchLabels":{"sluice.dev/role":"canary"}}}}`}, ""},
		"a copy that does not select the canary":                     {[]string{`AuthorizationPolicy shop/a {"spec":{"selector":` + app + `}}`, `AuthorizationPolicy shop/a-canary {"spec":{"selector":{"matchLabels":{"app":"x"}}}}`}, "AuthorizationPolicy a"},
		"a copy of another kind":                                     {[]string{`AuthorizationPolicy shop/a {"spec":{"selector":` + app + `}}`, `PeerAuthentication shop/a-canary {"spec":{"selector":{"matchLabels":{"sluice.dev/role":"canary"}}}}`}, "AuthorizationPolicy a"},
		"a rule for the host of the Service":                         {[]string{`DestinationRule shop/a {"spec":{"host":"podinfo"}}`}, "DestinationRule a by its Service"},
		"a rule for the whole host of the Service":                   {[]string{`DestinationRule shop/a {"spec":{"host":"podinfo.shop.svc.cluster.local"}}`}, "DestinationRule a by its Service"},
		"a rule for another host":                                    {[]string{`DestinationRule shop/a {"spec":{"host":"podinfo.other.svc.cluster.local"}}`}, ""},
		"a rule for all hosts of the namespace":                      {[]string{`DestinationRule shop/a {"spec":{"host":"*.shop.svc.cluster.local"}}`}, ""},
		"a rule for what the primary calls":                          {[]string{`DestinationRule shop/a {"spec":{"host":"db","workloadSelector":` + app + `}}`}, "DestinationRule a"},
		"a filter for the primary's proxies":                         {[]string{`EnvoyFilter shop/a {"spec":{"workloadSelector":{"labels":{"app":"podinfo"}}}}`}, "EnvoyFilter a"},
		"a sidecar of the primary":                                   {[]string{`Sidecar shop/a {"spec":{"workloadSelector":{"labels":{"app":"podinfo"}}}}`}, "Sidecar a"},
		"telemetry of the primary":                                   {[]string{`Telemetry shop/a {"spec":{"selector":` + app + `}}`}, "Telemetry a"},
		"a plugin of the primary, such as a firewall":                {[]string{`WasmPlugin shop/a {"spec":{"selector":` + app + `}}`}, "WasmPlugin a"},
		"a Server of Linkerd":                                        {[]string{`Server shop/a {"spec":{"podSelector":` + app + `,"port":80}}`}, "Server a"},
		"a Server of Linkerd for both":                               {[]string{`Server shop/a {"spec":{"podSelector":` + both + `}}`}, ""},
		"a ServiceProfile of Linkerd":                                {[]string{`ServiceProfile shop/podinfo.shop.svc.cluster.local {"spec":{}}`}, "ServiceProfile podinfo.shop.svc.cluster.local by its Service"},
		"a permission of Kuma for pods with tags":                    {[]string{`MeshTrafficPermission kuma-system/a {"spec":{"targetRef":{"kind":"MeshSubset","tags":{"app":"podinfo"}}}}`}, "MeshTrafficPermission kuma-system/a"},
		"a permission of Kuma for a Service":                         {[]string{`MeshTrafficPermission kuma-system/a {"spec":{"targetRef":{"kind":"MeshService","name":"podinfo_shop_svc_80"}}}`}, "MeshTrafficPermission kuma-system/a by its Service"},
		"a permission of Kuma that lets the primary in":              {[]string{`MeshTrafficPermission shop/a {"spec":{"from":[{"targetRef":{"kind":"MeshSubset","tags":{"kuma.io/service":"podinfo_shop_svc_80"}}}]}}`}, "MeshTrafficPermission a by its Service"},
		"a permission of Kuma for the mesh":                          {[]string{`MeshTrafficPermission kuma-system/a {"spec":{"targetRef":{"kind":"Mesh"}}}`}, ""},
		"a policy of Cilium for the primary's pods":                  {[]string{`CiliumNetworkPolicy shop/a {"spec":{"endpointSelector":{"matchLabels":{"k8s:app":"podinfo"}}}}`}, "CiliumNetworkPolicy a"},
		"a policy of Cilium with several rule sets":                  {[]string{`CiliumNetworkPolicy shop/a {"specs":[{"endpointSelector":{"matchLabels":{"app":"x"}}},{"endpointSelector":{"matchLabels":{"any:app":"podinfo"}}}]}`}, "CiliumNetworkPolicy a"},
		"a policy of Cilium for a database that lets the primary in": {[]string{`CiliumNetworkPolicy shop/a {"spec":{"endpointSelector":{"matchLabels":{"app":"db"}},"ingress":[{"fromEndpoints":[{"matchLabels":{"app":"podinfo"}}]}]}}`}, "CiliumNetworkPolicy a"},
		"a policy of Cilium for a database that lets both in":        {[]string{`CiliumNetworkPolicy shop/a {"spec":{"endpointSelector":{"matchLabels":{"app":"db"}},"ingress":[{"fromEndpoints":[{"matchLabels":{"app":"podinfo"}},{"matchLabels":{"app":"podinfo-canary"}}]}]}}`}, ""},
		"a policy of Cilium for a client of the Service":             {[]string{`CiliumNetworkPolicy shop/a {"spec":{"endpointSelector":{"matchLabels":{"app":"x"}},"egress":[{"toServices":[{"k8sService":{"serviceName":"podinfo","namespace":"shop"}}]}]}}`}, "CiliumNetworkPolicy a by its Service"},
		"a policy of Cilium for a ServiceAccount":                    {[]string{`CiliumNetworkPolicy shop/a {"spec":{"endpointSelector":{"matchLabels":{"io.cilium.k8s.policy.serviceaccount":"web"}}}}`}, ""},
		"a policy of Cilium for the cluster":                         {[]string{`CiliumClusterwideNetworkPolicy /a {"spec":{"endpointSelector":{"matchLabels":{"app":"podinfo","k8s:io.kubernetes.pod.namespace":"shop"}}}}`}, "CiliumClusterwideNetworkPolicy a"},
		"a policy of Cilium for the same pods of another namespace":  {[]string{`CiliumClusterwideNetworkPolicy /a {"spec":{"endpointSelector":{"matchLabels":{"app":"podinfo","k8s:io.kubernetes.pod.namespace":"other"}}}}`}, ""},
		"a policy of Cilium by a label of the namespace":             {[]string{`CiliumClusterwideNetworkPolicy /a {"spec":{"endpointSelector":{"matchLabels":{"app":"podinfo","io.cilium.k8s.namespace.labels.env":"prod"}}}}`}, "CiliumClusterwideNetworkPolicy a"},
		"a policy of Calico":                                         {[]string{`NetworkPolicy of projectcalico.org shop/a {"spec":{"selector":"app == 'podinfo'"}}`}, "NetworkPolicy a"},
		"a policy of Calico for both":                                {[]string{`NetworkPolicy of projectcalico.org shop/a {"spec":{"selector":"app in {'podinfo', \"podinfo-canary\"}"}}`}, ""},
		"a policy of Calico that excludes what has the role":         {[]string{`NetworkPolicy of projectcalico.org shop/a {"spec":{"selector":"!has(sluice.dev/role) && team == 'web'"}}`}, "NetworkPolicy a"},
		"a policy of Calico that lets the primary in":                {[]string{`NetworkPolicy of crd.projectcalico.org shop/default.a {"spec":{"selector":"app == 'db'","ingress":[{"source":{"selector":"app starts with 'podinfo' && app not in {'podinfo-canary'}"}}]}}`}, "NetworkPolicy default.a"},
		"a policy of Calico for a client of the Service":             {[]string{`NetworkPolicy of projectcalico.org shop/a {"spec":{"selector":"all()","egress":[{"destination":{"services":{"name":"podinfo","namespace":"shop"}}}]}}`}, "NetworkPolicy a by its Service"},
		"a global policy of Calico":                                  {[]string{`GlobalNetworkPolicy of projectcalico.org /a {"spec":{"selector":"app == 'podinfo' || app == 'x'","namespaceSelector":"env == 'prod'"}}`}, "GlobalNetworkPolicy a"},
		"a global policy of Calico for another namespace":            {[]string{`GlobalNetworkPolicy of crd.projectcalico.org /a {"spec":{"selector":"projectcalico.org/namespace == 'other' && app == 'podinfo'"}}`}, ""},
		"a policy of the cluster for the primary's pods":             {[]string{`AdminNetworkPolicy /a {"spec":{"subject":{"pods":{"namespaceSelector":{"matchLabels":{"env":"prod"}},"podSelector":` + app + `}}}}`}, "AdminNetworkPolicy a"},
		"a policy of the cluster for the namespace":                  {[]string{`BaselineAdminNetworkPolicy /a {"spec":{"subject":{"namespaces":{"matchLabels":{"env":"prod"}}}}}`}, ""},
		"a base policy of the cluster":                               {[]string{`BaselineAdminNetworkPolicy /a {"spec":{"subject":{"pods":{"podSelector":` + app + `}}}}`}, "BaselineAdminNetworkPolicy a"},
		"a policy of the cluster that lets the primary in":           {[]string{`ClusterNetworkPolicy /a {"spec":{"subject":{"namespaces":{}},"ingress":[{"from":[{"pods":{"podSelector":` + app + `}}]}]}}`}, "ClusterNetworkPolicy a"},
		"an admission policy for the primary's pods":                 {[]string{`ValidatingAdmissionPolicy /a {"spec":{"matchConstraints":{` + rules + `,"objectSelector":` + app + `}}}`, `ValidatingAdmissionPolicyBinding /a {"spec":{"policyName":"a"}}`}, "ValidatingAdmissionPolicy a"},
		"an admission policy without a binding":                      {[]string{`ValidatingAdmissionPolicy /a {"spec":{"matchConstraints":{` + rules + `,"objectSelector":` + app + `}}}`}, ""},
		"an admission policy that is bound for pods of the primary":  {[]string{`ValidatingAdmissionPolicy /a {"spec":{"matchConstraints":{` + rules + `}}}`, `ValidatingAdmissionPolicyBinding /b {"spec":{"policyName":"a","matchResources":{"objectSelector":` + app + `}}}`}, "ValidatingAdmissionPolicy a"},
		"an admission policy that is bound for other namespaces":     {[]string{`ValidatingAdmissionPolicy /a {"spec":{"matchConstraints":{` + rules + `,"objectSelector":` + app + `}}}`, `ValidatingAdmissionPolicyBinding /b {"spec":{"policyName":"a","matchResources":{"namespaceSelector":{"matchLabels":{"env":"test"}}}}}`}, ""},
		"an admission policy for the Deployment":                     {[]string{`ValidatingAdmissionPolicy /a {"spec":{"matchConstraints":{` + deployments + `,"objectSelector":` + app + `}}}`, `ValidatingAdmissionPolicyBinding /a {"spec":{"policyName":"a"}}`}, "ValidatingAdmissionPolicy a"},
		"an admission policy for Services":                           {[]string{`ValidatingAdmissionPolicy /a {"spec":{"matchConstraints":{"resourceRules":[{"apiGroups":[""],"resources":["services"]}],"objectSelector":` + app + `}}}`, `ValidatingAdmissionPolicyBinding /a {"spec":{"policyName":"a"}}`}, ""},
		"an admission policy for all pods":                           {[]string{`ValidatingAdmissionPolicy /a {"spec":{"matchConstraints":{` + rules + `}}}`, `ValidatingAdmissionPolicyBinding /a {"spec":{"policyName":"a"}}`}, ""},
		"an admission policy that changes the primary's pods":        {[]string{`MutatingAdmissionPolicy /a {"spec":{"matchConstraints":{` + rules + `,"objectSelector":` + app + `}}}`, `MutatingAdmissionPolicyBinding /a {"spec":{"policyName":"a"}}`}, "MutatingAdmissionPolicy a"},
		"a policy of Kyverno for the primary's pods":                 {[]string{`ClusterPolicy /a {"spec":{"rules":[{"match":{"any":[{"resources":{"kinds":["Pod"],"selector":` + app + `}}]}}]}}`}, "ClusterPolicy a"},
		"a policy of Kyverno for the Deployment by its name":         {[]string{`Policy shop/a {"spec":{"rules":[{"match":{"all":[{"resources":{"kinds":["apps/v1/Deployment"],"names":["podinfo"]}}]}}]}}`}, "Policy a"},
		"a policy of Kyverno for names that begin so":                {[]string{`Policy shop/a {"spec":{"rules":[{"match":{"resources":{"kinds":["Deployment"],"name":"podinfo*"}}}]}}`}, ""},
		"a policy of Kyverno for another namespace":                  {[]string{`ClusterPolicy /a {"spec":{"rules":[{"match":{"any":[{"resources":{"kinds":["Pod"],"namespaces":["other"],"selector":` + app + `}}]}}]}}`}, ""},
		"a policy of Kyverno for what has both":                      {[]string{`ClusterPolicy /a {"spec":{"rules":[{"match":{"all":[{"resources":{"kinds":["Pod"],"selector":` + app + `}},{"resources":{"kinds":["Pod"],"selector":{"matchLabels":{"team":"other"}}}}]}}]}}`}, ""},
		"a policy of Kyverno like those of the API server":           {[]string{`ValidatingPolicy /a {"spec":{"matchConstraints":{` + rules + `,"objectSelector":` + app + `}}}`}, "ValidatingPolicy a"},
		"a constraint of Gatekeeper for the primary's pods":          {[]string{`* /a {"spec":{"match":{"kinds":[{"apiGroups":[""],"kinds":["Pod"]}],"labelSelector":` + app + `}}}`}, "K8sRequiredProbes a"},
		"a constraint of Gatekeeper for the Deployment by its name":  {[]string{`* /a {"spec":{"match":{"name":"podinfo","namespaces":["shop"]}}}`}, "K8sRequiredProbes a"},
		"a constraint of Gatekeeper for everything":                  {[]string{`* /a {"spec":{}}`}, ""},
		"TLS to the Service's pods":                                  {[]string{`BackendTLSPolicy shop/a {"spec":{"targetRefs":[{"group":"","kind":"Service","name":"podinfo"}]}}`}, "BackendTLSPolicy a by its Service"},
		"TLS to both Services' pods":                                 {[]string{`BackendTLSPolicy shop/a {"spec":{"targetRefs":[{"group":"","kind":"Service","name":"podinfo"},{"group":"","kind":"Service","name":"podinfo-canary"}]}}`}, ""},
		"TLS to another namespace's Service":                         {[]string{`BackendTLSPolicy other/a {"spec":{"targetRefs":[{"group":"","kind":"Service","name":"podinfo"}]}}`}, ""},
		"load balancing over the Service's pods":                     {[]string{`BackendLBPolicy shop/a {"spec":{"targetRefs":[{"kind":"Service","name":"podinfo"}]}}`}, "BackendLBPolicy a by its Service"},
		"retries of requests to the Service":                         {[]string{`XBackendTrafficPolicy shop/a {"spec":{"targetRefs":[{"kind":"Service","name":"podinfo"}]}}`}, "XBackendTrafficPolicy a by its Service"},
		"connections of NGINX to the Service":                        {[]string{`UpstreamSettingsPolicy shop/a {"spec":{"targetRefs":[{"group":"core","kind":"Service","name":"podinfo"}]}}`}, "UpstreamSettingsPolicy a by its Service"},
		"connections of kgateway to the Service":                     {[]string{`BackendConfigPolicy shop/a {"spec":{"targetRefs":[{"group":"","kind":"Service","name":"podinfo"}]}}`}, "BackendConfigPolicy a by its Service"},
		"a backend policy of Google's":                               {[]string{`GCPBackendPolicy shop/a {"spec":{"targetRef":{"group":"","kind":"Service","name":"podinfo"}}}`}, "GCPBackendPolicy a by its Service"},
		"health checks of Google's":                                  {[]string{`HealthCheckPolicy shop/a {"spec":{"targetRef":{"group":"","kind":"Service","name":"podinfo"}}}`}, "HealthCheckPolicy a by its Service"},
		"a monitor of Services by a label that the canary's has":     {[]string{`ServiceMonitor shop/a {"spec":{"selector":{"matchLabels":{"app.kubernetes.io/name":"podinfo"}}}}`}, ""},
		"a monitor of Services that are no canary's":                 {[]string{`ServiceMonitor shop/a {"spec":{"selector":{"matchExpressions":[{"key":"sluice.dev/role","operator":"DoesNotExist"}]}}}`}, "ServiceMonitor a by its Service as a monitor"},
		"a monitor of pods by the label that differs":                {[]string{`PodMonitor shop/a {"spec":{"selector":` + app + `}}`}, "PodMonitor a as a monitor"},
		"a monitor of pods in its own namespace only":                {[]string{`PodMonitor monitoring/a {"spec":{"selector":` + app + `}}`}, ""},
		"a monitor of pods in named namespaces":                      {[]string{`PodMonitor monitoring/a {"spec":{"selector":` + app + `,"namespaceSelector":{"matchNames":["shop"]}}}`}, "PodMonitor monitoring/a elsewhere as a monitor"},
		"a monitor of pods in any namespace":                         {[]string{`PodMonitor monitoring/a {"spec":{"selector":` + app + `,"namespaceSelector":{"any":true}}}`}, "PodMonitor monitoring/a elsewhere as a monitor"},
		"a selector that cannot be evaluated":                        {[]string{`Server shop/a {"spec":{"podSelector":{"matchExpressions":[{"key":"app","operator":"Near","values":["podinfo"]}]}}}`}, ""},
		"a binding that is there for nothing":                        {[]string{`ValidatingAdmissionPolicyBinding /b {"spec":{"policyName":"a","matchResources":{"objectSelector":` + app + `}}}`, `MutatingAdmissionPolicyBinding /b {"spec":{"policyName":"a"}}`}, ""},
	} {
		t.Run(sentence, func(t *testing.T) {
			reading := &Reading{}
			for _, text := range c.objects {
				head, _, _ := strings.Cut(text, " {")
				o := object(t, text)
				kind := kindOf(t, head[:strings.LastIndex(head, " ")])
				seen[kind.Group+"/"+kind.Kind] = true
				if o.Unclear != "" {
					t.Errorf("%s: %s", text, o.Unclear)
				}
				reading.Add(o, primary)
			}
			if diff := cmp.Diff(c.missed, described(Missed(reading.Objects, primary, canary))); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, kind := range Kinds() {
		if !seen[kind.Group+"/"+kind.Kind] {
			t.Errorf("no sentence about %s of %s", kind.Kind, kind.Group)
		}
	}
}

func described(missed []Miss) string {
	var all []string
	for _, miss := range missed {
		text := miss.Object
		if miss.ByService {
			text += " by its Service"
		}
		if miss.Elsewhere {
			text += " elsewhere"
		}
		if miss.Monitors {
			text += " as a monitor"
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

func TestRulesOfNetworkPolicies(t *testing.T) {
	selecting := func(value string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchLabels: map[string]string{"app": value}}
	}
	for sentence, c := range map[string]struct {
		peers  []networkingv1.NetworkPolicyPeer
		missed string
	}{
		"a rule for everybody":                     {nil, ""},
		"a rule for the primary's pods":            {[]networkingv1.NetworkPolicyPeer{{PodSelector: selecting("podinfo")}}, "NetworkPolicy database"},
		"a rule for both":                          {[]networkingv1.NetworkPolicyPeer{{PodSelector: selecting("podinfo")}, {PodSelector: selecting("podinfo-canary")}}, ""},
		"a rule for all pods, too":                 {[]networkingv1.NetworkPolicyPeer{{PodSelector: selecting("podinfo")}, {PodSelector: &metav1.LabelSelector{}}}, ""},
		"a rule for addresses":                     {[]networkingv1.NetworkPolicyPeer{{IPBlock: &networkingv1.IPBlock{CIDR: "10.0.0.0/8"}}}, ""},
		"a rule for such pods of this namespace":   {[]networkingv1.NetworkPolicyPeer{{PodSelector: selecting("podinfo"), NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"env": "prod"}}}}, "NetworkPolicy database"},
		"a rule for such pods of other namespaces": {[]networkingv1.NetworkPolicyPeer{{PodSelector: selecting("podinfo"), NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"env": "test"}}}}, ""},
	} {
		t.Run(sentence, func(t *testing.T) {
			in := networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "database"}}
			in.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{{From: c.peers}}
			out := networkingv1.NetworkPolicy{ObjectMeta: in.ObjectMeta}
			out.Spec.Egress = []networkingv1.NetworkPolicyEgressRule{{To: c.peers}}
			for _, policy := range []networkingv1.NetworkPolicy{in, out} {
				if diff := cmp.Diff(c.missed, described(Missed(NetworkPolicies([]networkingv1.NetworkPolicy{policy}), primary, canary))); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestSelectorsOfCalico(t *testing.T) {
	side := Workload{Namespace: "shop", Pods: map[string]string{"app": "podinfo", "tier": "web"}}.inCalico()
	for text, want := range map[string]string{
		`all()`: "yes", `global()`: "no", `app == 'podinfo'`: "yes", `app=="podinfo"`: "yes", `app != 'podinfo'`: "no", `missing != 'x'`: "yes",
		`has(app)`: "yes", `!has(app)`: "no", `! ! has(app)`: "yes", `has(app) && tier in {'web'}`: "yes", `tier not in { 'web', "db" }`: "no", `missing not in {'x'}`: "yes",
		`app contains 'inf'`: "yes", `app starts with 'pod'`: "yes", `app ends with 'x'`: "no", `app == 'x' || tier == 'web' && has(app)`: "yes",
		`(app == 'x' || tier == 'web') && has(missing)`: "no", `projectcalico.org/namespace == "shop"`: "yes", `tier in {}`: "no",
		`app`: "broken", `app ==`: "broken", `app == podinfo`: "broken", `(has(app)`: "broken", `has(app) has(tier)`: "broken", `== 'x'`: "broken", `app = 'x'`: "broken",
		`has(app`: "broken", `all(`: "broken", `app starts 'x'`: "broken", `app in 'x'`: "broken", `app not == 'x'`: "broken", `&& has(app)`: "broken", `app == 'x`: "broken",
		strings.Repeat("(", 60) + "has(app)" + strings.Repeat(")", 60): "broken", strings.Repeat("!", 300) + "has(app)": "broken",
	} {
		got := "broken"
		if match, _, err := parseCalico(text); err == nil {
			got = map[bool]string{true: "yes", false: "no"}[match.Matches(side)]
		}
		if got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestPatternsOfNames(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		fits          bool
	}{
		{"podinfo", "podinfo", true}, {"podinfo", "podinfo-canary", false}, {"podinfo*", "podinfo-canary", true}, {"*", "", true}, {"*-canary", "podinfo-canary", true},
		{"p?dinfo", "podinfo", true}, {"p?dinfo", "pdinfo", false}, {"*a*b*", "xaxbx", true}, {"*a*b*", "xbxax", false}, {"", "", true}, {"", "x", false},
	} {
		if fitsPattern(c.pattern, c.text) != c.fits {
			t.Errorf("%q and %q", c.pattern, c.text)
		}
	}
}

// TestWhatOthersWriteTakesNoPlace holds that monitors of other namespaces leave room for the policies of this one.
func TestWhatOthersWriteTakesNoPlace(t *testing.T) {
	reading, large := &Reading{}, make([]string, 2*mostTests)
	for i := range large {
		large[i] = fmt.Sprintf("v%d", i)
	}
	values := `["` + strings.Join(large, `","`) + `"]`
	for i := range 3000 {
		reading.Add(object(t, fmt.Sprintf(`PodMonitor evil/m-%d {"spec":{"selector":{"matchExpressions":[{"key":"app","operator":"Exists"}]},"namespaceSelector":{"any":true}}}`, i)), primary)
	}
	reading.Add(object(t, `PodMonitor evil/large {"spec":{"selector":{"matchExpressions":[{"key":"app","operator":"NotIn","values":`+values+`}]},"namespaceSelector":{"any":true}}}`), primary)
	if len(reading.Unread) > 0 {
		t.Errorf("told of others: %v", reading.Unread)
	}
	if !reading.Add(object(t, `AuthorizationPolicy shop/a {"spec":{"selector":{"matchLabels":{"app":"podinfo"}}}}`), primary) {
		t.Error("no room for a policy")
	}
	if missed := described(Missed(reading.Objects, primary, canary)); !strings.Contains(missed, "AuthorizationPolicy a") {
		t.Error(missed)
	}
	reading.Add(object(t, `Server shop/large {"spec":{"podSelector":{"matchExpressions":[{"key":"app","operator":"NotIn","values":`+values+`}]}}}`), primary)
	if !slices.Equal(reading.Unread, []string{"Server large (its selectors are too large)"}) {
		t.Errorf("of one's own: %v", reading.Unread)
	}
	full := 0
	for reading.Add(object(t, fmt.Sprintf(`AuthorizationPolicy shop/b-%d {"spec":{"selector":{"matchLabels":{"app":"podinfo"}}}}`, full)), primary) {
		if full++; full > 2*mostKept {
			t.Fatal("there is always room")
		}
	}
}
