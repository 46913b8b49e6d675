package uninstall

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/e2e/testserver"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/uninstall"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

const (
	// leaseDuration is also how long each uninstallation waits. A lease of few seconds is lost on a busy machine.
	leaseDuration = 10 * time.Second
	patience      = time.Minute
	glance        = 20 * time.Millisecond
)

// installation is a namespace with the controller's Deployment and an opted-in one.
type installation struct {
	*WithT
	t         *testing.T
	namespace string
	rules     []gatewayv1.HTTPRouteRule
}

func install(t *testing.T) *installation {
	t.Helper()
	i := &installation{WithT: NewWithT(t), t: t, namespace: server.NewNamespace(t)}
	class := &gatewayv1.GatewayClass{ObjectMeta: metav1.ObjectMeta{Name: i.namespace}}
	class.Spec.ControllerName = testserver.GatewayController
	gateway := &gatewayv1.Gateway{ObjectMeta: i.named("gateway")}
	gateway.Spec = gatewayv1.GatewaySpec{GatewayClassName: gatewayv1.ObjectName(class.Name),
		Listeners: []gatewayv1.Listener{{Name: "http", Port: 80, Protocol: gatewayv1.HTTPProtocolType}}}
	primary := i.deployment("podinfo", "podinfo:v1")
	primary.Annotations = map[string]string{config.AnnotationCanary: "true", config.AnnotationGuard: "false", config.AnnotationInterval: "1h"}
	service := &corev1.Service{ObjectMeta: i.named("podinfo"), Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "podinfo"}, Ports: []corev1.ServicePort{{Port: 80}}}}
	for _, object := range []client.Object{class, gateway, service, primary, i.deployment("sluice", "sluice:dev")} {
		i.create(object)
	}
	i.Expect(i.applyRoute("10s")).To(Succeed())
	i.rules = i.route().Spec.Rules
	return i
}

func (i *installation) named(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: i.namespace, Name: name}
}

func (i *installation) deployment(name, image string) *appsv1.Deployment {
	pods := map[string]string{"app": name}
	return &appsv1.Deployment{ObjectMeta: i.named(name), Spec: appsv1.DeploymentSpec{
		Replicas: ptr.To(int32(2)), Selector: &metav1.LabelSelector{MatchLabels: pods},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: pods}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: image}}}},
	}}
}

func (i *installation) create(object client.Object) {
	i.t.Helper()
	i.Expect(server.Client.Create(i.t.Context(), object)).To(Succeed())
}

