//go:build !windows

package testserver

import (
	"context"
	"fmt"
	"maps"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

const (
	// GatewayController is the name of the gateway controller that PlayControllers plays.
	GatewayController = "traefik.io/gateway-controller"
	// round is the pause between two rounds of the controllers.
	round = 50 * time.Millisecond
	// mostEndpoints is the number of endpoints of each Service of a canary or a control: as many as it can ever need.
	mostEndpoints = 4
)

// PlayControllers plays the controllers of Kubernetes and of the gateway in a namespace until it is stopped: Deployments get
// their replicas, Services of canaries get endpoints, and routes are accepted. A write that conflicts is repeated in the next
// round.
func (s *Server) PlayControllers(namespace string) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = wait.PollUntilContextCancel(ctx, round, true, func(ctx context.Context) (bool, error) {
			s.makeAvailable(ctx, namespace)
			s.makeEndpoints(ctx, namespace)
			s.acceptRoutes(ctx, namespace)
			return false, nil
		})
	}()
	return func() { cancel(); <-over }
}

func (s *Server) makeAvailable(ctx context.Context, namespace string) {
	var deployments appsv1.DeploymentList
	_ = s.Client.List(ctx, &deployments, client.InNamespace(namespace))
	for i := range deployments.Items {
		d := &deployments.Items[i]
		n := *d.Spec.Replicas
		if d.Status.ObservedGeneration == d.Generation && d.Status.AvailableReplicas == n {
			continue
		}
		d.Status = RolledOut(d.Generation, n)
		_ = s.Client.Status().Update(ctx, d)
	}
}

func (s *Server) makeEndpoints(ctx context.Context, namespace string) {
	var services corev1.ServiceList
	_ = s.Client.List(ctx, &services, client.InNamespace(namespace), client.HasLabels{config.LabelRole})
	for _, service := range services.Items {
		if !workload.IsCopy(&service) {
			continue
		}
		slice := &discoveryv1.EndpointSlice{AddressType: discoveryv1.AddressTypeIPv4, ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: service.Name, Labels: map[string]string{discoveryv1.LabelServiceName: service.Name},
		}}
		maps.Copy(slice.Labels, service.Labels)
		for i := range mostEndpoints {
			slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{Addresses: []string{fmt.Sprintf("10.0.0.%d", i+1)},
				TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: fmt.Sprintf("pod-%d", i)}})
		}
		_ = s.Client.Create(ctx, slice)
	}
}

func (s *Server) acceptRoutes(ctx context.Context, namespace string) {
	var routes gatewayv1.HTTPRouteList
	_ = s.Client.List(ctx, &routes, client.InNamespace(namespace))
	for i := range routes.Items {
		route := &routes.Items[i]
		s.accept(ctx, route, route.Spec.ParentRefs[0], &route.Status.RouteStatus)
	}
	var calls gatewayv1.GRPCRouteList
	_ = s.Client.List(ctx, &calls, client.InNamespace(namespace))
	for i := range calls.Items {
		route := &calls.Items[i]
		s.accept(ctx, route, route.Spec.ParentRefs[0], &route.Status.RouteStatus)
	}
}

func (s *Server) accept(ctx context.Context, route client.Object, parent gatewayv1.ParentReference, status *gatewayv1.RouteStatus) {
	if parents := status.Parents; len(parents) > 0 && parents[0].Conditions[0].ObservedGeneration == route.GetGeneration() {
		return
	}
	report := gatewayv1.RouteParentStatus{ParentRef: parent, ControllerName: GatewayController}
	for _, kind := range []string{"Accepted", "ResolvedRefs"} {
		report.Conditions = append(report.Conditions, metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: kind,
			ObservedGeneration: route.GetGeneration(), LastTransitionTime: metav1.Now()})
	}
	status.Parents = []gatewayv1.RouteParentStatus{report}
	_ = s.Client.Status().Update(ctx, route)
}
