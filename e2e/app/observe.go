package app

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// Events returns the events of Canaries in the namespace, oldest first.
func (a *App) Events(ctx context.Context) ([]corev1.Event, error) {
	var list corev1.EventList
	if err := a.Client.List(ctx, &list, client.InNamespace(a.Namespace)); err != nil {
		return nil, fmt.Errorf("list events: %w", err)
	}
	var kept []corev1.Event
	for _, e := range list.Items {
		if e.InvolvedObject.Kind == "Canary" {
			kept = append(kept, e)
		}
	}
	return kept, nil
}

// Supports writes the status of the GatewayClass and the Gateway of Class, as if their controller existed and supported these
// features.
func (a *App) Supports(ctx context.Context, class string, features ...gatewayv1.FeatureName) error {
	c := &gatewayv1.GatewayClass{ObjectMeta: metav1.ObjectMeta{Name: class}}
	g := &gatewayv1.Gateway{ObjectMeta: metav1.ObjectMeta{Name: class, Namespace: "gateway-system"}}
	for _, object := range []client.Object{c, g} {
		if err := a.Client.Get(ctx, client.ObjectKeyFromObject(object), object); err != nil {
			return fmt.Errorf("read %T %s: %w", object, class, err)
		}
	}
	for _, name := range features {
		c.Status.SupportedFeatures = append(c.Status.SupportedFeatures, gatewayv1.SupportedFeature{Name: name})
	}
	holds(&c.Status.Conditions, "Accepted", c.Generation)
	holds(&g.Status.Conditions, "Accepted", g.Generation)
	holds(&g.Status.Conditions, "Programmed", g.Generation)
	for _, object := range []client.Object{c, g} {
		if err := a.Client.Status().Update(ctx, object); err != nil {
			return fmt.Errorf("write the status of %T %s: %w", object, class, err)
		}
	}
	return nil
}

func holds(conditions *[]metav1.Condition, kind string, generation int64) {
	meta.SetStatusCondition(conditions, metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: kind, ObservedGeneration: generation})
}

// Accept makes the parents of a route report that they serve its current version, as the controller of a class of Supports
// would.
func (a *App) Accept(ctx context.Context, route *gatewayv1.HTTPRoute, controller gatewayv1.GatewayController) error {
	route.Status.Parents = nil
	for _, parent := range route.Spec.ParentRefs {
		status := gatewayv1.RouteParentStatus{ParentRef: parent, ControllerName: controller}
		holds(&status.Conditions, "Accepted", route.Generation)
		holds(&status.Conditions, "ResolvedRefs", route.Generation)
		route.Status.Parents = append(route.Status.Parents, status)
	}
	if err := a.Client.Status().Update(ctx, route); err != nil {
		return fmt.Errorf("write the status of HTTPRoute %s/%s: %w", route.Namespace, route.Name, err)
	}
	return nil
}

// Scrape returns what a pod of a Deployment serves at /metrics.
func (a *App) Scrape(ctx context.Context, deployment string) (string, error) {
	var pods corev1.PodList
	if err := a.Client.List(ctx, &pods, client.InNamespace(a.Namespace), client.MatchingLabels{"app": deployment}); err != nil {
		return "", fmt.Errorf("list pods of %s/%s: %w", a.Namespace, deployment, err)
	}
	if len(pods.Items) == 0 {
		return "", fmt.Errorf("no pods of %s/%s", a.Namespace, deployment)
	}
	return a.Kubectl(ctx, "", "get", "--raw", fmt.Sprintf("/api/v1/namespaces/%s/pods/%s:8080/proxy/metrics", a.Namespace, pods.Items[0].Name))
}
