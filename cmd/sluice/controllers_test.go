package main

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// playControllers does what the controllers of Kubernetes and of the gateway would in a namespace, until the test ends:
// Deployments have their replicas, Services of canaries have endpoints, routes are accepted. What fails because somebody
// else wrote first is done in the next round.
func (c *cluster) playControllers(namespace string) {
	c.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = wait.PollUntilContextCancel(ctx, glance, true, func(ctx context.Context) (bool, error) {
			c.makeAvailable(ctx, namespace)
			c.makeEndpoints(ctx, namespace)
			c.acceptRoutes(ctx, namespace)
			return false, nil
		})
	}()
	c.t.Cleanup(func() { stop(); <-over })
}

func (c *cluster) makeAvailable(ctx context.Context, namespace string) {
	var deployments appsv1.DeploymentList
	_ = c.client.List(ctx, &deployments, client.InNamespace(namespace))
	for i := range deployments.Items {
		d := &deployments.Items[i]
		n := *d.Spec.Replicas
		if d.Status.ObservedGeneration == d.Generation && d.Status.AvailableReplicas == n {
			continue
		}
		d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: n, UpdatedReplicas: n, AvailableReplicas: n, ReadyReplicas: n}
		_ = c.client.Status().Update(ctx, d)
	}
}

// makeEndpoints gives every Service that was made for a canary as many endpoints as its primary can have replicas.
func (c *cluster) makeEndpoints(ctx context.Context, namespace string) {
	var services corev1.ServiceList
	_ = c.client.List(ctx, &services, client.InNamespace(namespace), client.MatchingLabels{"sluice.dev/role": "canary"})
	for _, service := range services.Items {
		slice := &discoveryv1.EndpointSlice{AddressType: discoveryv1.AddressTypeIPv4, ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: service.Name, Labels: map[string]string{discoveryv1.LabelServiceName: service.Name},
		}}
		for key, value := range service.Labels {
			slice.Labels[key] = value
		}
		for i := range shopReplicas {
			slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{Addresses: []string{fmt.Sprintf("10.0.0.%d", i+1)},
				TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: fmt.Sprintf("pod-%d", i)}})
		}
		_ = c.client.Create(ctx, slice)
	}
}

func (c *cluster) acceptRoutes(ctx context.Context, namespace string) {
	var routes gatewayv1.HTTPRouteList
	_ = c.client.List(ctx, &routes, client.InNamespace(namespace))
	for i := range routes.Items {
		route := &routes.Items[i]
		if parents := route.Status.Parents; len(parents) > 0 && parents[0].Conditions[0].ObservedGeneration == route.Generation {
			continue
		}
		status := gatewayv1.RouteParentStatus{ParentRef: route.Spec.ParentRefs[0], ControllerName: gatewayController}
		for _, kind := range []string{"Accepted", "ResolvedRefs"} {
			status.Conditions = append(status.Conditions, metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: kind,
				ObservedGeneration: route.Generation, LastTransitionTime: metav1.NewTime(time.Now())})
		}
		route.Status.Parents = []gatewayv1.RouteParentStatus{status}
		_ = c.client.Status().Update(ctx, route)
	}
}
