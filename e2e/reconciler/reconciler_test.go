package reconciler

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

const (
	// patience allows for a machine on which other tests leave little CPU.
	patience = time.Minute
	glance   = 50 * time.Millisecond
)

// app is an opted-in Deployment with everything that it needs, in its own namespace.
type app struct {
	*WithT
	t         *testing.T
	namespace string
}

func newApp(t *testing.T) *app {
	a := &app{WithT: NewWithT(t), t: t}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	a.create(namespace)
	a.namespace = namespace.Name
	class := &gatewayv1.GatewayClass{ObjectMeta: metav1.ObjectMeta{Name: a.namespace}}
	class.Spec.ControllerName = "traefik.io/gateway-controller"
	gateway := &gatewayv1.Gateway{ObjectMeta: a.named("gateway")}
	gateway.Spec = gatewayv1.GatewaySpec{GatewayClassName: gatewayv1.ObjectName(class.Name),
		Listeners: []gatewayv1.Listener{{Name: "http", Port: 80, Protocol: gatewayv1.HTTPProtocolType}}}
	pods := map[string]string{"app": "podinfo"}
	deployment := &appsv1.Deployment{ObjectMeta: a.named("podinfo"), Spec: appsv1.DeploymentSpec{
		Replicas: ptr.To(int32(4)), Selector: &metav1.LabelSelector{MatchLabels: pods},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: pods}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "podinfo:v1"}}}},
	}}
	deployment.Annotations = map[string]string{config.AnnotationCanary: "true", config.AnnotationGuard: "false", config.AnnotationInterval: "1s"}
	service := &corev1.Service{ObjectMeta: a.named("podinfo"), Spec: corev1.ServiceSpec{Selector: pods, Ports: []corev1.ServicePort{{Port: 80}}}}
	route := &gatewayv1.HTTPRoute{ObjectMeta: a.named("podinfo")}
	route.Spec.ParentRefs = []gatewayv1.ParentReference{{Name: "gateway"}}
	backend := gatewayv1.HTTPBackendRef{}
	backend.Name, backend.Port = "podinfo", ptr.To(gatewayv1.PortNumber(80))
	route.Spec.Rules = []gatewayv1.HTTPRouteRule{{BackendRefs: []gatewayv1.HTTPBackendRef{backend}}}
	for _, object := range []client.Object{class, gateway, service, route, deployment} {
		a.create(object)
	}
	a.available("podinfo")
	a.accept()
	return a
}

func (a *app) named(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: a.namespace, Name: name}
}

func (a *app) create(object client.Object) {
	a.t.Helper()
	a.Expect(server.Client.Create(a.t.Context(), object)).To(Succeed())
}

func get[T client.Object](a *app, name string, object T) (T, error) {
	return object, server.Client.Get(a.t.Context(), client.ObjectKey{Namespace: a.namespace, Name: name}, object)
}

// available reports the Deployment as available in place of the Deployment controller.
func (a *app) available(name string) {
	a.t.Helper()
	a.Eventually(func() error {
		d, err := get(a, name, &appsv1.Deployment{})
		if err != nil {
			return err
		}
		n := *d.Spec.Replicas
		d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: n, UpdatedReplicas: n, AvailableReplicas: n, ReadyReplicas: n}
		return server.Client.Status().Update(a.t.Context(), d)
	}, patience, glance).Should(Succeed())
}

// endpoints writes the canary's endpoints in place of the EndpointSlice controller.
func (a *app) endpoints(pods int) {
	a.t.Helper()
	slice := &discoveryv1.EndpointSlice{ObjectMeta: a.named("podinfo-canary"), AddressType: discoveryv1.AddressTypeIPv4}
	slice.Labels = map[string]string{discoveryv1.LabelServiceName: "podinfo-canary", config.LabelRole: config.RoleCanary, config.LabelPrimary: "podinfo"}
	for i := range pods {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{Addresses: []string{fmt.Sprintf("10.0.0.%d", i+1)},
			TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: fmt.Sprintf("pod-%d", i)}})
	}
	a.create(slice)
}

// accept accepts the routes in place of the gateway's controller.
func (a *app) accept() {
	a.t.Helper()
	a.Eventually(func() error {
		route, err := get(a, "podinfo", &gatewayv1.HTTPRoute{})
		if err != nil {
			return err
		}
		status := gatewayv1.RouteParentStatus{ParentRef: route.Spec.ParentRefs[0], ControllerName: "traefik.io/gateway-controller"}
		for _, kind := range []string{"Accepted", "ResolvedRefs"} {
			status.Conditions = append(status.Conditions, metav1.Condition{Type: kind, Status: "True", Reason: kind,
				ObservedGeneration: route.Generation, LastTransitionTime: metav1.Now()})
		}
		route.Status.Parents = []gatewayv1.RouteParentStatus{status}
		return server.Client.Status().Update(a.t.Context(), route)
	}, patience, glance).Should(Succeed())
}

