package process

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/ports"
	"sluice.dev/sluice/e2e/testserver"
)

// enforcingOwners makes the API server require the right to finalize an owner whose deletion an object blocks.
func enforcingOwners(environment *envtest.Environment) {
	environment.ControlPlane.GetAPIServer().Configure().Append("enable-admission-plugins", "OwnerReferencesPermissionEnforcement")
}

// withoutWatchList makes the API server one from before 1.34, which does not send the existing objects when a watch begins, so that
// they are listed first.
func withoutWatchList(environment *envtest.Environment) {
	environment.ControlPlane.GetAPIServer().Configure().Append("feature-gates", "WatchList=false")
}

// mayFinalize are the permissions that admission requires. No request for them is in any log.
var mayFinalize = []string{"deployments/finalizers", "canaries/finalizers"}

func TestEveryPermissionOfTheChartIsNeeded(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string][]string{
		"in all namespaces": nil,
		"in one namespace":  {"--set=watchNamespaces={" + shopNamespace + "}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := filepath.Join(t.TempDir(), "audit.log")
			c := startCluster(t, audited(t, log), enforcingOwners, withoutWatchList, testserver.WithOptionalKinds)
			s := c.newShop()
			values := append(settings[:len(settings):len(settings)],
				"--set=rbac.keda=true,metricTemplates.secrets=true,metrics.secure=true,certs.validity=60s,certs.caValidity=120s,prometheusUrl="+s.prometheus)
			c.run(append([]string{"install", "sluice", "../../charts/sluice", "--create-namespace"}, values...)...)
			granted := c.grants(values)
			c.Expect(len(granted)).To(BeNumerically(">", 30), "the chart's rules were not found")
			s.everythingHappens(log)
			used := c.used(log)
			for _, g := range granted {
				if !used[g] && !neededOnlyBy(g, len(settings) > 0) {
					t.Errorf("never used: %s", g)
				}
			}
		})
	}
}

// everythingHappens is a scenario in which the process does everything that it can do. log is the audit log.
func (s *shop) everythingHappens(log string) {
	s.t.Helper()
	giveBack := map[string]func(){}
	for _, resource := range mayFinalize {
		giveBack[resource] = s.takeAway(resource)
	}
	port, metrics := ports.Free(s.t), fmt.Sprintf("127.0.0.1:%d", ports.Free(s.t))
	s.reach(port)
	known := s.ownServer(shopNamespace)
	p := s.start(fmt.Sprintf("--webhook-port=%d", port), "--metrics-bind-address="+metrics)
	s.Eventually(p.readyz, patience, glance).Should(Equal("ok"), p.lines)

	s.optedIn(true)
	s.expectCannotFinalize(p, "create Canary shop/podinfo")
	giveBack["deployments/finalizers"]()
	s.waitForPhase(p, v1alpha1.PhaseInitialized)
	s.surround()
	s.generated(p)
	s.sentFromElsewhere()
	s.ownCheck(shopNamespace)
	cleared := s.earlierVersion()
	// No pod of the canary runs until it was asked why.
	s.stopControllers()
	s.setImageAndVolume("podinfo:v2")
	s.expectCannotFinalize(p, "create *v1.NetworkPolicy shop/podinfo-canary")
	giveBack["canaries/finalizers"]()
	s.Eventually(func() bool { return s.hasListed(log, "events") }, patience, glance).Should(BeTrue(), p.lines)
	s.startControllers()
	s.waitForEnd(p, v1alpha1.PhaseSucceeded, 1)
	s.Expect(p.lines()).NotTo(ContainSubstring("admission did not render"), "admission must be what writes weights")
	s.Eventually(cleared, patience, glance).Should(BeTrue(), p.lines)
	s.Expect(known.Load()).To(BeNumerically(">", 0), "the server of the MetricTemplate must have been asked")
	s.patch(`{"metadata":{"annotations":{"sluice.dev/policy":null}}}`)

	s.failWithoutAdmissionOfRoutes(p, port)
	s.optedIn(false)
	s.waitForPhase(p, v1alpha1.PhaseOptedOut)
	s.optedIn(true)
	s.waitForPhase(p, v1alpha1.PhaseInitialized)

	s.freezeElsewhere()
	s.Expect(s.scrape(metrics)).To(Equal(http.StatusOK))
	s.failing.Store(false)
	s.patch(`{"metadata":{"annotations":{"sluice.dev/interval":"1h"}}}`)
	s.scaledByKeda()
	s.setImage("podinfo:v4")
	s.waitFor(p, "a rollout in flight", inFlight)
	s.surroundingsChange(p)
	s.Eventually(func() int { return strings.Count(p.lines(), "renewed the webhooks' certificate") }, patience, glance).Should(BeNumerically(">", 1))
	s.uninstall(p)
	s.Expect(s.canary().Finalizers).To(BeEmpty(), "uninstalling must let go of the Canary")
}

