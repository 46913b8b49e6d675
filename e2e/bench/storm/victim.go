//go:build !windows

package main

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/e2e/testserver"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

const (
	victimNamespace = "victim"
	victimName      = "podinfo"
	// limit is how long the weight may take. patience is for what is not measured.
	limit    = time.Minute
	patience = 10 * limit
	glance   = 10 * time.Millisecond
)

var key = client.ObjectKey{Namespace: victimNamespace, Name: victimName}

// victim is the tenant with the bad canary.
type victim struct {
	server *testserver.Server
	round  int

	mu  sync.Mutex
	bad bool
	// told is when Prometheus first said that the canary is bad.
	told time.Time
}

// answer is a Prometheus that has healthy samples until the canary goes bad.
func (v *victim) answer(_ context.Context, queries []analysis.Query) []analysis.Sample {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.bad {
		return testserver.Samples(queries, 100)
	}
	if v.told.IsZero() {
		v.told = time.Now()
	}
	return testserver.Samples(queries, 50)
}

func (v *victim) set(bad bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.bad, v.told = bad, time.Time{}
}

func (v *victim) create(ctx context.Context) error {
	meta := metav1.ObjectMeta{Namespace: victimNamespace, Name: victimName}
	class := &gatewayv1.GatewayClass{ObjectMeta: metav1.ObjectMeta{Name: "gateway"}}
	class.Spec.ControllerName = testserver.GatewayController
	pods := map[string]string{"app": victimName}
	service := &corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{Selector: pods, Ports: []corev1.ServicePort{{Port: 80}}}}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: victimNamespace}}
	for _, object := range []client.Object{namespace, class, gateway(), service, route(meta), deployment(meta, pods)} {
		if err := v.server.Client.Create(ctx, object); err != nil {
			return fmt.Errorf("create the victim: %w", err)
		}
	}
	return v.until(ctx, patience, "it is initialized", func(s v1alpha1.CanaryStatus) bool { return s.Phase == v1alpha1.PhaseInitialized })
}

func gateway() *gatewayv1.Gateway {
	g := &gatewayv1.Gateway{ObjectMeta: metav1.ObjectMeta{Namespace: victimNamespace, Name: "gateway"}}
	g.Spec = gatewayv1.GatewaySpec{GatewayClassName: "gateway", Listeners: []gatewayv1.Listener{{Name: "http", Port: 80, Protocol: gatewayv1.HTTPProtocolType}}}
	return g
}

// route sends to the Service of a Deployment.
func route(meta metav1.ObjectMeta) *gatewayv1.HTTPRoute {
	meta.Annotations = nil
	r := &gatewayv1.HTTPRoute{ObjectMeta: meta}
	r.Spec.ParentRefs = []gatewayv1.ParentReference{{Name: "gateway"}}
	backend := gatewayv1.HTTPBackendRef{}
	backend.Name, backend.Port = gatewayv1.ObjectName(meta.Name), ptr.To(gatewayv1.PortNumber(80))
	r.Spec.Rules = []gatewayv1.HTTPRouteRule{{BackendRefs: []gatewayv1.HTTPBackendRef{backend}}}
	return r
}

// deployment is an opted-in Deployment.
func deployment(meta metav1.ObjectMeta, pods map[string]string) *appsv1.Deployment {
	meta.Annotations = maps.Clone(optedIn)
	return &appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{Replicas: ptr.To(int32(4)), Selector: &metav1.LabelSelector{MatchLabels: pods},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: pods}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "podinfo:v1"}}}}}}
}

// goBad rolls a canary out that goes bad at its first step. It returns the time from the first failed check until the route
// sends nothing to the canary; the limit with an error.
func (v *victim) goBad(ctx context.Context) (time.Duration, error) {
	v.round++
	v.set(false)
	if err := v.hold(ctx); err != nil {
		return limit, err
	}
	if err := v.until(ctx, limit, "its first step is in effect", observed.Checked); err != nil {
		return limit, err
	}
	v.set(true)
	if err := until(ctx, limit, "the route sends nothing to the canary", func() bool { return v.weight(ctx) == 0 }); err != nil {
		return limit, err
	}
	gone := time.Now()
	v.mu.Lock()
	told := v.told
	v.mu.Unlock()
	return gone.Sub(told), v.recover(ctx)
}

// recover ends the rollout. Without admission, nobody marks the candidate as failed, so it is taken back.
func (v *victim) recover(ctx context.Context) error {
	if err := v.annotate(ctx, "null"); err != nil {
		return err
	}
	return v.until(ctx, patience, "its rollout has ended", func(s v1alpha1.CanaryStatus) bool { return s.Rollout == nil })
}

// hold holds a new candidate back in place of admission.
func (v *victim) hold(ctx context.Context) error {
	pods := deployment(metav1.ObjectMeta{}, map[string]string{"app": victimName}).Spec.Template
	text, err := candidate(pods, fmt.Sprintf("podinfo:bad-%d", v.round))
	if err != nil {
		return err
	}
	return v.annotate(ctx, strconv.Quote(text))
}

// annotate sets the candidate of the Deployment to a JSON value.
func (v *victim) annotate(ctx context.Context, value string) error {
	patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%s}}}`, config.AnnotationCandidate, value)
	return v.server.Client.Patch(ctx, &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: victimNamespace, Name: victimName}}, client.RawPatch(types.MergePatchType, patch))
}

// candidate is the annotation of a Deployment that holds this image back.
func candidate(pods corev1.PodTemplateSpec, image string) (string, error) {
	pods = *pods.DeepCopy()
	pods.Spec.Containers[0].Image = image
	template, err := workload.TemplateOf(pods)
	if err != nil {
		return "", err
	}
	return workload.Candidate{Hash: template.Hash(), Template: template, By: "jane", At: time.Now()}.Encode()
}

// weight is what the route sends to the canary.
func (v *victim) weight(ctx context.Context) (weight int32) {
	var r gatewayv1.HTTPRoute
	if err := v.server.Client.Get(ctx, key, &r); err != nil {
		return -1
	}
	for _, backend := range r.Spec.Rules[0].BackendRefs {
		if backend.Name != victimName {
			weight += ptr.Deref(backend.Weight, 1)
		}
	}
	return weight
}

func (v *victim) until(ctx context.Context, within time.Duration, what string, holds func(v1alpha1.CanaryStatus) bool) error {
	var canary v1alpha1.Canary
	err := until(ctx, within, what, func() bool { return v.server.Client.Get(ctx, key, &canary) == nil && holds(canary.Status) })
	if err != nil {
		return fmt.Errorf("%w; it is %s: %s", err, canary.Status.Phase, canary.Status.Message)
	}
	return nil
}

func until(ctx context.Context, within time.Duration, what string, holds func() bool) error {
	err := wait.PollUntilContextTimeout(ctx, glance, within, true, func(context.Context) (bool, error) { return holds(), nil })
	if err != nil {
		return fmt.Errorf("wait until %s: %w", what, err)
	}
	return nil
}