// annotate sets an annotation in place of admission. An empty value removes it.
func (a *app) annotate(key, value string) {
	a.t.Helper()
	a.Eventually(func() error {
		d, err := get(a, "podinfo", &appsv1.Deployment{})
		if err != nil {
			return err
		}
		d.Annotations[key] = value
		if value == "" {
			delete(d.Annotations, key)
		}
		return server.Client.Update(a.t.Context(), d)
	}, patience, glance).Should(Succeed())
}

func (a *app) hold() {
	a.t.Helper()
	a.holdImage("podinfo:v2")
}

func (a *app) holdImage(image string) {
	a.t.Helper()
	a.holdPods(corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "podinfo"}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: image}}}})
}

func (a *app) holdPods(pods corev1.PodTemplateSpec) {
	a.t.Helper()
	template, err := workload.TemplateOf(pods)
	a.Expect(err).NotTo(HaveOccurred())
	text, err := workload.Candidate{Hash: template.Hash(), Template: template, By: "jane", At: time.Now()}.Encode()
	a.Expect(err).NotTo(HaveOccurred())
	a.annotate(config.AnnotationCandidate, text)
}

// candidateFor returns a candidate for a Deployment.
func candidateFor(primary *appsv1.Deployment) *workload.Candidate {
	template, err := workload.TemplateOf(primary.Spec.Template)
	if err != nil {
		panic(err)
	}
	return &workload.Candidate{Hash: template.Hash(), Template: template, By: "jane", At: time.Now()}
}

func (a *app) canary() v1alpha1.Canary {
	canary, err := get(a, "podinfo", &v1alpha1.Canary{})
	if err != nil {
		return v1alpha1.Canary{}
	}
	return *canary
}

func (a *app) waitFor(what string, holds func(v1alpha1.CanaryStatus) bool) {
	a.t.Helper()
	a.Eventually(func() bool { return holds(a.canary().Status) }, patience, glance).Should(BeTrue(), func() string {
		return fmt.Sprintf("%s; it is %+v", what, a.canary().Status)
	})
}

// events returns the kinds of the objects that have an event with the reason.
func (a *app) events(reason string) []string {
	a.t.Helper()
	var events corev1.EventList
	a.Expect(server.Client.List(a.t.Context(), &events, client.InNamespace(a.namespace))).To(Succeed())
	var kinds []string
	for _, event := range events.Items {
		if event.Reason == reason {
			kinds = append(kinds, event.InvolvedObject.Kind)
		}
	}
	return kinds
}

func (a *app) waitForPhase(phase v1alpha1.Phase) {
	a.t.Helper()
	a.waitFor("phase "+string(phase), func(s v1alpha1.CanaryStatus) bool { return s.Phase == phase })
}

func (a *app) weights() string {
	route, err := get(a, "podinfo", &gatewayv1.HTTPRoute{})
	if err != nil {
		return err.Error()
	}
	var parts []string
	for _, ref := range route.Spec.Rules[0].BackendRefs {
		parts = append(parts, fmt.Sprintf("%s=%d", ref.Name, *ref.Weight))
	}
	return strings.Join(parts, " ")
}

// inFlight brings a rollout to its first step, with the split in effect.
func (a *app) inFlight() {
	a.t.Helper()
	a.waitForPhase(v1alpha1.PhaseInitialized)
	a.hold()
	a.available("podinfo-canary")
	a.endpoints(4)
	a.Eventually(a.weights, patience, glance).Should(Equal("podinfo=100 podinfo-canary=0"))
	a.accept()
	a.Eventually(a.weights, patience, glance).Should(Equal("podinfo=90 podinfo-canary=10"))
	a.accept()
	a.waitFor("the first step in effect", observed.Checked)
}

func (a *app) expectRestored() {
	a.t.Helper()
	a.Eventually(a.weights, patience, glance).Should(Equal("podinfo=1"))
	a.accept()
	a.Eventually(func() bool {
		_, err := get(a, "podinfo-canary", &appsv1.Deployment{})
		_, serviceErr := get(a, "podinfo-canary", &corev1.Service{})
		return client.IgnoreNotFound(err) == nil && err != nil && client.IgnoreNotFound(serviceErr) == nil && serviceErr != nil
	}, patience, glance).Should(BeTrue(), "the canary or its Service is still there")
}

func TestWithoutAdmissionTheRulesAreWrittenDirectlyAndRestored(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.inFlight()
	a.Expect(a.canary().Finalizers).To(ContainElement(config.Finalizer))
	a.annotate(config.AnnotationCandidate, "")
	a.expectRestored()
	a.waitForPhase(v1alpha1.PhaseInitialized)
	a.Eventually(func() []string { return a.canary().Finalizers }, patience, glance).Should(BeEmpty())
}

