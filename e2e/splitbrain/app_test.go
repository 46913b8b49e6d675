package splitbrain

import (
	"context"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

const (
	patience          = 90 * time.Second
	glance            = 50 * time.Millisecond
	replicas          = 4
	gatewayController = "traefik.io/gateway-controller"
)

// app is one opted-in Deployment behind a gateway, in a namespace of its own.
type app struct {
	*WithT
	namespace string
}

func newApp(t *testing.T) app {
	t.Helper()
	a := app{WithT: NewWithT(t)}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	a.Expect(server.Client.Create(t.Context(), namespace)).To(Succeed())
	a.namespace = namespace.Name
	pods := map[string]string{"app": "podinfo"}
	deployment := &appsv1.Deployment{ObjectMeta: a.named("podinfo"), Spec: appsv1.DeploymentSpec{
		Replicas: ptr.To(int32(replicas)), Selector: &metav1.LabelSelector{MatchLabels: pods},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: pods}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "podinfo:v1"}}}},
	}}
	deployment.Annotations = map[string]string{config.AnnotationCanary: "true", config.AnnotationInterval: "1s",
		config.AnnotationStepWeight: "20", config.AnnotationMaxWeight: "60", config.AnnotationThreshold: "2"}
	route := &gatewayv1.HTTPRoute{ObjectMeta: a.named("podinfo")}
	route.Spec.ParentRefs = []gatewayv1.ParentReference{{Name: "gateway"}}
	backend := gatewayv1.HTTPBackendRef{}
	backend.Name, backend.Port = "podinfo", ptr.To(gatewayv1.PortNumber(80))
	route.Spec.Rules = []gatewayv1.HTTPRouteRule{{BackendRefs: []gatewayv1.HTTPBackendRef{backend}}}
	for _, object := range []client.Object{
		&gatewayv1.GatewayClass{ObjectMeta: metav1.ObjectMeta{Name: a.namespace}, Spec: gatewayv1.GatewayClassSpec{ControllerName: gatewayController}},
		&gatewayv1.Gateway{ObjectMeta: a.named("gateway"), Spec: gatewayv1.GatewaySpec{GatewayClassName: gatewayv1.ObjectName(a.namespace),
			Listeners: []gatewayv1.Listener{{Name: "http", Port: 80, Protocol: gatewayv1.HTTPProtocolType}}}},
		&corev1.Service{ObjectMeta: a.named("podinfo"), Spec: corev1.ServiceSpec{Selector: pods, Ports: []corev1.ServicePort{{Port: 80}}}},
		route, deployment, a.endpoints(),
	} {
		a.Expect(server.Client.Create(t.Context(), object)).To(Succeed())
	}
	return a
}

func (a app) named(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: a.namespace, Name: name}
}

// endpoints are those of the canary, as many as it can ever have.
func (a app) endpoints() *discoveryv1.EndpointSlice {
	slice := &discoveryv1.EndpointSlice{ObjectMeta: a.named("podinfo-canary"), AddressType: discoveryv1.AddressTypeIPv4}
	slice.Labels = map[string]string{discoveryv1.LabelServiceName: "podinfo-canary", config.LabelRole: config.RoleCanary, config.LabelPrimary: "podinfo"}
	for i := range replicas {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{Addresses: []string{fmt.Sprintf("10.0.0.%d", i+1)},
			TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: fmt.Sprintf("pod-%d", i)}})
	}
	return slice
}

// play does what the Deployment controller and the gateway's would, until the test ends. What fails because somebody else
// wrote first is done in the next round.
func (a app) play(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = wait.PollUntilContextCancel(ctx, glance, true, func(ctx context.Context) (bool, error) {
			a.makeAvailable(ctx)
			a.acceptRoute(ctx)
			return false, nil
		})
	}()
	t.Cleanup(func() { stop(); <-over })
}

func (a app) makeAvailable(ctx context.Context) {
	var deployments appsv1.DeploymentList
	_ = server.Client.List(ctx, &deployments, client.InNamespace(a.namespace))
	for i := range deployments.Items {
		d := &deployments.Items[i]
		n := *d.Spec.Replicas
		if d.Status.ObservedGeneration == d.Generation && d.Status.AvailableReplicas == n {
			continue
		}
		d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: n, UpdatedReplicas: n, AvailableReplicas: n, ReadyReplicas: n}
		_ = server.Client.Status().Update(ctx, d)
	}
}

func (a app) acceptRoute(ctx context.Context) {
	var route gatewayv1.HTTPRoute
	if err := server.Client.Get(ctx, client.ObjectKey{Namespace: a.namespace, Name: "podinfo"}, &route); err != nil {
		return
	}
	if parents := route.Status.Parents; len(parents) > 0 && parents[0].Conditions[0].ObservedGeneration == route.Generation {
		return
	}
	status := gatewayv1.RouteParentStatus{ParentRef: route.Spec.ParentRefs[0], ControllerName: gatewayController}
	for _, kind := range []string{"Accepted", "ResolvedRefs"} {
		status.Conditions = append(status.Conditions, metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: kind,
			ObservedGeneration: route.Generation, LastTransitionTime: metav1.Now()})
	}
	route.Status.Parents = []gatewayv1.RouteParentStatus{status}
	_ = server.Client.Status().Update(ctx, &route)
}

func (a app) canary(ctx context.Context) *v1alpha1.Canary {
	canary := &v1alpha1.Canary{}
	_ = server.Client.Get(ctx, client.ObjectKey{Namespace: a.namespace, Name: "podinfo"}, canary)
	return canary
}

// rollOut gives the Deployment an image and waits until the rollout of it, the so-many-th, has ended and left nothing.
func (a app) rollOut(ctx context.Context, image string, number int) {
	d := &appsv1.Deployment{ObjectMeta: a.named("podinfo")}
	patch := fmt.Appendf(nil, `{"spec":{"template":{"spec":{"containers":[{"name":"app","image":%q}]}}}}`, image)
	a.Expect(server.Client.Patch(ctx, d, client.RawPatch(types.StrategicMergePatchType, patch))).To(Succeed())
	a.Eventually(func() bool {
		canary := a.canary(ctx)
		var left appsv1.DeploymentList
		a.Expect(server.Client.List(ctx, &left, client.InNamespace(a.namespace))).To(Succeed())
		return len(canary.Status.History) == number && len(canary.Finalizers) == 0 && len(left.Items) == 1
	}, patience, glance).Should(BeTrue(), func() string { return fmt.Sprintf("%s: %+v", a.namespace, a.canary(ctx).Status) })
}
