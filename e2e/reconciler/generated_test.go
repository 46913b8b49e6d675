package reconciler

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
)

// newGenerated creates an app without a Service and a route, with a policy that describes both.
func newGenerated(t *testing.T, service string) *app {
	a := newApp(t)
	a.waitForPhase(v1alpha1.PhaseInitialized)
	for _, object := range []client.Object{&gatewayv1.HTTPRoute{ObjectMeta: a.named("podinfo")}, &corev1.Service{ObjectMeta: a.named("podinfo")}} {
		a.Expect(server.Client.Delete(t.Context(), object)).To(Succeed())
	}
	a.servicePolicy(service)
	a.annotate(config.AnnotationPolicy, "standard")
	return a
}

// servicePolicy writes the service section of the policy.
func (a *app) servicePolicy(service string) {
	a.t.Helper()
	policy := &v1alpha1.CanaryPolicy{ObjectMeta: a.named("standard")}
	var spec v1alpha1.ServiceSpec
	a.Expect(yaml.UnmarshalStrict([]byte(service), &spec)).To(Succeed())
	if _, err := get(a, "standard", policy); err != nil {
		policy.Spec.Service = &spec
		a.create(policy)
		return
	}
	policy.Spec.Service = &spec
	a.Expect(server.Client.Update(a.t.Context(), policy)).To(Succeed())
}

func (a *app) route(name string) *gatewayv1.HTTPRoute {
	found, err := get(a, name, &gatewayv1.HTTPRoute{})
	if err != nil {
		return nil
	}
	return found
}

// made waits for the route and accepts it like the gateway.
func (a *app) made() *gatewayv1.HTTPRoute {
	a.t.Helper()
	a.Eventually(func() *gatewayv1.HTTPRoute { return a.route("podinfo") }, patience, glance).ShouldNot(BeNil(), func() string {
		return fmt.Sprintf("%+v", a.canary().Status)
	})
	a.accept()
	a.waitForPhase(v1alpha1.PhaseInitialized)
	a.waitFor("ready", func(s v1alpha1.CanaryStatus) bool { return strings.HasPrefix(s.Message, "Ready for the next change") })
	return a.route("podinfo")
}

const shopPolicy = `
port: 80
targetPort: 8080
hosts: [shop.example.com]
gatewayRefs: [{name: gateway}]
apex: {labels: {team: shop}}
timeout: 15s
`

func TestAServiceAndARouteAreMadeForADeploymentThatHasNone(t *testing.T) {
	a := newGenerated(t, shopPolicy)
	made := a.made()
	service, err := get(a, "podinfo", &corev1.Service{})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(service.Spec.Selector).To(Equal(map[string]string{"app": "podinfo"}))
	a.Expect(service.Spec.Ports[0].TargetPort.IntValue()).To(Equal(8080))
	a.Expect(service.Labels).To(HaveKeyWithValue("team", "shop"))
	deployment, err := get(a, "podinfo", &appsv1.Deployment{})
	a.Expect(err).NotTo(HaveOccurred())
	for _, object := range []client.Object{made, service} {
		a.Expect(object.GetOwnerReferences()).To(HaveLen(1))
		a.Expect(object.GetOwnerReferences()[0].UID).To(Equal(deployment.UID), "they belong to the Deployment and not to the Canary")
		a.Expect(object.GetLabels()).To(And(HaveKeyWithValue(config.LabelRole, config.RoleGenerated), HaveKeyWithValue(config.LabelManagedBy, config.FieldManager)))
	}
	a.Expect(made.Spec.Hostnames).To(Equal([]gatewayv1.Hostname{"shop.example.com"}))

	a.annotate(config.AnnotationCanary, "")
	a.waitForPhase(v1alpha1.PhaseOptedOut)
	a.Expect(a.route("podinfo").Spec).To(Equal(made.Spec), "opting out changes nothing of the route")
}