func TestAnIdleDeploymentMakesNoRequests(t *testing.T) {
	a := newApp(t)
	a.waitForPhase(v1alpha1.PhaseInitialized)
	// The Canary and its states are written by then. This event comes last, on the Canary and on the Deployment.
	a.Eventually(func() int { return len(a.events("Initialized")) }, patience, glance).Should(Equal(2))
	requests := func() int { return requestsIn(a.namespace) + requestsIn("") }
	before := requests()
	a.annotate("example.com/touched", "yes")
	a.available("podinfo")
	a.Consistently(requests, 2*time.Second, glance).Should(Equal(before), "an idle Deployment cost a request")
}

func TestForeignObjectsAreNeverOverwritten(t *testing.T) {
	a := newApp(t)
	a.waitForPhase(v1alpha1.PhaseInitialized)
	pods := map[string]string{"app": "mine"}
	mine := &appsv1.Deployment{ObjectMeta: a.named("podinfo-canary"), Spec: appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: pods},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: pods}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "mine"}}}}}}
	a.create(mine)
	a.hold()
	a.waitFor("a message that names it", func(s v1alpha1.CanaryStatus) bool {
		return s.Phase == v1alpha1.PhaseWaiting && strings.HasPrefix(s.Message, "Deployment podinfo-canary exists but was not created for this Deployment")
	})
	after, err := get(a, "podinfo-canary", &appsv1.Deployment{})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(after.ResourceVersion).To(Equal(mine.ResourceVersion))
}

func TestADeletedCanaryTakesTheSplitOutFirst(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.inFlight()
	deleted := a.canary()
	a.Expect(server.Client.Delete(t.Context(), &deleted)).To(Succeed())
	a.Eventually(a.weights, patience, glance).Should(Equal("podinfo=1"))
	a.Expect(a.canary().UID).To(Equal(deleted.UID), "the Canary went before the gateway had taken the route back")
	a.accept()
	a.Eventually(func() bool { c := a.canary(); return c.UID != "" && c.UID != deleted.UID }, patience, glance).Should(BeTrue(), "no new Canary was made")
}

func TestOptOutInFlightLeavesNothing(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.inFlight()
	a.annotate(config.AnnotationCanary, "false")
	a.expectRestored()
	a.waitForPhase(v1alpha1.PhaseOptedOut)
	a.waitFor("an entry of the history", func(s v1alpha1.CanaryStatus) bool {
		return len(s.History) == 2 && s.History[0].Outcome == v1alpha1.OutcomeOptedOut && s.History[1].Outcome == v1alpha1.OutcomeCancelled
	})
	a.expectEvent("OptedOut")
	a.Eventually(func() string {
		families, err := server.metrics.Gather()
		a.Expect(err).NotTo(HaveOccurred())
		return fmt.Sprint(families)
	}, patience, glance).ShouldNot(ContainSubstring(a.namespace), "series of the Canary are left")
}

func TestAChangePastAdmissionIsTold(t *testing.T) {
	a := newApp(t)
	a.waitForPhase(v1alpha1.PhaseInitialized)
	a.waitFor("the template", func(s v1alpha1.CanaryStatus) bool { return s.Primary != nil })
	a.Eventually(func() error {
		d, err := get(a, "podinfo", &appsv1.Deployment{})
		if err != nil {
			return err
		}
		d.Spec.Template.Spec.Containers[0].Image = "podinfo:slipped"
		d.Annotations["deployment.kubernetes.io/revision"] = "2"
		return server.Client.Update(t.Context(), d)
	}, patience, glance).Should(Succeed())
	a.waitFor("an entry of the history", func(s v1alpha1.CanaryStatus) bool {
		return len(s.History) == 1 && s.History[0].Outcome == v1alpha1.OutcomeDirect && strings.HasPrefix(s.History[0].Reason, "unseen")
	})
	a.expectEvent("TemplateChangedDirectly")
	families, err := server.metrics.Gather()
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(fmt.Sprint(families)).To(And(ContainSubstring("sluice_direct_changes_total"), ContainSubstring("unseen")))
}

