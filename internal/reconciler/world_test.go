package reconciler

import (
	"context"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/event"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

const (
	patience = time.Minute
	glance   = 5 * time.Millisecond
	// gatewayController is one whose metrics are known.
	gatewayController = "traefik.io/gateway-controller"
)

// subject is the Deployment of a world, in its first namespace.
var subject = types.NamespacedName{Namespace: "shop", Name: "podinfo"}

// world keeps the objects of a cluster in memory. Only the test runs ticks. Pods are available at once, and the gateway takes
// over each change of a route at once: every object stays at generation 1, which their controllers have observed.
type world struct {
	*WithT
	t      *testing.T
	client client.WithWatch
}

// newWorld has an opted-in Deployment with everything that it needs in each namespace.
func newWorld(t *testing.T, namespaces ...string) *world {
	t.Helper()
	w := &world{WithT: NewWithT(t), t: t}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, gatewayv1.Install, v1alpha1.AddToScheme} {
		w.Expect(add(scheme)).To(Succeed())
	}
	class := &gatewayv1.GatewayClass{ObjectMeta: metav1.ObjectMeta{Name: "gateway"}}
	class.Spec.ControllerName = gatewayController
	objects := []client.Object{class}
	for _, namespace := range namespaces {
		objects = append(objects, app(namespace)...)
	}
	w.client = interceptor.NewClient(
		fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
			WithStatusSubresource(&v1alpha1.Canary{}, &appsv1.Deployment{}, &gatewayv1.HTTPRoute{}).Build(),
		interceptor.Funcs{Create: w.create})
	return w
}

// create gives an object what an API server and the Deployment controller would.
func (w *world) create(ctx context.Context, next client.WithWatch, object client.Object, options ...client.CreateOption) error {
	object.SetUID(types.UID(fmt.Sprintf("%T %s/%s", object, object.GetNamespace(), object.GetName())))
	object.SetGeneration(1)
	if err := next.Create(ctx, object, options...); err != nil {
		return err
	}
	if made, is := object.(*appsv1.Deployment); is {
		made.Status = available(*made.Spec.Replicas)
		return next.Status().Update(ctx, made)
	}
	return nil
}

func available(replicas int32) appsv1.DeploymentStatus {
	return appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: replicas, UpdatedReplicas: replicas, AvailableReplicas: replicas, ReadyReplicas: replicas}
}

// app is an opted-in Deployment with its Service, its route, its gateway, and the endpoints of its canary.
func app(namespace string) []client.Object {
	named := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespace, Name: name, Generation: 1, UID: types.UID(namespace + "/" + name)}
	}
	pods := map[string]string{"app": "podinfo"}
	gateway := &gatewayv1.Gateway{ObjectMeta: named("gateway")}
	gateway.Spec = gatewayv1.GatewaySpec{GatewayClassName: "gateway", Listeners: []gatewayv1.Listener{{Name: "http", Port: 80, Protocol: gatewayv1.HTTPProtocolType}}}
	deployment := &appsv1.Deployment{ObjectMeta: named("podinfo"), Status: available(4), Spec: appsv1.DeploymentSpec{
		Replicas: ptr.To(int32(4)), Selector: &metav1.LabelSelector{MatchLabels: pods},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: pods}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "podinfo:v1"}}}},
	}}
	deployment.Annotations = map[string]string{config.AnnotationCanary: "true", config.AnnotationInterval: "1s"}
	service := &corev1.Service{ObjectMeta: named("podinfo"), Spec: corev1.ServiceSpec{Selector: pods, Ports: []corev1.ServicePort{{Port: 80}}}}
	endpoints := &discoveryv1.EndpointSlice{ObjectMeta: named("podinfo-canary"), AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints: []discoveryv1.Endpoint{{Addresses: []string{"10.0.0.1"}, TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: "pod-0"}}}}
	endpoints.Labels = map[string]string{discoveryv1.LabelServiceName: "podinfo-canary", config.LabelRole: config.RoleCanary, config.LabelPrimary: "podinfo"}
	return []client.Object{gateway, deployment, service, endpoints, accepted(named("podinfo"))}
}

// accepted is a route that its gateway has taken over.
func accepted(meta metav1.ObjectMeta) *gatewayv1.HTTPRoute {
	r := &gatewayv1.HTTPRoute{ObjectMeta: meta}
	r.Spec.ParentRefs = []gatewayv1.ParentReference{{Name: "gateway"}}
	backend := gatewayv1.HTTPBackendRef{}
	backend.Name, backend.Port = "podinfo", ptr.To(gatewayv1.PortNumber(80))
	r.Spec.Rules = []gatewayv1.HTTPRouteRule{{BackendRefs: []gatewayv1.HTTPBackendRef{backend}}}
	parent := gatewayv1.RouteParentStatus{ParentRef: r.Spec.ParentRefs[0], ControllerName: gatewayController}
	for _, kind := range []string{"Accepted", "ResolvedRefs"} {
		parent.Conditions = append(parent.Conditions, metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: kind, ObservedGeneration: 1, LastTransitionTime: metav1.Now()})
	}
	r.Status.Parents = []gatewayv1.RouteParentStatus{parent}
	return r
}

