package process

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"

	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/testserver"
)

const shopReplicas = 4

// shop is a namespace with one application behind a gateway. Prometheus knows its requests.
type shop struct {
	*cluster
	prometheus string
	// failing is true while Prometheus reports that the canary answers with errors.
	failing atomic.Bool
	// stopControllers stops the controllers of the namespace, which newShop starts.
	stopControllers func()
}

const shopNamespace = "shop"

// newShop creates everything but does not opt in.
func (c *cluster) newShop() *shop {
	c.t.Helper()
	s := &shop{cluster: c}
	metrics := httptest.NewServer(http.HandlerFunc(s.answer))
	c.t.Cleanup(metrics.Close)
	s.prometheus = metrics.URL
	named := metav1.ObjectMeta{Namespace: shopNamespace, Name: "podinfo"}
	pods := map[string]string{"app": "podinfo"}
	gateway := &gatewayv1.Gateway{ObjectMeta: metav1.ObjectMeta{Namespace: shopNamespace, Name: "gateway"}, Spec: gatewayv1.GatewaySpec{
		GatewayClassName: "traefik", Listeners: []gatewayv1.Listener{{Name: "http", Port: 80, Protocol: gatewayv1.HTTPProtocolType}}}}
	deployment := &appsv1.Deployment{ObjectMeta: named, Spec: appsv1.DeploymentSpec{
		Replicas: ptr.To(int32(shopReplicas)), Selector: &metav1.LabelSelector{MatchLabels: pods},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: pods}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "podinfo:v1"}}}},
	}}
	deployment.Annotations = map[string]string{"sluice.dev/guard": "false", "sluice.dev/interval": "1s", "sluice.dev/step-weight": "25", "sluice.dev/max-weight": "50", "sluice.dev/threshold": "1", "sluice.dev/metrics": "traefik"}
	route := &gatewayv1.HTTPRoute{ObjectMeta: named}
	route.Spec.ParentRefs = []gatewayv1.ParentReference{{Name: "gateway"}}
	backend := gatewayv1.HTTPBackendRef{}
	backend.Name, backend.Port = "podinfo", ptr.To(gatewayv1.PortNumber(80))
	route.Spec.Rules = []gatewayv1.HTTPRouteRule{{BackendRefs: []gatewayv1.HTTPBackendRef{backend}}}
	calls := &gatewayv1.GRPCRoute{ObjectMeta: named}
	calls.Spec.ParentRefs = route.Spec.ParentRefs
	calls.Spec.Rules = []gatewayv1.GRPCRouteRule{{BackendRefs: []gatewayv1.GRPCBackendRef{{BackendRef: backend.BackendRef}}}}
	for _, object := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: shopNamespace}},
		&gatewayv1.GatewayClass{ObjectMeta: metav1.ObjectMeta{Name: "traefik"}, Spec: gatewayv1.GatewayClassSpec{ControllerName: testserver.GatewayController}},
		&corev1.Service{ObjectMeta: named, Spec: corev1.ServiceSpec{Selector: pods, Ports: []corev1.ServicePort{{Port: 80}}}},
		gateway, deployment, route, calls,
	} {
		c.Expect(c.client.Create(c.t.Context(), object)).To(Succeed())
	}
	s.startControllers()
	return s
}

func (s *shop) startControllers() {
	s.stopControllers = s.server.PlayControllers(shopNamespace)
	s.t.Cleanup(s.stopControllers)
}