// refuse lets a policy of the cluster refuse changes of Deployments for which the expression does not hold.
func (a *app) refuse(operation admissionregistrationv1.OperationType, expression string, reason metav1.StatusReason) {
	a.t.Helper()
	fail, deny := admissionregistrationv1.Fail, admissionregistrationv1.Deny
	policy := &admissionregistrationv1.ValidatingAdmissionPolicy{ObjectMeta: metav1.ObjectMeta{Name: a.namespace}}
	policy.Spec = admissionregistrationv1.ValidatingAdmissionPolicySpec{
		FailurePolicy: &fail,
		MatchConstraints: &admissionregistrationv1.MatchResources{ResourceRules: []admissionregistrationv1.NamedRuleWithOperations{{
			RuleWithOperations: admissionregistrationv1.RuleWithOperations{Operations: []admissionregistrationv1.OperationType{operation},
				Rule: admissionregistrationv1.Rule{APIGroups: []string{"apps"}, APIVersions: []string{"v1"}, Resources: []string{"deployments"}}}}}},
		Validations: []admissionregistrationv1.Validation{{Expression: expression, Message: "images must be signed", Reason: &reason}},
	}
	binding := &admissionregistrationv1.ValidatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: a.namespace}}
	binding.Spec = admissionregistrationv1.ValidatingAdmissionPolicyBindingSpec{
		PolicyName: policy.Name, ValidationActions: []admissionregistrationv1.ValidationAction{deny},
		MatchResources: &admissionregistrationv1.MatchResources{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: a.namespace}}},
	}
	a.create(policy)
	a.create(binding)
}

// TestAPromotionThatIsRefusedIsTold lets a policy of the cluster refuse what the reconciler asks of admission.
func TestAPromotionThatIsRefusedIsTold(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.annotate(config.AnnotationSkipAnalysis, "true")
	a.annotate(config.AnnotationProgressDeadline, "5s")
	a.refuse(admissionregistrationv1.Update, `!("sluice.dev/promote" in object.metadata.annotations)`, metav1.StatusReasonInvalid)
	a.waitForPhase(v1alpha1.PhaseInitialized)
	a.Eventually(func() error {
		return server.Client.Patch(t.Context(), &appsv1.Deployment{ObjectMeta: a.named("podinfo")},
			client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"sluice.dev/promote":"x"}}}`)), client.DryRunAll)
	}, patience, glance).Should(HaveOccurred(), "the policy is in force")
	a.hold()
	a.available("podinfo-canary")
	a.endpoints(4)
	a.expectEvent("AskRejected")
	a.waitFor("a rollback at the deadline", func(s v1alpha1.CanaryStatus) bool { return s.Candidate.Outcome == v1alpha1.OutcomeFailed })
}

func (a *app) expectEvent(reason string) {
	a.t.Helper()
	a.Eventually(func() []string {
		var events corev1.EventList
		a.Expect(server.Client.List(a.t.Context(), &events, client.InNamespace(a.namespace))).To(Succeed())
		var reasons []string
		for _, event := range events.Items {
			reasons = append(reasons, event.Reason)
		}
		return reasons
	}, patience, glance).Should(ContainElement(reason))
}

// TestACanaryThatTheAPIServerRefusesFailsAtOnce holds a template back that can never run. Its progress deadline is far away.
func TestACanaryThatTheAPIServerRefusesFailsAtOnce(t *testing.T) {
	a := newApp(t)
	a.waitForPhase(v1alpha1.PhaseInitialized)
	a.holdImage("")
	a.waitFor("a failure", func(s v1alpha1.CanaryStatus) bool { return s.Candidate.Outcome == v1alpha1.OutcomeFailed })
	const why = `the API server refuses the canary: Deployment.apps "podinfo-canary" is invalid: spec.template.spec.containers[0].image: Required value`
	a.Expect(a.canary().Status.Candidate.Reason).To(Equal(why))
	for _, reason := range []string{"CandidateHeld", "RollingBack"} {
		a.Eventually(func() []string { return a.events(reason) }, patience, glance).Should(ConsistOf("Canary", "Deployment"), reason)
	}
}

// TestACanaryThatIsForbiddenIsTold checks that what may pass is tried again, and that the other decisions of the same tick are
// reported too.
func TestACanaryThatIsForbiddenIsTold(t *testing.T) {
	a := newApp(t)
	a.refuse(admissionregistrationv1.Create, "false", metav1.StatusReasonForbidden)
	a.waitForPhase(v1alpha1.PhaseInitialized)
	another, err := get(a, "podinfo", &appsv1.Deployment{})
	a.Expect(err).NotTo(HaveOccurred())
	another.ObjectMeta = metav1.ObjectMeta{Namespace: a.namespace, Name: "another"}
	a.Eventually(func() error { return server.Client.Create(t.Context(), another.DeepCopy(), client.DryRunAll) }, patience, glance).Should(HaveOccurred())
	a.hold()
	for _, reason := range []string{"CandidateHeld", "CanaryRejected"} {
		a.Eventually(func() []string { return a.events(reason) }, patience, glance).Should(ConsistOf("Canary", "Deployment"), reason)
	}
	a.Expect(a.canary().Status.Phase).To(Equal(v1alpha1.PhaseProgressing))
}
