package reconciler

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/internal/route"
)

// traffic holds everything that sends requests to a Deployment.
type traffic struct {
	services []corev1.Service
	gateways []gatewayv1.Gateway
	classes  []gatewayv1.GatewayClass
	// grants are those of the namespace. generated are those of all namespaces that were generated for the Deployment.
	grants, generated []gatewayv1.ReferenceGrant
	routes            []route.Route
}

func (r *reader) readTraffic(ctx context.Context, deployment types.NamespacedName) (t traffic, err error) {
	var services corev1.ServiceList
	var gateways gatewayv1.GatewayList
	var classes gatewayv1.GatewayClassList
	for _, list := range []struct {
		of      client.ObjectList
		options []client.ListOption
	}{{&services, []client.ListOption{client.InNamespace(deployment.Namespace)}}, {&gateways, nil}, {&classes, nil}} {
		if err := r.cached.List(ctx, list.of, list.options...); err != nil {
			return t, fmt.Errorf("list %T: %w", list.of, err)
		}
	}
	t.services, t.gateways, t.classes = services.Items, gateways.Items, classes.Items
	if t.grants, err = r.listGrants(ctx, deployment.Namespace); err != nil {
		return t, err
	}
	if t.generated, err = r.listGenerated(ctx, deployment); err != nil {
		return t, err
	}
	t.routes, err = r.listRoutes(ctx, metav1.NamespaceAll)
	return t, err
}