// well answers queries like a Prometheus with enough requests, all of them successful and quick.
func well(_ context.Context, queries []analysis.Query) []analysis.Sample {
	samples := make([]analysis.Sample, 0, len(queries))
	for _, query := range queries {
		samples = append(samples, analysis.Sample{Check: query.Check, Metric: query.Metric, Value: 100})
	}
	return samples
}

// reconciler is one that reads from the client and writes to it.
func (w *world) reconciler(c client.WithWatch, options Options) *Reconciler {
	options.Prometheus, options.Query, options.Metrics = true, well, prometheus.NewRegistry()
	cache := &sharing{}
	w.t.Cleanup(func() { w.Expect(cache.changed()).To(BeEmpty(), "ticks changed what they share with the cache") })
	r := &Reconciler{client: c, recorder: record.NewFakeRecorder(1000), wake: make(chan event.GenericEvent, wakeBuffer), reader: &reader{
		cached: cache.over(c), live: c, routes: cache.over(c), options: options, memory: newMemory(options)}}
	r.kinds.Store(&kinds{routes: []string{route.HTTP}})
	return r
}

// until runs ticks of the subject until its state is so.
func (w *world) until(r *Reconciler, what string, holds func(observed.State) bool) {
	w.t.Helper()
	w.Eventually(func() bool {
		_, err := r.Reconcile(w.t.Context(), ctrl.Request{NamespacedName: subject})
		w.Expect(err).NotTo(HaveOccurred())
		return holds(w.canary().Status)
	}, patience, glance).Should(BeTrue(), func() string { return fmt.Sprintf("%s; it is %+v", what, w.canary().Status) })
}

// initialize gives the Deployment of each namespace its Canary.
func (w *world) initialize(namespaces ...string) {
	w.t.Helper()
	r := w.reconciler(w.client, Options{})
	for _, namespace := range namespaces {
		key := types.NamespacedName{Namespace: namespace, Name: subject.Name}
		canary := &v1alpha1.Canary{}
		w.Eventually(func() v1alpha1.Phase {
			_, err := r.Reconcile(w.t.Context(), ctrl.Request{NamespacedName: key})
			w.Expect(err).NotTo(HaveOccurred())
			w.Expect(w.client.Get(w.t.Context(), key, canary)).To(Succeed())
			return canary.Status.Phase
		}, patience, glance).Should(Equal(v1alpha1.PhaseInitialized), func() string { return canary.Status.Message })
	}
}

func (w *world) canary() *v1alpha1.Canary {
	canary := &v1alpha1.Canary{}
	w.Expect(w.client.Get(w.t.Context(), subject, canary)).To(Succeed())
	return canary
}

func (w *world) primary() *appsv1.Deployment {
	primary := &appsv1.Deployment{}
	w.Expect(w.client.Get(w.t.Context(), subject, primary)).To(Succeed())
	return primary
}

// backends are the Services that the route sends to.
func (w *world) backends() (backends []string) {
	r := &gatewayv1.HTTPRoute{}
	w.Expect(w.client.Get(w.t.Context(), subject, r)).To(Succeed())
	for _, rule := range r.Spec.Rules {
		for _, backend := range rule.BackendRefs {
			backends = append(backends, string(backend.Name))
		}
	}
	return backends
}

// candidateFor returns a candidate for a Deployment.
func candidateFor(primary *appsv1.Deployment) *workload.Candidate {
	pods := primary.Spec.Template.DeepCopy()
	pods.Spec.Containers[0].Image = "podinfo:v2"
	template, err := workload.TemplateOf(*pods)
	if err != nil {
		panic(err)
	}
	return &workload.Candidate{Hash: template.Hash(), Template: template, By: "jane", At: time.Now()}
}

// ask changes the spec of the Canary to what admission would store.
func (w *world) ask(change func(*v1alpha1.CanarySpec)) {
	w.t.Helper()
	canary := w.canary()
	change(&canary.Spec)
	w.Expect(w.client.Update(w.t.Context(), canary)).To(Succeed())
}

func byJane() v1alpha1.Stamp {
	now := metav1.Now()
	return v1alpha1.Stamp{By: "jane", At: &now}
}

// inFlight is a world with a rollout in its first step, which is paused so that the state does not change by itself. The
// reconciler is the one that brought it there.
func inFlight(t *testing.T) (*world, *Reconciler) {
	t.Helper()
	w := newWorld(t, subject.Namespace)
	w.initialize(subject.Namespace)
	r := w.reconciler(w.client, Options{})
	primary := w.primary()
	text, err := candidateFor(primary).Encode()
	w.Expect(err).NotTo(HaveOccurred())
	primary.Annotations[config.AnnotationCandidate] = text
	w.Expect(w.client.Update(t.Context(), primary)).To(Succeed())
	w.until(r, "the first step in effect", observed.Checked)
	w.ask(func(spec *v1alpha1.CanarySpec) { spec.Paused = &v1alpha1.Pause{Stamp: byJane()} })
	w.until(r, "paused", func(s observed.State) bool { return s.Paused != nil })
	w.Expect(w.backends()).To(Equal([]string{"podinfo", "podinfo-canary"}))
	return w, r
}
