package process

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
)

// guestNamespace is the namespace of another tenant.
const guestNamespace = "guest"

// guest is somebody who may edit a namespace of the cluster, and nothing else. Nothing aggregates roles here, so ben has the parts
// of edit.
type guest struct {
	*shop
	ben string
}

func (s *shop) letIn() guest {
	s.t.Helper()
	s.Expect(s.client.Create(s.t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: guestNamespace}})).To(Succeed())
	for _, role := range []string{"system:aggregate-to-view", "system:aggregate-to-edit", "sluice-view", "sluice-operate", "sluice-policies"} {
		s.server.Bind(s.t, guestNamespace, "ben", "ClusterRole", role)
	}
	s.t.Cleanup(s.server.PlayControllers(guestNamespace))
	return guest{shop: s, ben: s.user("ben")}
}

// try runs kubectl as ben in the guest's namespace.
func (g guest) try(input string, args ...string) (string, error) {
	g.t.Helper()
	return g.tryIn(guestNamespace, input, args...)
}

func (g guest) tryIn(namespace, input string, args ...string) (string, error) {
	g.t.Helper()
	command := exec.CommandContext(g.t.Context(), g.kubectl, append(args, "--kubeconfig", g.ben, "-n", namespace)...)
	command.Stdin, command.Env = strings.NewReader(input), append(os.Environ(), "HOME="+g.t.TempDir())
	out, err := command.CombinedOutput()
	return string(out), err
}

func (g guest) does(input string, args ...string) {
	g.t.Helper()
	out, err := g.try(input, args...)
	g.Expect(err).NotTo(HaveOccurred(), out)
}

// policy writes the guest's policy, which its Deployment names.
func (g guest) policy(spec string) (string, error) {
	g.t.Helper()
	return g.try("{apiVersion: sluice.dev/v1alpha1, kind: CanaryPolicy, metadata: {name: standard}, spec: "+spec+"}", "apply", "-f", "-")
}

// says waits for what the status of the guest's Canary says.
func (g guest) says(p *process, message string) {
	g.t.Helper()
	g.Eventually(func() string {
		canary := &v1alpha1.Canary{}
		_ = g.client.Get(g.t.Context(), client.ObjectKey{Namespace: guestNamespace, Name: "podinfo"}, canary)
		return string(canary.Status.Phase) + ": " + canary.Status.Message
	}, patience, glance).Should(ContainSubstring(message), p.lines)
}

// guestsApp is what ben creates: everything but the route, which he may not.
const guestsApp = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: podinfo
  annotations: {sluice.dev/canary: "true", sluice.dev/policy: standard, sluice.dev/metrics: traefik, sluice.dev/interval: 1h}
spec:
  selector: {matchLabels: {app: podinfo}}
  template:
    metadata: {labels: {app: podinfo}}
    spec: {containers: [{name: app, image: "guest:v1"}]}
---
apiVersion: v1
kind: Service
metadata:
  name: podinfo
  annotations: {external-dns.alpha.kubernetes.io/hostname: shop.example.com, prometheus.io/scrape: "true"}
