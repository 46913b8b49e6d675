package reconciler

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/testserver"
	"sluice.dev/sluice/internal/coverage"
)

// longerThanALook is how long it takes until what has changed is seen: kinds are looked for every 30 seconds.
const longerThanALook = 60 * time.Second

// ofKind is an object of any kind, with a spec as JSON.
func (a *app) ofKind(apiVersion, kind, name, spec string) *unstructured.Unstructured {
	a.t.Helper()
	content := map[string]any{}
	a.Expect(json.Unmarshal([]byte(spec), &content)).To(Succeed())
	object := &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion, "kind": kind, "spec": content}}
	object.SetNamespace(a.namespace)
	object.SetName(name)
	return object
}

const selectsPrimary = `{"selector":{"matchLabels":{"app":"podinfo"}}}`

func (a *app) waitForHold(parts ...string) {
	a.t.Helper()
	a.waitFor("a hold by policies", func(s v1alpha1.CanaryStatus) bool {
		if s.Blocked == nil || s.Blocked.Kind != v1alpha1.BlockedUnprotected || s.Phase != v1alpha1.PhaseWaiting {
			return false
		}
		for _, part := range parts {
			if !strings.Contains(s.Blocked.Text, part) {
				return false
			}
		}
		return true
	})
}

// TestEveryKindIsServedAndRead lists all kinds that rollouts look for.
func TestEveryKindIsServedAndRead(t *testing.T) {
	a := newApp(t)
	a.waitForPhase(v1alpha1.PhaseInitialized)
	unread := func() (kinds []string) {
		for _, kind := range coverage.Kinds() {
			if kind.Scope == coverage.Beside && requestsIn(a.namespace+"/"+kind.Resource) == 0 {
				kinds = append(kinds, kind.Kind+" of "+kind.Group)
			}
		}
		return kinds
	}
	// A look has an end, which comes before its last list on a busy machine. The next candidate has another look.
	version := 1
	a.Eventually(func() []string {
		version++
		image := fmt.Sprintf("podinfo:v%d", version)
		a.holdImage(image)
		a.waitFor("a rollout of "+image, func(s v1alpha1.CanaryStatus) bool {
			return s.Phase == v1alpha1.PhaseProgressing && strings.Contains(fmt.Sprint(s.Candidate.Images), image)
		})
		return unread()
	}, patience, glance).Should(BeEmpty())
}

func TestPoliciesThatWouldMissTheCanaryHoldIt(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	denied := a.ofKind("security.istio.io/v1", "AuthorizationPolicy", "only-the-shop", selectsPrimary)
	encrypted := a.ofKind("gateway.networking.k8s.io/v1", "BackendTLSPolicy", "podinfo", `{"targetRefs":[{"group":"","kind":"Service","name":"podinfo"}],
		"validation":{"hostname":"podinfo","wellKnownCACertificates":"System"}}`)
	a.create(denied)
	a.create(encrypted)
	a.waitForPhase(v1alpha1.PhaseInitialized)
	a.hold()
	a.waitForHold("AuthorizationPolicy only-the-shop, BackendTLSPolicy podinfo; have each select")
	a.expectEvent("CandidateBlocked")
	a.Consistently(func() bool { _, err := get(a, "podinfo-canary", &corev1.Service{}); return err != nil }, time.Second, glance).Should(BeTrue())

	// One is mended, the other may miss the canary.
	a.Expect(server.Client.Patch(t.Context(), encrypted, client.RawPatch("application/json-patch+json",
		[]byte(`[{"op":"add","path":"/spec/targetRefs/-","value":{"group":"","kind":"Service","name":"podinfo-canary"}}]`)))).To(Succeed())
	a.waitForHold("the canary: AuthorizationPolicy only-the-shop; have each select")
	a.annotate("sluice.dev/missed-policies", "AuthorizationPolicy/only-the-shop")
	a.waitForPhase(v1alpha1.PhaseProgressing)
	a.expectEvent("PoliciesMissCanary")
	a.waitFor("the condition", func(s v1alpha1.CanaryStatus) bool {
		return meta.IsStatusConditionFalse(s.Conditions, v1alpha1.ConditionProtected)
	})
}

func TestAnAdmissionPolicyByLabelHoldsTheCanary(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	everything, group := admissionregistrationv1.AllScopes, []string{""}
	policy := &admissionregistrationv1.ValidatingAdmissionPolicy{ObjectMeta: metav1.ObjectMeta{Name: a.namespace}}
	policy.Spec.Validations = []admissionregistrationv1.Validation{{Expression: "true"}}
	policy.Spec.MatchConstraints = &admissionregistrationv1.MatchResources{ObjectSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "podinfo"}},
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: a.namespace}},
		ResourceRules: []admissionregistrationv1.NamedRuleWithOperations{{RuleWithOperations: admissionregistrationv1.RuleWithOperations{
			Operations: []admissionregistrationv1.OperationType{"CREATE"}, Rule: admissionregistrationv1.Rule{APIGroups: group, APIVersions: []string{"v1"}, Resources: []string{"pods"}, Scope: &everything}}}}}
	binding := &admissionregistrationv1.ValidatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: a.namespace},
		Spec: admissionregistrationv1.ValidatingAdmissionPolicyBindingSpec{PolicyName: a.namespace, ValidationActions: []admissionregistrationv1.ValidationAction{"Deny"}}}
	a.create(policy)
	a.create(binding)
	t.Cleanup(func() {
		_ = server.Client.Delete(t.Context(), policy)
		_ = server.Client.Delete(t.Context(), binding)
	})
	a.waitForPhase(v1alpha1.PhaseInitialized)
	a.hold()
	a.waitForHold("ValidatingAdmissionPolicy " + a.namespace)
	a.Expect(server.Client.Delete(t.Context(), binding)).To(Succeed())
	a.waitForPhase(v1alpha1.PhaseProgressing)
}