// applyRoute applies the route as its owner, without force.
func (i *installation) applyRoute(timeout string) error {
	manifest := fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {namespace: %s, name: podinfo}
spec:
  parentRefs: [{name: gateway}]
  rules: [{backendRefs: [{name: podinfo, port: 80}], timeouts: {request: %s}}]
`, i.namespace, timeout)
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(manifest), &object.Object); err != nil {
		return err
	}
	return server.Client.Apply(i.t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("kubectl"))
}

func (i *installation) get(object client.Object, name string) error {
	return server.Client.Get(i.t.Context(), client.ObjectKey{Namespace: i.namespace, Name: name}, object)
}

func (i *installation) route() *gatewayv1.HTTPRoute {
	r := &gatewayv1.HTTPRoute{}
	i.Expect(i.get(r, "podinfo")).To(Succeed())
	return r
}

func (i *installation) canary() *v1alpha1.Canary {
	c := &v1alpha1.Canary{}
	_ = i.get(c, "podinfo")
	return c
}

// surround gives the primary an autoscaler, a disruption budget and a NetworkPolicy.
func (i *installation) surround() {
	i.t.Helper()
	pods := metav1.LabelSelector{MatchLabels: map[string]string{"app": "podinfo"}}
	i.create(&autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: i.named("podinfo"), Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
		ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "podinfo"}, MaxReplicas: 4}})
	i.create(&policyv1.PodDisruptionBudget{ObjectMeta: i.named("podinfo"), Spec: policyv1.PodDisruptionBudgetSpec{
		Selector: &pods, MinAvailable: ptr.To(intstr.FromInt32(1))}})
	i.create(&networkingv1.NetworkPolicy{ObjectMeta: i.named("podinfo"), Spec: networkingv1.NetworkPolicySpec{
		PodSelector: pods, Ingress: []networkingv1.NetworkPolicyIngressRule{{}}}})
}

// made are the kinds of all objects that a rollout makes for a canary that is surrounded.
func made() []client.Object {
	return []client.Object{&appsv1.Deployment{}, &corev1.Service{}, &autoscalingv2.HorizontalPodAutoscaler{}, &policyv1.PodDisruptionBudget{}, &networkingv1.NetworkPolicy{}}
}

// hold does what admission would do with a new template.
func (i *installation) hold() {
	i.t.Helper()
	template, err := workload.TemplateOf(i.deployment("podinfo", "podinfo:v2").Spec.Template)
	i.Expect(err).NotTo(HaveOccurred())
	text, err := workload.Candidate{Hash: template.Hash(), Template: template, By: "jane", At: time.Now()}.Encode()
	i.Expect(err).NotTo(HaveOccurred())
	i.Eventually(func() error {
		d := &appsv1.Deployment{}
		if err := i.get(d, "podinfo"); err != nil {
			return err
		}
		d.Annotations[config.AnnotationCandidate] = text
		return server.Client.Update(i.t.Context(), d)
	}, patience, glance).Should(Succeed())
}

func (i *installation) options(timeout time.Duration) uninstall.Options {
	return uninstall.Options{Namespace: i.namespace, Deployment: "sluice", Lease: "sluice", LeaseDuration: leaseDuration, Timeout: timeout,
		WatchNamespaces: []string{i.namespace}}
}

func (i *installation) firstStep() {
	i.t.Helper()
	i.Eventually(func() bool {
		s := i.canary().Status
		return s.Open().Step.Number == 1 && s.Open().Step.InEffect != nil && s.CanaryWeight == 10
	}, patience, glance).
		Should(BeTrue(), func() string { return i.canary().Status.Message })
}

func TestUninstallInMidRollout(t *testing.T) {
	i := install(t)
	i.surround()
	t.Cleanup(server.PlayControllers(i.namespace))
	ended := startController(t, i.namespace)
	i.Eventually(func() v1alpha1.Phase { return i.canary().Status.Phase }, patience, glance).Should(Equal(v1alpha1.PhaseInitialized))
	i.hold()
	i.firstStep()
	before := i.canary()
	for _, object := range made() {
		i.Eventually(func() error { return i.get(object, "podinfo-canary") }, patience, glance).Should(Succeed(), "%T", object)
	}

	i.Expect(uninstall.Run(t.Context(), server.Reconciler, i.options(patience))).To(Succeed())
	i.Expect(<-ended).To(MatchError(ContainSubstring("leader election lost")), "two would have written at once")
	i.Expect(i.route().Annotations).NotTo(HaveKey(config.AnnotationSplit))
	i.Expect(i.route().Spec.Rules).To(Equal(i.rules))
	for _, object := range made() {
		i.Expect(apierrors.IsNotFound(i.get(object, "podinfo-canary"))).To(BeTrue(), "%T is still there", object)
		i.Expect(i.get(object, "podinfo")).To(Succeed(), "the primary's %T must stay", object)
	}
	i.Expect(i.canary().UID).To(Equal(before.UID), "the Canary must stay")
	i.Expect(i.canary().Finalizers).To(BeEmpty())
	i.Expect(observed.Active(i.canary().Status)).To(BeFalse())
	i.Expect(i.applyRoute("20s")).To(Succeed(), "the rules must still be their owner's")
	i.Expect(i.applyRoute("10s")).To(Succeed())
	controller, primary := &appsv1.Deployment{}, &appsv1.Deployment{}
	i.Expect(i.get(controller, "sluice")).To(Succeed())
	i.Expect(*controller.Spec.Replicas).To(BeZero())
	i.Expect(i.get(primary, "podinfo")).To(Succeed())
	i.Expect(primary.Annotations).To(HaveKey(config.AnnotationCandidate))
	i.Expect(primary.Spec.Template.Spec.Containers[0].Image).To(Equal("podinfo:v1"))

	startController(t, i.namespace)
	i.firstStep()
	i.Expect(i.canary().UID).To(Equal(before.UID), "the Canary must be found again")
	i.Expect(i.canary().Status.Open().Started.Time).To(BeTemporally(">", before.Status.Open().Started.Time), "the rollout must start anew")
}

func TestUninstallWithoutRolloutsIsQuick(t *testing.T) {
	i := install(t)
	i.Expect(uninstall.Run(t.Context(), server.Reconciler, i.options(patience))).To(Succeed())
	i.Expect(i.route().Spec.Rules).To(Equal(i.rules))
}

func TestRequestsAreNotSentToNobody(t *testing.T) {
	i := install(t)
	copied := i.deployment("podinfo-canary", "podinfo:v2")
	i.create(copied)
	copied.Status = appsv1.DeploymentStatus{Replicas: 2, AvailableReplicas: 2, ReadyReplicas: 2}
	i.Expect(server.Client.Status().Update(t.Context(), copied)).To(Succeed())
	split, err := route.WithSplit(route.FromHTTP(i.route()), route.Split{Deployment: "podinfo", Primary: "podinfo", Canary: "podinfo-canary", Weight: 100})
	i.Expect(err).NotTo(HaveOccurred())
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(schema.GroupVersion(gatewayv1.GroupVersion).WithKind(route.HTTP))
	i.Expect(i.get(object, "podinfo")).To(Succeed())
	i.Expect(split.Into(object.Object)).To(Succeed())
	i.Expect(server.Reconciler.Update(t.Context(), object)).To(Succeed())
	i.create(&coordinationv1.Lease{ObjectMeta: i.named("sluice")})

	err = uninstall.Run(t.Context(), server.Reconciler, i.options(5*time.Second))
	if err == nil || !strings.Contains(err.Error(), "Deployment podinfo has no available replica, and only its canary serves") {
		t.Errorf("got %v", err)
	}
	i.Expect(i.route().Annotations).To(HaveKey(config.AnnotationSplit))
	controller, lease := &appsv1.Deployment{}, &coordinationv1.Lease{}
	i.Expect(i.get(controller, "sluice")).To(Succeed())
	i.Expect(*controller.Spec.Replicas).To(BeNumerically("==", 2), "the controller must go on")
	i.Expect(i.get(lease, "sluice")).To(Succeed())
	i.Expect(*lease.Spec.HolderIdentity).To(BeEmpty(), "the controller must get its lease back")
}

func TestRoutesOfEveryKindAndNamespaceAreRestored(t *testing.T) {
	i := install(t)
	elsewhere := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	i.create(elsewhere)
	deployment := types.NamespacedName{Namespace: i.namespace, Name: "podinfo"}
	split := route.Split{Deployment: "podinfo", Namespace: i.namespace, Primary: "podinfo", Canary: "podinfo-canary", Weight: 10,
		Match: []route.Match{{Headers: []route.ValueMatch{{Name: "x-canary", Value: "true"}}}}}
	mark := route.Cohort{Header: "x-sluice-canary", Value: "podinfo", Primary: "podinfo", To: "podinfo-canary"}
	user := map[route.Key][]any{}
	for _, key := range []route.Key{{Kind: route.GRPC, Namespace: i.namespace, Name: "calls"}, {Kind: route.HTTP, Namespace: elsewhere.Name, Name: "web"}} {
		object := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
			"parentRefs": []any{map[string]any{"name": "gateway", "namespace": i.namespace}},
			"rules":      []any{map[string]any{"backendRefs": []any{map[string]any{"name": "podinfo", "namespace": i.namespace, "port": int64(80)}}}},
		}}}
		object.SetGroupVersionKind(schema.GroupVersion(gatewayv1.GroupVersion).WithKind(key.Kind))
		object.SetNamespace(key.Namespace)
		object.SetName(key.Name)
		i.create(object)
		plain, err := route.FromObject(object.Object)
		i.Expect(err).NotTo(HaveOccurred())
		user[key] = plain.Rules
		stated, err := route.WithSplit(plain, split)
		i.Expect(err).NotTo(HaveOccurred())
		stated, err = route.WithCohorts(stated, deployment, mark)
		i.Expect(err).NotTo(HaveOccurred())
		i.Expect(stated.Rules).To(HaveLen(3))
		i.Expect(stated.Into(object.Object)).To(Succeed())
		i.Expect(server.Reconciler.Update(t.Context(), object)).To(Succeed())
	}
	options := i.options(patience)
	options.WatchNamespaces = append(options.WatchNamespaces, elsewhere.Name)
	i.Expect(uninstall.Run(t.Context(), server.Reconciler, options)).To(Succeed())
	for key, rules := range user {
		object := &unstructured.Unstructured{}
		object.SetGroupVersionKind(schema.GroupVersion(gatewayv1.GroupVersion).WithKind(key.Kind))
		i.Expect(server.Client.Get(t.Context(), client.ObjectKey{Namespace: key.Namespace, Name: key.Name}, object)).To(Succeed())
		restored, err := route.FromObject(object.Object)
		i.Expect(err).NotTo(HaveOccurred())
		i.Expect(restored.Rules).To(Equal(rules))
		i.Expect(restored.Annotations).To(BeEmpty())
	}
}
