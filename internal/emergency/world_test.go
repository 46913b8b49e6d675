package emergency

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// cluster is what the tests begin with: Sluice in mid-rollout of podinfo, beside a rollout of cart that shares its route.
type cluster struct {
	controller              *appsv1.Deployment
	podinfo, podinfoCanary  *appsv1.Deployment
	cart, cartCanary        *appsv1.Deployment
	lease                   *coordinationv1.Lease
	podinfoState, cartState *v1alpha1.Canary
	route                   *gatewayv1.HTTPRoute
	calls                   *gatewayv1.GRPCRoute
	hooks                   []client.Object
}

func named(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name, Generation: 3}
}

// deployment has as many available replicas as it wants.
func deployment(namespace, name, image string, replicas int32) *appsv1.Deployment {
	pods := map[string]string{"app": name}
	return &appsv1.Deployment{ObjectMeta: named(namespace, name),
		Spec: appsv1.DeploymentSpec{Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: pods},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: pods}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: image}}}}},
		Status: appsv1.DeploymentStatus{ObservedGeneration: 3, Replicas: replicas, AvailableReplicas: replicas}}
}

func hashOf(t *testing.T, d *appsv1.Deployment) string {
	t.Helper()
	template, err := workload.TemplateOf(d.Spec.Template)
	if err != nil {
		t.Fatal(err)
	}
	return template.Hash()
}

// held is a Deployment that holds a candidate back, with its canary and its Canary at the second step.
func held(t *testing.T, name string) (primary, canary *appsv1.Deployment, state *v1alpha1.Canary) {
	t.Helper()
	primary, canary = deployment("shop", name, name+":v1", 2), deployment("shop", name+"-canary", name+":v2", 2)
	canary.Labels = map[string]string{config.LabelRole: config.RoleCanary}
	template, err := workload.TemplateOf(canary.Spec.Template)
	if err != nil {
		t.Fatal(err)
	}
	text, err := workload.Candidate{Hash: template.Hash(), Template: template, By: "jane", At: noon}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	primary.Annotations = map[string]string{config.AnnotationCanary: "true", config.AnnotationCandidate: text, "deployment.kubernetes.io/revision": "1"}
	state = &v1alpha1.Canary{ObjectMeta: named("shop", name)}
	state.Finalizers = []string{config.Finalizer}
	state.Status = v1alpha1.CanaryStatus{Phase: v1alpha1.PhaseProgressing, CanaryWeight: 50, Rollout: &v1alpha1.RolloutStatus{Step: v1alpha1.StepStatus{Number: 2}}}
	state.Status.Primary = &v1alpha1.PrimaryStatus{Template: hashOf(t, primary), Revision: "1"}
	return primary, canary, state
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{controller: deployment("sluice-system", Deployment, "sluice:v1", 2), hooks: webhooks()}
	c.podinfo, c.podinfoCanary, c.podinfoState = held(t, "podinfo")
	c.cart, c.cartCanary, c.cartState = held(t, "cart")
	renewed := metav1.NewMicroTime(noon.Add(-time.Hour))
	c.lease = &coordinationv1.Lease{ObjectMeta: named("sluice-system", Lease),
		Spec: coordinationv1.LeaseSpec{HolderIdentity: ptr.To("sluice-1"), RenewTime: &renewed, LeaseDurationSeconds: ptr.To(int32(15))}}
	c.route, c.calls = &gatewayv1.HTTPRoute{ObjectMeta: named("shop", "web")}, &gatewayv1.GRPCRoute{ObjectMeta: named("shop", "calls")}
	backend := func(name string) gatewayv1.BackendRef {
		return gatewayv1.BackendRef{BackendObjectReference: gatewayv1.BackendObjectReference{Name: gatewayv1.ObjectName(name), Port: ptr.To(gatewayv1.PortNumber(80))}}
	}
	for _, name := range []string{"podinfo", "cart"} {
		c.route.Spec.Rules = append(c.route.Spec.Rules, gatewayv1.HTTPRouteRule{BackendRefs: []gatewayv1.HTTPBackendRef{{BackendRef: backend(name)}}})
	}
	c.calls.Spec.Rules = []gatewayv1.GRPCRouteRule{{BackendRefs: []gatewayv1.GRPCBackendRef{{BackendRef: backend("podinfo")}}}}
	return c
}

