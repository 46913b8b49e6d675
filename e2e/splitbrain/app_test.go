package splitbrain

import (
	"context"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/e2e/testserver"
)

const (
	patience = 90 * time.Second
	glance   = 50 * time.Millisecond
	replicas = 4
)

// app is an opted-in Deployment behind a gateway, in its own namespace.
type app struct {
	*WithT
	namespace string
}

func newApp(t *testing.T) app {
	t.Helper()
	a := app{NewWithT(t), server.NewNamespace(t)}
	pods := map[string]string{"app": "podinfo"}
	deployment := &appsv1.Deployment{ObjectMeta: a.named("podinfo"), Spec: appsv1.DeploymentSpec{
		Replicas: ptr.To(int32(replicas)), Selector: &metav1.LabelSelector{MatchLabels: pods},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: pods}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "podinfo:v1"}}}},
	}}
	deployment.Annotations = map[string]string{config.AnnotationCanary: "true", config.AnnotationGuard: "false", config.AnnotationInterval: "1s",
		config.AnnotationStepWeight: "20", config.AnnotationMaxWeight: "60", config.AnnotationThreshold: "2"}
	route := &gatewayv1.HTTPRoute{ObjectMeta: a.named("podinfo")}
	route.Spec.ParentRefs = []gatewayv1.ParentReference{{Name: "gateway"}}
	backend := gatewayv1.HTTPBackendRef{}
	backend.Name, backend.Port = "podinfo", ptr.To(gatewayv1.PortNumber(80))
	route.Spec.Rules = []gatewayv1.HTTPRouteRule{{BackendRefs: []gatewayv1.HTTPBackendRef{backend}}}
	for _, object := range []client.Object{
		&gatewayv1.GatewayClass{ObjectMeta: metav1.ObjectMeta{Name: a.namespace}, Spec: gatewayv1.GatewayClassSpec{ControllerName: testserver.GatewayController}},
		&gatewayv1.Gateway{ObjectMeta: a.named("gateway"), Spec: gatewayv1.GatewaySpec{GatewayClassName: gatewayv1.ObjectName(a.namespace),
			Listeners: []gatewayv1.Listener{{Name: "http", Port: 80, Protocol: gatewayv1.HTTPProtocolType}}}},
		&corev1.Service{ObjectMeta: a.named("podinfo"), Spec: corev1.ServiceSpec{Selector: pods, Ports: []corev1.ServicePort{{Port: 80}}}},
		route, deployment,
	} {
		a.Expect(server.Client.Create(t.Context(), object)).To(Succeed())
	}
	return a
}

func (a app) named(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: a.namespace, Name: name}
}

func (a app) canary(ctx context.Context) *v1alpha1.Canary {
	canary := &v1alpha1.Canary{}
	_ = server.Client.Get(ctx, client.ObjectKey{Namespace: a.namespace, Name: "podinfo"}, canary)
	return canary
}

// rollOut gives the Deployment an image and waits until its rollout has ended and left nothing behind. The number counts the
// rollouts.
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