// Each policy generates a route in which the API server fills in defaults. Those are no drift.
func TestAGeneratedRouteIsWrittenOnce(t *testing.T) {
	for name, policy := range map[string]string{
		"a policy for browsers without a time":   shopPolicy + `corsPolicy: {allowOrigin: ["https://example.com"]}`,
		"a match without a path":                 shopPolicy + `match: [{headers: {x-a: {exact: one}}}]`,
		"several headers and parameters":         shopPolicy + `match: [{headers: {x-c: {exact: "3"}, x-a: {exact: "1"}, x-b: {regex: "2"}}, queryParams: {b: {exact: "2"}, a: {exact: "1"}}}]`,
		"headers of answers":                     shopPolicy + `headers: {response: {add: {x-e: "5"}}, request: {set: {x-b: "2", x-a: "1"}}}`,
		"a rewrite of the prefix":                shopPolicy + "match: [{uri: {prefix: /shop}}]\nrewrite: {uri: /, type: ReplacePrefixMatch}",
		"retries":                                shopPolicy + `retries: {attempts: 3, retryOn: "503"}`,
		"retries as Flagger has them":            shopPolicy + `retries: {attempts: 3, perTryTimeout: 1s, retryOn: "gateway-error,connect-failure,refused-stream,5xx"}`,
		"permanent copies":                       shopPolicy + `mirror: [{backendRef: {name: archive, port: 80}}]`,
		"a Service with all ports":               shopPolicy + "portDiscovery: true\nheadless: true\nappProtocol: kubernetes.io/h2c\ntrafficDistribution: PreferClose",
		"a backend with filters, of the primary": shopPolicy + `primaryBackend: {backendRef: {name: podinfo, port: 80}, filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {add: [{name: x-p, value: p}]}}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newGenerated(t, policy)
			made := a.made()
			a.stays(made)
		})
	}
}

func TestFieldsBesideARouteOfOnesOwnAreToldAndChangeNothing(t *testing.T) {
	a := newApp(t)
	a.waitForPhase(v1alpha1.PhaseInitialized)
	before := a.route("podinfo").Spec
	a.servicePolicy(shopPolicy)
	a.annotate(config.AnnotationPolicy, "standard")
	says := func(s v1alpha1.CanaryStatus) string {
		if condition := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionPolicyFollowed); condition != nil {
			return condition.Message
		}
		return ""
	}
	a.waitFor("the advice", func(s v1alpha1.CanaryStatus) bool {
		return strings.Contains(says(s), "no effect of gatewayRefs, hosts and timeout: HTTPRoute podinfo is yours") &&
			strings.Contains(says(s), "no effect of port and targetPort: Service podinfo is yours")
	})
	a.expectEvent("PolicyAdvice")
	a.Expect(a.route("podinfo").Spec).To(Equal(before))
	a.servicePolicy("{}")
	a.waitFor("no advice", func(s v1alpha1.CanaryStatus) bool { return says(s) == "" })
}

// stays expects that a route is not written, no matter what others write to it.
func (a *app) stays(made *gatewayv1.HTTPRoute) {
	a.t.Helper()
	for i := range 10 {
		a.Eventually(func() error {
			current := a.route(made.Name)
			current.Labels["policy.example.com/seen"] = fmt.Sprint(i)
			current.Annotations["policy.example.com/seen"] = fmt.Sprint(i)
			return server.Client.Update(a.t.Context(), current)
		}, patience, glance).Should(Succeed())
	}
	written := a.route(made.Name).ResourceVersion
	a.Consistently(func() string { return a.route(made.Name).ResourceVersion }, time.Second, glance).Should(Equal(written))
	a.Expect(a.route(made.Name).Generation).To(Equal(made.Generation), "foreign labels and annotations are no drift")
	a.Expect(a.route(made.Name).Labels).To(HaveKey("policy.example.com/seen"))
}

func TestDriftOfAGeneratedRouteIsRepairedWithoutTouchingTheSplit(t *testing.T) {
	t.Parallel()
	a := newGenerated(t, shopPolicy)
	a.made()
	a.annotate(config.AnnotationInterval, "1h")
	a.inFlight()
	split := a.route("podinfo").Annotations[config.AnnotationSplit]
	a.Expect(split).NotTo(BeEmpty())
	a.Eventually(func() error {
		current := a.route("podinfo")
		current.Spec.Hostnames = []gatewayv1.Hostname{"elsewhere.example.com"}
		current.Spec.Rules[0].Timeouts = nil
		return server.Client.Update(t.Context(), current)
	}, patience, glance).Should(Succeed())
	a.Eventually(func() []gatewayv1.Hostname { return a.route("podinfo").Spec.Hostnames }, patience, glance).
		Should(Equal([]gatewayv1.Hostname{"shop.example.com"}))
	repaired := a.route("podinfo")
	a.Expect(repaired.Spec.Rules[0].Timeouts.Request).To(Equal(ptr.To(gatewayv1.Duration("15s"))))
	a.Expect(repaired.Annotations).To(HaveKeyWithValue(config.AnnotationSplit, split))
	a.Expect(a.weights()).To(Equal("podinfo=90 podinfo-canary=10"))
}

func TestAChangedPolicyChangesTheGeneratedRoute(t *testing.T) {
	a := newGenerated(t, shopPolicy)
	a.made()
	a.servicePolicy(strings.Replace(shopPolicy, "15s", "30s", 1))
	a.Eventually(func() gatewayv1.Duration { return *a.route("podinfo").Spec.Rules[0].Timeouts.Request }, patience, glance).Should(BeEquivalentTo("30s"))
	a.servicePolicy(strings.Replace(shopPolicy, "timeout: 15s", "", 1))
	a.Eventually(func() any { return a.route("podinfo").Spec.Rules[0].Timeouts }, patience, glance).Should(BeNil())
}

func TestWhatThePolicyNoLongerAsksForIsLetGo(t *testing.T) {
	a := newGenerated(t, shopPolicy)
	made := a.made()
	a.servicePolicy("port: 80")
	a.Eventually(func() map[string]string { return a.route("podinfo").Labels }, patience, glance).Should(Equal(map[string]string{"team": "shop"}))
	after := a.route("podinfo")
	a.Expect(after.OwnerReferences).To(BeEmpty())
	a.Expect(after.Annotations).NotTo(HaveKey(config.AnnotationGenerated))
	a.Expect(after.Spec).To(Equal(made.Spec))
	for _, entry := range after.ManagedFields {
		a.Expect(entry.Operation).NotTo(BeEquivalentTo("Apply"), "somebody else must be able to apply it without a conflict")
	}
}

func TestARouteOfTheNameThatIsNotOursIsNeverOverwritten(t *testing.T) {
	a := newGenerated(t, "port: 80")
	a.Eventually(func() error { _, err := get(a, "podinfo", &corev1.Service{}); return err }, patience, glance).Should(Succeed())
	mine := &gatewayv1.HTTPRoute{ObjectMeta: a.named("podinfo")}
	backend := gatewayv1.HTTPBackendRef{}
	backend.Name, backend.Port = "other", ptr.To(gatewayv1.PortNumber(80))
	mine.Spec.Rules = []gatewayv1.HTTPRouteRule{{BackendRefs: []gatewayv1.HTTPBackendRef{backend}}}
	a.create(mine)
	a.servicePolicy(shopPolicy)
	a.waitFor("a message that names it", func(s v1alpha1.CanaryStatus) bool {
		return strings.HasPrefix(s.Message, "HTTPRoute podinfo exists but does not send to Service podinfo and was not created by Sluice")
	})
	a.Expect(a.route("podinfo").ResourceVersion).To(Equal(mine.ResourceVersion))
}

// withoutField takes a field from the backends of HTTPRoutes, as CRDs of an older release have it, until the test ends.
func (a *app) withoutField(path ...string) {
	a.t.Helper()
	definition := &unstructured.Unstructured{}
	definition.SetGroupVersionKind(apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinition"))
	key := client.ObjectKey{Name: "httproutes.gateway.networking.k8s.io"}
	change := func(change func(properties map[string]any)) {
		a.Expect(server.Client.Get(context.Background(), key, definition)).To(Succeed())
		versions, _, err := unstructured.NestedSlice(definition.Object, "spec", "versions")
		a.Expect(err).NotTo(HaveOccurred())
		for _, version := range versions {
			properties, found, err := unstructured.NestedFieldNoCopy(version.(map[string]any), append([]string{"schema", "openAPIV3Schema", "properties", "spec", "properties",
				"rules", "items", "properties", "backendRefs", "items", "properties"}, path[:len(path)-1]...)...)
			a.Expect(err).NotTo(HaveOccurred())
			a.Expect(found).To(BeTrue(), "%v", path)
			change(properties.(map[string]any))
		}
		a.Expect(unstructured.SetNestedSlice(definition.Object, versions, "spec", "versions")).To(Succeed())
		a.Expect(server.Client.Update(context.Background(), definition)).To(Succeed())
	}
	last, was := path[len(path)-1], any(nil)
	change(func(properties map[string]any) { was = properties[last]; delete(properties, last) })
	a.t.Cleanup(func() { change(func(properties map[string]any) { properties[last] = was }) })
}

func TestAFieldThatTheCRDsDoNotKnowIsRefusedByItsName(t *testing.T) {
	const removes = "{type: RequestHeaderModifier, requestHeaderModifier: {remove: [x-debug]}}"
	a := newApp(t)
	a.withoutField("filters", "items", "properties", "requestHeaderModifier", "properties", "remove")
	a.Eventually(func() error {
		probe := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": map[string]any{"name": "probe", "namespace": a.namespace},
			"spec": map[string]any{"rules": []any{map[string]any{"backendRefs": []any{map[string]any{"name": "podinfo", "port": int64(80), "filters": []any{
				map[string]any{"type": "RequestHeaderModifier", "requestHeaderModifier": map[string]any{"remove": []any{"x-debug"}}}}}}}}}}}
		return server.Client.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(probe), client.FieldOwner("probe"), client.DryRunAll)
	}, patience, glance).Should(MatchError(ContainSubstring("not declared in schema")))
	a = newGenerated(t, shopPolicy+"primaryBackend: {backendRef: {name: podinfo, port: 80}, filters: ["+removes+"]}")
	a.waitFor("a message that names it", func(s v1alpha1.CanaryStatus) bool {
		return strings.HasPrefix(s.Message, "HTTPRoute podinfo cannot be created: the cluster's HTTPRoute CRD has no field ") && strings.Contains(s.Message, "requestHeaderModifier.remove")
	})
	a.Expect(a.route("podinfo")).To(BeNil())
	routes := func() int { return requestsIn(a.namespace + "/httproutes") }
	before := routes()
	a.Expect(before).NotTo(BeZero())
	for range 10 {
		a.annotate("example.com/touched", fmt.Sprint(time.Now().UnixNano()))
	}
	a.Consistently(routes, time.Second, glance).Should(Equal(before), "what is refused is not applied again in each tick")
	a.servicePolicy(shopPolicy)
	a.made()
}

func TestGrantsAreMadeForBackendsOfOtherNamespaces(t *testing.T) {
	a := newApp(t)
	a.waitForPhase(v1alpha1.PhaseInitialized)
	a.Expect(server.Client.Delete(t.Context(), &gatewayv1.HTTPRoute{ObjectMeta: a.named("podinfo")})).To(Succeed())
	other := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	a.create(other)
	backend := func(name string) string {
		return fmt.Sprintf("{backendRef: {name: %s, namespace: %s, port: 80}}", name, other.Name)
	}
	grantedTo := func() []string {
		var list gatewayv1.ReferenceGrantList
		a.Expect(server.Client.List(t.Context(), &list, client.InNamespace(other.Name))).To(Succeed())
		var names []string
		for _, grant := range list.Items {
			a.Expect(grant.OwnerReferences).To(BeEmpty())
			a.Expect(grant.Annotations).To(HaveKeyWithValue(config.AnnotationGeneratedFor, a.namespace+"/podinfo"))
			a.Expect(grant.Spec.From).To(Equal([]gatewayv1.ReferenceGrantFrom{{Group: gatewayv1.GroupName, Kind: "HTTPRoute", Namespace: gatewayv1.Namespace(a.namespace)}}))
			for _, to := range grant.Spec.To {
				names = append(names, string(*to.Name))
			}
		}
		return names
	}
	policy := "port: 80\ngatewayRefs: [{name: gateway}]\nprimaryBackend: " + backend("front") + "\ncanaryBackend: " + backend("front-next") + "\n"
	a.servicePolicy(policy + "mirror: [" + backend("archive") + "]")
	a.annotate(config.AnnotationPolicy, "standard")
	a.Eventually(grantedTo, patience, glance).Should(Equal([]string{"archive", "front", "front-next"}))

	a.servicePolicy(policy)
	a.Eventually(grantedTo, patience, glance).Should(Equal([]string{"front", "front-next"}), "what is no longer asked for is no longer granted")

	a.Expect(server.Client.DeleteAllOf(t.Context(), &gatewayv1.ReferenceGrant{}, client.InNamespace(other.Name))).To(Succeed())
	a.Eventually(grantedTo, patience, glance).Should(HaveLen(2), "one that was deleted is made again")

	a.annotate(config.AnnotationCanary, "")
	a.Eventually(grantedTo, patience, glance).Should(Equal([]string{"front"}), "the route that stays still sends to the primary's backend")

	a.annotate(config.AnnotationCanary, "true")
	a.Eventually(grantedTo, patience, glance).Should(HaveLen(2))
	a.Expect(server.Client.Delete(t.Context(), &appsv1.Deployment{ObjectMeta: a.named("podinfo")})).To(Succeed())
	// No garbage collector runs here. It would delete the Canary with its owner.
	a.Expect(client.IgnoreNotFound(server.Client.Delete(t.Context(), &v1alpha1.Canary{ObjectMeta: a.named("podinfo")}))).To(Succeed())
	a.Eventually(grantedTo, patience, glance).Should(BeEmpty(), "with the Deployment everything goes")
}

// The goldens of package route say what is generated. This test checks that the API server accepts all of it.
func TestEveryGeneratedRouteHoldsASplit(t *testing.T) {
	a := newGenerated(t, shopPolicy+`headers: {response: {add: {x-e: "5"}}}`)
	made := route.FromHTTP(a.made())
	affinity := &route.Affinity{Cookie: route.Cookie{Name: "s", Value: "abc"}, Primary: &route.Cookie{Name: "p", Value: "def"}}
	testers := []route.Match{
		{Headers: []route.ValueMatch{{Name: "x-canary", Value: "1"}, {Name: "x-user", Value: "jane"}}},
		{Headers: []route.ValueMatch{{Name: "x-canary", Value: "2"}}},
	}
	splits := map[string]route.Split{
		"affinity with headers of answers at weight 0": {Weight: 0, Affinity: affinity},
		"affinity after a restart, without a cookie":   {Weight: 10, Affinity: &route.Affinity{Cookie: affinity.Cookie}},
		"several matches":  {Weight: 10, Match: testers},
		"copies and steps": {Weight: 10, Mirror: 50},
	}
	for _, name := range slices.Sorted(maps.Keys(splits)) {
		split := splits[name]
		split.Deployment, split.Primary, split.Canary = "podinfo", "podinfo", "podinfo-canary"
		rendered, err := route.WithSplit(made, split)
		a.Expect(err).NotTo(HaveOccurred(), name)
		object := routeObject(route.HTTP)
		a.Expect(server.Client.Get(t.Context(), client.ObjectKey{Namespace: a.namespace, Name: "podinfo"}, object)).To(Succeed())
		a.Expect(rendered.Into(object.Object)).To(Succeed())
		a.Expect(server.Client.Update(t.Context(), object, client.DryRunAll)).To(Succeed(), name)
		for i, one := range rendered.Rules {
			for j, other := range rendered.Rules[:i] {
				a.Expect(one).NotTo(Equal(other), "%s: rules %d and %d are the same", name, i, j)
			}
		}
	}
}

// TestABackendOfAnotherNamespaceNeedsItsOwnersGrant names as the primary's backend what a route of another namespace sends to.
func TestABackendOfAnotherNamespaceNeedsItsOwnersGrant(t *testing.T) {
	a := newApp(t)
	a.waitForPhase(v1alpha1.PhaseInitialized)
	victim := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	a.create(victim)
	backend := func(name string) string {
		return fmt.Sprintf("{backendRef: {name: %s, namespace: %s, port: 80}}", name, victim.Name)
	}
	a.servicePolicy("primaryBackend: " + backend("front") + "\ncanaryBackend: " + backend("front-next"))
	a.annotate(config.AnnotationPolicy, "standard")
	said := func() string {
		condition := meta.FindStatusCondition(a.canary().Status.Conditions, v1alpha1.ConditionReady)
		if condition == nil || condition.Status == metav1.ConditionTrue {
			return ""
		}
		return condition.Message
	}
	a.Eventually(said, patience, glance).Should(ContainSubstring("no ReferenceGrant in namespace " + victim.Name))

	a.servicePolicy("canaryBackend: " + backend("front-next"))
	a.Eventually(said, patience, glance).Should(ContainSubstring("service.canaryBackend.backendRef names Service " + victim.Name + "/front-next"))
	grant := route.GrantsFor(a.namespace, []route.Backend{{Kind: "Service", Namespace: victim.Name, Name: "front-next"}})[0]
	grant.Name = "of-the-owner"
	a.create(grant)
	a.Eventually(said, patience, glance).Should(BeEmpty(), "the owner's grant is seen at once")
	a.Expect(server.Client.Delete(t.Context(), grant)).To(Succeed())
}