// answer answers like a Prometheus that has seen enough requests.
func (s *shop) answer(w http.ResponseWriter, r *http.Request) {
	value := 100
	switch query := r.FormValue("query"); {
	case strings.Contains(query, "histogram_quantile"):
		value = 10
	case strings.Contains(query, `code=~"5.."`) && s.failing.Load():
		value = 0
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"%d"]}]}}`, value)
}

// patch merges into the Deployment, as an administrator. An empty value removes the annotation.
func (s *shop) patch(content string) {
	s.t.Helper()
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: shopNamespace, Name: "podinfo"}}
	s.Expect(s.client.Patch(s.t.Context(), d, client.RawPatch(types.MergePatchType, []byte(content)))).To(Succeed())
}

func (s *shop) optedIn(value bool) {
	s.t.Helper()
	s.patch(fmt.Sprintf(`{"metadata":{"annotations":{"sluice.dev/canary":"%t"}}}`, value))
}

func (s *shop) setImage(image string) {
	s.t.Helper()
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: shopNamespace, Name: "podinfo"}}
	patch := fmt.Appendf(nil, `{"spec":{"template":{"spec":{"containers":[{"name":"app","image":%q}]}}}}`, image)
	s.Expect(s.client.Patch(s.t.Context(), d, client.RawPatch(types.StrategicMergePatchType, patch))).To(Succeed())
}

func (s *shop) canary() *v1alpha1.Canary {
	canary := &v1alpha1.Canary{}
	_ = s.client.Get(s.t.Context(), client.ObjectKey{Namespace: shopNamespace, Name: "podinfo"}, canary)
	return canary
}

// waitFor waits until the Canary's status is the expected one. If it never is, the failure shows the status and the output of
// the process.
func (s *shop) waitFor(p *process, what string, holds func(v1alpha1.CanaryStatus) bool) {
	s.t.Helper()
	s.Eventually(func() bool { return holds(s.canary().Status) }, patience, glance).Should(BeTrue(), func() string {
		return fmt.Sprintf("%s; it is %+v\n%s", what, s.canary().Status, p.lines())
	})
}

func (s *shop) waitForPhase(p *process, phase v1alpha1.Phase) {
	s.t.Helper()
	s.waitFor(p, "phase "+string(phase), func(status v1alpha1.CanaryStatus) bool { return status.Phase == phase })
}

// waitForEnd waits for a phase that ends a rollout, and for a history of this length.
func (s *shop) waitForEnd(p *process, phase v1alpha1.Phase, rollouts int) {
	s.t.Helper()
	s.waitFor(p, "phase "+string(phase), func(status v1alpha1.CanaryStatus) bool {
		return status.Phase == phase && len(status.History) == rollouts
	})
}

// reach makes the chart's webhooks reachable on a port of this machine, through the Service that they name.
func (c *cluster) reach(port int) {
	c.t.Helper()
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: release, Name: "sluice-webhook"}}
	external := []byte(`{"spec":{"type":"ExternalName","externalName":"localhost"}}`)
	c.Expect(c.client.Patch(c.t.Context(), service, client.RawPatch(types.MergePatchType, external))).To(Succeed())
	c.changeHooks(func(_ string, called *admissionregistrationv1.WebhookClientConfig) {
		called.Service.Port = ptr.To(int32(port))
	})
}

// changeHooks changes how the webhooks are called. The controller writes their authority at the same time.
func (c *cluster) changeHooks(change func(name string, called *admissionregistrationv1.WebhookClientConfig)) {
	c.t.Helper()
	for _, name := range []string{"zz-sluice", "zzzzzzzz-sluice"} {
		c.Expect(retry.RetryOnConflict(retry.DefaultBackoff, func() error {
			var mutating admissionregistrationv1.MutatingWebhookConfiguration
			if err := c.client.Get(c.t.Context(), client.ObjectKey{Name: name}, &mutating); err != nil {
				return err
			}
			for i := range mutating.Webhooks {
				change(mutating.Webhooks[i].Name, &mutating.Webhooks[i].ClientConfig)
			}
			return c.client.Update(c.t.Context(), &mutating)
		})).To(Succeed())
	}
	c.Expect(retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		var validating admissionregistrationv1.ValidatingWebhookConfiguration
		if err := c.client.Get(c.t.Context(), client.ObjectKey{Name: "zz-sluice"}, &validating); err != nil {
			return err
		}
		for i := range validating.Webhooks {
			change(validating.Webhooks[i].Name, &validating.Webhooks[i].ClientConfig)
		}
		return c.client.Update(c.t.Context(), &validating)
	})).To(Succeed())
}

// events returns the messages of the Canary's events with a reason.
func (s *shop) events(reason string) []string {
	s.t.Helper()
	var events corev1.EventList
	s.Expect(s.client.List(s.t.Context(), &events, client.InNamespace(shopNamespace))).To(Succeed())
	var messages []string
	for _, event := range events.Items {
		if event.Reason == reason && event.InvolvedObject.Kind == "Canary" {
			messages = append(messages, event.Message)
		}
	}
	return messages
}
