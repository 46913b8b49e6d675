package reconciler

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/internal/route"
)

// traffic holds everything that sends requests to a Deployment.
type traffic struct {
	services []corev1.Service
	serving
	// grants are those of the namespace. generated are those of all namespaces that were generated for the Deployment.
	grants, generated []gatewayv1.ReferenceGrant
	routes            []route.Route
}

func (r *reader) readTraffic(ctx context.Context, deployment types.NamespacedName) (t traffic, err error) {
	var services corev1.ServiceList
	if err := r.share(ctx, &services, client.InNamespace(deployment.Namespace)); err != nil {
		return t, err
	}
	t.services = services.Items
	if t.serving, err = r.readServing(ctx); err != nil {
		return t, err
	}
	if t.grants, err = r.listGrants(ctx, deployment.Namespace); err != nil {
		return t, err
	}
	if t.generated, err = r.listGenerated(ctx, deployment); err != nil {
		return t, err
	}
	t.routes, err = r.listRoutes(ctx, metav1.NamespaceAll)
	return t, err
}

// serving is what serves routes.
type serving struct {
	gateways     []gatewayv1.Gateway
	classes      []gatewayv1.GatewayClass
	listenerSets []gatewayv1.ListenerSet
}

func (r *reader) readServing(ctx context.Context) (serving, error) {
	var gateways gatewayv1.GatewayList
	var classes gatewayv1.GatewayClassList
	var sets gatewayv1.ListenerSetList
	lists := []client.ObjectList{&gateways, &classes}
	if r.known().listenerSets {
		lists = append(lists, &sets)
	}
	for _, list := range lists {
		if err := r.share(ctx, list); err != nil && !meta.IsNoMatchError(err) {
			return serving{}, err
		}
	}
	return serving{gateways.Items, classes.Items, sets.Items}, nil
}