func webhooks() []client.Object {
	labels := map[string]string{"app.kubernetes.io/name": "sluice"}
	service := admissionregistrationv1.WebhookClientConfig{Service: &admissionregistrationv1.ServiceReference{Namespace: "sluice-system", Name: "sluice-webhook"}, CABundle: []byte("authority")}
	mutating := &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "zz-sluice", Labels: labels}}
	for name, policy := range map[string]admissionregistrationv1.FailurePolicyType{"deployments.sluice.dev": admissionregistrationv1.Fail, "routes.sluice.dev": admissionregistrationv1.Ignore} {
		mutating.Webhooks = append(mutating.Webhooks, admissionregistrationv1.MutatingWebhook{Name: name, FailurePolicy: &policy, ClientConfig: service,
			MatchConditions: []admissionregistrationv1.MatchCondition{{Name: "opted-in", Expression: "true"}}})
	}
	validating := &admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "zz-sluice", Labels: labels},
		Webhooks: []admissionregistrationv1.ValidatingWebhook{{Name: "deployments.sluice.dev", ClientConfig: service}}}
	kept := &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "zzzzzzzz-sluice", Labels: labels},
		Webhooks: []admissionregistrationv1.MutatingWebhook{{Name: "kept.sluice.dev", ClientConfig: service}}}
	return []client.Object{mutating, kept, validating}
}

// splits are on the HTTPRoute: podinfo has everything that a split can have.
func splits() []route.Split {
	return []route.Split{
		{Deployment: "podinfo", Primary: "podinfo", Canary: "podinfo-canary", Weight: 50, Mirror: 20,
			Match:    []route.Match{{Headers: []route.ValueMatch{{Name: "x-canary", Value: "true"}}}},
			Affinity: &route.Affinity{Cookie: route.Cookie{Name: "sluice", Value: "v2", Attributes: "Max-Age=60"}}},
		{Deployment: "cart", Primary: "cart", Canary: "cart-canary", Weight: 20},
	}
}

// build returns a client for the cluster, with the splits on its routes.
func (c *cluster) build(t *testing.T) client.WithWatch {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, gatewayv1.Install, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	objects := append(c.hooks[:len(c.hooks):len(c.hooks)], c.controller, c.podinfo, c.podinfoCanary, c.cart, c.cartCanary, c.podinfoState, c.cartState)
	if c.lease != nil {
		objects = append(objects, c.lease)
	}
	for typed, stated := range map[client.Object][]route.Split{c.route: splits(), c.calls: splits()[:1]} {
		objects = append(objects, rendered(t, scheme, typed, stated))
	}
	inMemory := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithStatusSubresource(&v1alpha1.Canary{}).Build()
	return interceptor.NewClient(inMemory, interceptor.Funcs{SubResourcePatch: scaleInMemory})
}

func rendered(t *testing.T, scheme *runtime.Scheme, typed client.Object, stated []route.Split) client.Object {
	t.Helper()
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(typed)
	if err != nil {
		t.Fatal(err)
	}
	object := &unstructured.Unstructured{Object: fields}
	kinds, _, err := scheme.ObjectKinds(typed)
	if err != nil {
		t.Fatal(err)
	}
	object.SetGroupVersionKind(kinds[0])
	current, err := route.FromObject(object.Object)
	if err != nil {
		t.Fatal(err)
	}
	for _, split := range stated {
		if current, err = route.WithSplit(current, split); err != nil {
			t.Fatal(err)
		}
	}
	if err := current.Into(object.Object); err != nil {
		t.Fatal(err)
	}
	return object
}

// scaleInMemory scales a Deployment, which then has the replicas at once.
func scaleInMemory(ctx context.Context, c client.Client, _ string, object client.Object, patch client.Patch, _ ...client.SubResourcePatchOption) error {
	current := &appsv1.Deployment{}
	if err := c.Get(ctx, client.ObjectKeyFromObject(object), current); err != nil {
		return err
	}
	data, err := patch.Data(object)
	if err != nil {
		return err
	}
	var replicas int32
	if _, err := fmt.Sscanf(string(data), `{"spec":{"replicas":%d}}`, &replicas); err != nil {
		return err
	}
	current.Spec.Replicas, current.Status.AvailableReplicas = &replicas, replicas
	return c.Update(ctx, current)
}

// told are the writes in words.
func told(steps []Step) string {
	var text strings.Builder
	for _, step := range steps {
		fmt.Fprintf(&text, "%s: %s\n", step.Object, step.Does)
	}
	return text.String()
}