spec: {selector: {app: podinfo}, ports: [{port: 80}]}
`

// reachesOver is a policy that names backends of the shop.
const reachesOver = `{service: {primaryBackend: {backendRef: {name: podinfo, namespace: shop, port: 80}}, canaryBackend: {backendRef: {name: podinfo, port: 80}}}}`

func TestATenantReachesNoOther(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	s := c.newShop()
	c.run("install", "sluice", "../../charts/sluice", "--create-namespace", "--set=prometheusUrl="+s.prometheus)
	c.environment = []string{"NODE_ADDRESSES=10.9.8.7"}
	g := s.letIn()
	p := s.ready()
	s.waitForPhase(p, v1alpha1.PhaseInitialized)
	s.patch(`{"metadata":{"annotations":{"sluice.dev/interval":"2s"}}}`)
	g.does(guestsApp, "create", "-f", "-")
	s.createRouteFor(guestNamespace)

	t.Log("the shop rolls out meanwhile")
	s.setImage("podinfo:v2")
	g.expectRefusals()
	g.holdsWhatReachesOver(p)
	g.callsNoNode(p)
	s.waitForEnd(p, v1alpha1.PhaseSucceeded, 1)

	t.Log("the copies of the guest claim no name")
	g.rollsOut(p)
	service := &corev1.Service{}
	s.Expect(s.client.Get(t.Context(), client.ObjectKey{Namespace: guestNamespace, Name: "podinfo-canary"}, service)).To(Succeed())
	s.Expect(service.Annotations).To(HaveKey("prometheus.io/scrape"))
	s.Expect(service.Annotations).NotTo(HaveKey(ContainSubstring("external-dns")))
	p.stop()
}

// createRouteFor creates the route of a tenant as an administrator.
func (s *shop) createRouteFor(namespace string) {
	s.t.Helper()
	route := &gatewayv1.HTTPRoute{}
	s.Expect(s.client.Get(s.t.Context(), client.ObjectKey{Namespace: shopNamespace, Name: "podinfo"}, route)).To(Succeed())
	shop := gatewayv1.Namespace(shopNamespace)
	route.ObjectMeta = metav1.ObjectMeta{Namespace: namespace, Name: "podinfo"}
	route.Spec.ParentRefs[0].Namespace = &shop
	route.Spec.Rules = []gatewayv1.HTTPRouteRule{{BackendRefs: []gatewayv1.HTTPBackendRef{{BackendRef: gatewayv1.BackendRef{BackendObjectReference: gatewayv1.BackendObjectReference{
		Name: "podinfo", Port: route.Spec.Rules[0].BackendRefs[0].Port}}}}}}
	s.Expect(s.client.Create(s.t.Context(), route)).To(Succeed())
}

// expectRefusals tries what the guest may not do without Sluice either.
func (g guest) expectRefusals() {
	g.t.Helper()
	g.Eventually(func() string { out, _ := g.policy(reachesOver); return out }, patience, glance).Should(ContainSubstring("ben may not update httproutes.gateway.networking.k8s.io in namespace guest"))
	for spec, refusal := range map[string]string{
		`{service: {gatewayRefs: [{name: gateway, namespace: shop}], hosts: [shop.example.com], match: [{uri: {prefix: /login}}]}}`: "ben may not create httproutes.gateway.networking.k8s.io in namespace guest",
		`{service: {canaryBackend: {backendRef: {name: podinfo, namespace: shop, port: 80}}}}`:                                      "ben may not update httproutes",
	} {
		out, err := g.policy(spec)
		g.Expect(err).To(HaveOccurred(), spec)
		g.Expect(out).To(ContainSubstring(refusal))
	}
	for _, args := range [][]string{
		{"annotate", "deployment", "podinfo", "sluice.dev/abort=true"},
		{"patch", "canary", "podinfo", "--type=merge", "-p", `{"spec":{"paused":{}}}`},
	} {
		out, err := g.tryIn(shopNamespace, "", args...)
		g.Expect(err).To(HaveOccurred(), out)
		g.Expect(out).To(ContainSubstring("forbidden"))
	}
	bomb := g.bomb("bomb")
	bomb.Namespace = guestNamespace
	bomb.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("Deployment"))
	text, err := json.Marshal(bomb)
	g.Expect(err).NotTo(HaveOccurred())
	out, err := g.try(string(text), "create", "-f", "-")
	g.Expect(err).To(HaveOccurred(), out)
	g.Expect(out).To(ContainSubstring("more than 20000 values"))
}

// holdsWhatReachesOver gives the guest the right to change routes of its namespace. Its policy is accepted then, and holds its own
// Deployment.
func (g guest) holdsWhatReachesOver(p *process) {
	g.t.Helper()
	routes := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: guestNamespace, Name: "routes"},
		Rules: []rbacv1.PolicyRule{{APIGroups: []string{gatewayv1.GroupName}, Resources: []string{"httproutes"}, Verbs: []string{"create", "update", "patch"}}}}
	g.Expect(g.client.Create(g.t.Context(), routes)).To(Succeed())
	g.server.Bind(g.t, guestNamespace, "ben", "Role", routes.Name)
	g.Eventually(func() error { _, err := g.policy(reachesOver); return err }, patience, glance).Should(Succeed())
	g.says(p, "service.primaryBackend.backendRef names Service shop/podinfo, and no ReferenceGrant in namespace shop lets HTTPRoutes of namespace guest send to it")
	g.does("", "delete", "canarypolicy", "standard")
	g.does(`{apiVersion: sluice.dev/v1alpha1, kind: CanaryPolicy, metadata: {name: standard}, spec: {}}`, "apply", "-f", "-")
	g.says(p, "Initialized")
}

// callsNoNode lets the guest's rollout wait for an address of the node, which the process refuses to call.
func (g guest) callsNoNode(p *process) {
	g.t.Helper()
	_, err := g.policy(`{analysis: {webhooks: [{name: kubelet, type: confirm-rollout, url: "http://10.9.8.7:10250/pods", timeout: 1s}]}}`)
	g.Expect(err).NotTo(HaveOccurred())
	g.does("", "set", "image", "deployment/podinfo", "app=guest:v2")
	g.says(p, "the address 10.9.8.7 is the controller's own node")
	g.does("", "annotate", "deployment", "podinfo", "sluice.dev/reset=true")
	_, err = g.policy(`{}`)
	g.Expect(err).NotTo(HaveOccurred())
}

// rollsOut lets the guest's canary get requests.
func (g guest) rollsOut(p *process) {
	g.t.Helper()
	g.does("", "set", "image", "deployment/podinfo", "app=guest:v3")
	g.Eventually(func() bool {
		canary := &v1alpha1.Canary{}
		_ = g.client.Get(g.t.Context(), client.ObjectKey{Namespace: guestNamespace, Name: "podinfo"}, canary)
		return inFlight(canary.Status)
	}, patience, glance).Should(BeTrue(), p.lines)
}

// sendsToTheShop creates a route of the guest to the shop, which the shop grants. The returned function withdraws the grant.
func (s *shop) sendsToTheShop() (withdraw func()) {
	s.t.Helper()
	s.createRouteFor(guestNamespace)
	shop, podinfo := gatewayv1.Namespace(shopNamespace), gatewayv1.ObjectName("podinfo")
	s.changeRoute(guestNamespace, func(rule *gatewayv1.HTTPRouteRule) { rule.BackendRefs[0].Namespace = &shop })
	grant := &gatewayv1.ReferenceGrant{ObjectMeta: metav1.ObjectMeta{Namespace: shopNamespace, Name: "guest"}, Spec: gatewayv1.ReferenceGrantSpec{
		From: []gatewayv1.ReferenceGrantFrom{{Group: gatewayv1.GroupName, Kind: "HTTPRoute", Namespace: guestNamespace}},
		To:   []gatewayv1.ReferenceGrantTo{{Kind: "Service", Name: &podinfo}},
	}}
	s.Expect(s.client.Create(s.t.Context(), grant)).To(Succeed())
	return func() { s.t.Helper(); s.Expect(s.client.Delete(s.t.Context(), grant)).To(Succeed()) }
}

// changeRoute changes the first rule of a route. Its gateway may be reporting on it.
func (s *shop) changeRoute(namespace string, change func(*gatewayv1.HTTPRouteRule)) {
	s.t.Helper()
	s.Expect(retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		route := &gatewayv1.HTTPRoute{}
		if err := s.client.Get(s.t.Context(), client.ObjectKey{Namespace: namespace, Name: "podinfo"}, route); err != nil {
			return err
		}
		change(&route.Spec.Rules[0])
		return s.client.Update(s.t.Context(), route)
	})).To(Succeed())
}

func (s *shop) routeOfGuest() *gatewayv1.HTTPRoute {
	s.t.Helper()
	route := &gatewayv1.HTTPRoute{}
	s.Expect(s.client.Get(s.t.Context(), client.ObjectKey{Namespace: guestNamespace, Name: "podinfo"}, route)).To(Succeed())
	return route
}

func TestARouteOfAnotherTenantIsSplitAsLongAsItIsGranted(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	s := c.newShop()
	c.run("install", "sluice", "../../charts/sluice", "--create-namespace", "--set=prometheusUrl="+s.prometheus)
	s.letIn()
	p := s.ready()
	s.waitForPhase(p, v1alpha1.PhaseInitialized)
	withdraw := s.sendsToTheShop()
	written := s.routeOfGuest()
	s.waitFor(p, "the route of the guest", func(status v1alpha1.CanaryStatus) bool {
		return status.Target != nil && slices.Contains(status.Target.Routes, "HTTPRoute/"+guestNamespace+"/podinfo")
	})
	s.patch(`{"metadata":{"annotations":{"sluice.dev/interval":"1h"}}}`)
	s.setImage("podinfo:v2")
	s.waitFor(p, "a rollout in flight", inFlight)
	weights := func() (found []int32) {
		for _, backend := range s.routeOfGuest().Spec.Rules[0].BackendRefs {
			found = append(found, ptr.Deref(backend.Weight, 1))
		}
		return found
	}
	s.Expect(weights()).To(Equal([]int32{75, 25}))

	withdraw()
	s.Eventually(weights, patience, glance).Should(Equal([]int32{1}), p.lines)
	s.Expect(s.routeOfGuest().Spec).To(Equal(written.Spec), "the route is as its owner wrote it")
	s.patch(`{"metadata":{"annotations":{"sluice.dev/skip-analysis":"true"}}}`)
	s.waitForEnd(p, v1alpha1.PhaseSucceeded, 1)
	p.stop()
}

// TestATenantHoldsNoRolloutOfAnother shares a rule of the shop between both tenants. The guest's rollout leaves it alone.
func TestATenantHoldsNoRolloutOfAnother(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	s := c.newShop()
	c.run("install", "sluice", "../../charts/sluice", "--create-namespace", "--set=prometheusUrl="+s.prometheus)
	g := s.letIn()
	p := s.ready()
	s.waitForPhase(p, v1alpha1.PhaseInitialized)
	_, err := g.policy(`{analysis: {match: [{headers: {x-tester: {exact: "yes"}}}], iterations: 500}}`)
	c.Expect(err).NotTo(HaveOccurred())
	g.does(guestsApp, "create", "-f", "-")
	s.createRouteFor(guestNamespace)
	s.sharesItsRule()
	g.says(p, "Initialized")
	g.rollsOut(p)
	c.Expect(s.backends()).To(Equal([]string{"podinfo 1, podinfo.guest 1"}), "without the guest's canary")
	c.Eventually(func() string { out, _ := g.try("", "get", "events"); return out }, patience, glance).Should(And(ContainSubstring("RoutesSkipped"),
		ContainSubstring("HTTPRoute shop/podinfo: spec.rules[0] also sends to Service podinfo of that namespace, whose rollouts would wait for this one")))

	t.Log("the shop rolls out in the same rule")
	s.setImage("podinfo:v2")
	s.waitForEnd(p, v1alpha1.PhaseSucceeded, 1)
	p.stop()
}

// sharesItsRule adds the guest's Service to the rule of the shop's route.
func (s *shop) sharesItsRule() {
	s.t.Helper()
	podinfo, guests := gatewayv1.ObjectName("podinfo"), gatewayv1.Namespace(guestNamespace)
	s.Expect(s.client.Create(s.t.Context(), &gatewayv1.ReferenceGrant{ObjectMeta: metav1.ObjectMeta{Namespace: guestNamespace, Name: "shop"}, Spec: gatewayv1.ReferenceGrantSpec{
		From: []gatewayv1.ReferenceGrantFrom{{Group: gatewayv1.GroupName, Kind: "HTTPRoute", Namespace: shopNamespace}},
		To:   []gatewayv1.ReferenceGrantTo{{Kind: "Service", Name: &podinfo}},
	}})).To(Succeed())
	s.changeRoute(shopNamespace, func(rule *gatewayv1.HTTPRouteRule) {
		theirs := rule.BackendRefs[0]
		theirs.Namespace = &guests
		rule.BackendRefs = append(rule.BackendRefs, theirs)
	})
}

// backends are the backends of each rule of the shop's route, with their weights.
func (s *shop) backends() (rules []string) {
	s.t.Helper()
	route := &gatewayv1.HTTPRoute{}
	s.Expect(s.client.Get(s.t.Context(), client.ObjectKey{Namespace: shopNamespace, Name: "podinfo"}, route)).To(Succeed())
	for _, rule := range route.Spec.Rules {
		var names []string
		for _, backend := range rule.BackendRefs {
			name := string(backend.Name)
			if in := string(ptr.Deref(backend.Namespace, shopNamespace)); in != shopNamespace {
				name += "." + in
			}
			names = append(names, fmt.Sprintf("%s %d", name, ptr.Deref(backend.Weight, 1)))
		}
		rules = append(rules, strings.Join(names, ", "))
	}
	return rules
}