func TestMonitorsThatWouldMissTheCanaryAreTold(t *testing.T) {
	t.Parallel()
	a, monitoring := newApp(t), newApp(t)
	a.create(monitoring.ofKind("monitoring.coreos.com/v1", "PodMonitor", "pods",
		fmt.Sprintf(`{"selector":{"matchLabels":{"app":"podinfo"}},"namespaceSelector":{"matchNames":[%q]}}`, a.namespace)))
	a.create(a.ofKind("monitoring.coreos.com/v1", "ServiceMonitor", "services", `{"selector":{"matchExpressions":[{"key":"sluice.dev/role","operator":"DoesNotExist"}]}}`))
	a.waitForPhase(v1alpha1.PhaseInitialized)
	a.hold()
	a.waitForPhase(v1alpha1.PhaseProgressing)
	a.expectEvent("MonitorsMissCanary")
	a.waitFor("the condition", func(s v1alpha1.CanaryStatus) bool {
		told := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionScraped)
		return told != nil && strings.Contains(told.Message, fmt.Sprintf("PodMonitor %s/pods, ServiceMonitor services", monitoring.namespace))
	})
}

// TestAKindThatIsInstalledLaterIsFound also removes it again.
func TestAKindThatIsInstalledLaterIsFound(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	later := testserver.DefinitionOf(schema.GroupVersionKind{Group: "constraints.gatekeeper.sh", Version: "v1beta1", Kind: "K8sLater"}, "k8slater", "Cluster")
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(later)
	a.Expect(err).NotTo(HaveOccurred())
	definition := &unstructured.Unstructured{Object: content}
	definition.SetGroupVersionKind(apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinition"))
	a.create(a.ofKind("security.istio.io/v1", "PeerAuthentication", "strict", selectsPrimary))
	a.waitForPhase(v1alpha1.PhaseInitialized)
	a.hold()
	a.waitForHold("PeerAuthentication strict")

	a.create(definition)
	t.Cleanup(func() { _ = server.Client.Delete(t.Context(), definition) })
	constraint := a.ofKind("constraints.gatekeeper.sh/v1beta1", "K8sLater", a.namespace,
		fmt.Sprintf(`{"match":{"kinds":[{"apiGroups":[""],"kinds":["Pod"]}],"namespaces":[%q],"labelSelector":{"matchLabels":{"app":"podinfo"}}}}`, a.namespace))
	constraint.SetNamespace("")
	a.Eventually(func() error { return server.Client.Create(t.Context(), constraint.DeepCopy()) }, patience, glance).Should(Succeed())
	a.Eventually(func() string { return a.canary().Status.Message }, longerThanALook, glance).Should(ContainSubstring("K8sLater " + a.namespace))

	a.Expect(server.Client.Delete(t.Context(), definition)).To(Succeed())
	a.Eventually(func() string { return a.canary().Status.Message }, longerThanALook, glance).Should(And(ContainSubstring("PeerAuthentication strict"), Not(ContainSubstring("K8sLater"))))
}

// TestKindsThatMayNotBeReadHoldNothing refuses one list, and lets another one fail.
func TestKindsThatMayNotBeReadHoldNothing(t *testing.T) {
	a := newApp(t)
	refuse("/telemetry.istio.io/", http.StatusForbidden)
	refuse("/kuma.io/", http.StatusInternalServerError)
	t.Cleanup(func() { refuse("/telemetry.istio.io/", 0); refuse("/kuma.io/", 0) })
	a.create(a.ofKind("telemetry.istio.io/v1", "Telemetry", "logs", selectsPrimary))
	a.waitForPhase(v1alpha1.PhaseInitialized)
	a.hold()
	a.waitForPhase(v1alpha1.PhaseProgressing)
	a.expectEvent("PoliciesUnread")
	a.waitFor("the condition", func(s v1alpha1.CanaryStatus) bool {
		told := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionProtected)
		return told != nil && told.Status == metav1.ConditionUnknown && strings.Contains(told.Message, "MeshTrafficPermission of kuma.io (its API fails)")
	})
}

// TestOneLookReadsFewObjectsAtATime lists so many policies that they take several pages.
func TestOneLookReadsFewObjectsAtATime(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for i := range 250 {
		a.create(a.ofKind("policy.linkerd.io/v1", "Server", fmt.Sprintf("other-%d", i), `{"podSelector":{"matchLabels":{"app":"other"}},"port":80}`))
	}
	a.create(a.ofKind("policy.linkerd.io/v1", "Server", "podinfo", `{"podSelector":{"matchLabels":{"app":"podinfo"}},"port":80}`))
	a.waitForPhase(v1alpha1.PhaseInitialized)
	a.hold()
	a.waitForHold("Server podinfo")
	a.Expect(requestsIn(a.namespace + "/servers")).To(BeNumerically(">=", 3))
	a.Expect(requestsIn(a.namespace+"/servers")).To(BeNumerically("<", 12), "too many looks")
}