// freezeElsewhere makes the process write the status of a Freeze that holds nothing here.
func (s *shop) freezeElsewhere() {
	s.t.Helper()
	made := &v1alpha1.Freeze{ObjectMeta: metav1.ObjectMeta{Name: "elsewhere"}, Spec: v1alpha1.FreezeSpec{Reason: "nothing is there", Namespaces: []string{"elsewhere"}}}
	s.Expect(s.client.Create(s.t.Context(), made)).To(Succeed())
	s.Expect(made.Spec.By).NotTo(BeEmpty(), "admission must stamp who freezes")
	s.Eventually(func() bool {
		return s.client.Get(s.t.Context(), client.ObjectKeyFromObject(made), made) == nil && made.Status.Active
	}, patience, glance).Should(BeTrue())
}

// failWithoutAdmissionOfRoutes lets a rollout fail whose weights the reconciler writes itself.
func (s *shop) failWithoutAdmissionOfRoutes(p *process, port int) {
	s.t.Helper()
	call := func(port int) {
		s.changeHooks(func(name string, called *admissionregistrationv1.WebhookClientConfig) {
			if name == "routes.sluice.dev" {
				called.Service.Port = ptr.To(int32(port))
			}
		})
	}
	call(ports.Free(s.t))
	s.failing.Store(true)
	s.setImage("podinfo:v3")
	s.waitForEnd(p, v1alpha1.PhaseFailed, 2)
	s.Expect(p.lines()).To(ContainSubstring("admission did not render the route, writing its rules"))
	call(port)
}

func (s *shop) expectCannotFinalize(p *process, doing string) {
	s.t.Helper()
	s.Eventually(func() bool {
		return slices.ContainsFunc(strings.Split(p.lines(), "\n"), func(line string) bool {
			return strings.Contains(line, doing) && strings.Contains(line, "you can't set finalizers on")
		})
	}, patience, glance).Should(BeTrue(), p.lines)
}

// takeAway removes the permissions for a resource from the role that has them. The returned function gives them back.
func (c *cluster) takeAway(resource string) (giveBack func()) {
	c.t.Helper()
	everywhere, here := &rbacv1.ClusterRole{}, &rbacv1.Role{}
	c.Expect(c.client.Get(c.t.Context(), client.ObjectKey{Name: "sluice"}, everywhere)).To(Succeed())
	about := func(rule rbacv1.PolicyRule) bool { return slices.Contains(rule.Resources, resource) }
	role, rules := client.Object(everywhere), &everywhere.Rules
	if !slices.ContainsFunc(*rules, about) {
		c.Expect(c.client.Get(c.t.Context(), client.ObjectKey{Namespace: shopNamespace, Name: "sluice-rollouts"}, here)).To(Succeed())
		role, rules = here, &here.Rules
	}
	at := slices.IndexFunc(*rules, about)
	c.Expect(at).NotTo(Equal(-1), "nobody may %s", resource)
	rule := (*rules)[at]
	write := func(change func([]rbacv1.PolicyRule) []rbacv1.PolicyRule, allowed bool) {
		c.t.Helper()
		c.Expect(c.client.Get(c.t.Context(), client.ObjectKeyFromObject(role), role)).To(Succeed())
		*rules = change(*rules)
		c.Expect(c.client.Update(c.t.Context(), role)).To(Succeed())
		c.Eventually(func() bool { return c.may(account, "update", resource) }, patience, glance).Should(Equal(allowed))
	}
	write(func(rules []rbacv1.PolicyRule) []rbacv1.PolicyRule { return slices.DeleteFunc(rules, about) }, false)
	return func() {
		c.t.Helper()
		write(func(rules []rbacv1.PolicyRule) []rbacv1.PolicyRule { return append(rules, rule) }, true)
	}
}

// may reports whether a user may do this in the shop with a resource of any group.
func (c *cluster) may(user, verb, resource string) bool {
	name, subresource, _ := strings.Cut(resource, "/")
	return c.allows(authorizationv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: &authorizationv1.ResourceAttributes{
		Verb: verb, Group: map[string]string{"deployments": "apps", "canaries": "sluice.dev"}[name], Resource: name, Subresource: subresource, Namespace: shopNamespace,
	}})
}

// scrape requests the metrics as a client that may have them.
func (s *shop) scrape(address string) int {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "https://"+address+"/metrics", nil)
	s.Expect(err).NotTo(HaveOccurred())
	request.Header.Set("Authorization", "Bearer "+s.token("prometheus", true))
	insecure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	response, err := insecure.Do(request)
	s.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode
}
