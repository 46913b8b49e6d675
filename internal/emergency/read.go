package emergency

import (
	"context"
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/route"
)

// byChart selects the webhook configurations of the chart.
var byChart = client.MatchingLabels{"app.kubernetes.io/name": "sluice"}

// reading collects a World.
type reading struct {
	World
	reader client.Reader
}

// Read reads everything that counts. The release is in the namespace that the webhooks name, or else in the given one. What cannot
// be read is in Unread; a kind that the cluster does not have is no error.
func Read(ctx context.Context, reader client.Reader, namespace string) World {
	r := &reading{World: World{Namespace: namespace, Deployments: map[types.NamespacedName]*appsv1.Deployment{}}, reader: reader}
	r.readWebhooks(ctx)
	r.readLease(ctx)
	var deployments appsv1.DeploymentList
	r.list(ctx, "Deployments", &deployments)
	for i := range deployments.Items {
		r.Deployments[client.ObjectKeyFromObject(&deployments.Items[i])] = &deployments.Items[i]
	}
	for _, kind := range []string{route.HTTP, route.GRPC} {
		r.readRoutes(ctx, kind)
	}
	var canaries v1alpha1.CanaryList
	var freezes v1alpha1.FreezeList
	r.list(ctx, "Canaries", &canaries)
	r.list(ctx, "Freezes", &freezes)
	r.Canaries, r.Freezes = canaries.Items, freezes.Items
	return r.World
}

func (r *reading) list(ctx context.Context, what string, into client.ObjectList, options ...client.ListOption) {
	// Without the CRD, the API server does not find the resource.
	if err := r.reader.List(ctx, into, options...); err != nil && !meta.IsNoMatchError(err) && !apierrors.IsNotFound(err) {
		r.Unread = append(r.Unread, fmt.Errorf("list %s: %w", what, err))
	}
}

func (r *reading) readWebhooks(ctx context.Context) {
	var mutating admissionregistrationv1.MutatingWebhookConfigurationList
	var validating admissionregistrationv1.ValidatingWebhookConfigurationList
	r.list(ctx, "MutatingWebhookConfigurations", &mutating, byChart)
	r.list(ctx, "ValidatingWebhookConfigurations", &validating, byChart)
	r.Mutating, r.Validating = mutating.Items, validating.Items
	for i := range r.Mutating {
		for _, webhook := range r.Mutating[i].Webhooks {
			if service := webhook.ClientConfig.Service; service != nil {
				r.Namespace = service.Namespace
			}
		}
	}
}

func (r *reading) readLease(ctx context.Context) {
	lease := &coordinationv1.Lease{}
	err := r.reader.Get(ctx, types.NamespacedName{Namespace: r.Namespace, Name: Lease}, lease)
	switch {
	case err == nil:
		r.Lease = lease
	case !apierrors.IsNotFound(err):
		r.Unread = append(r.Unread, fmt.Errorf("read Lease %s/%s: %w", r.Namespace, Lease, err))
	}
}

func (r *reading) readRoutes(ctx context.Context, kind string) {
	list := &unstructured.UnstructuredList{}
	list.SetAPIVersion(gatewayv1.GroupVersion.String())
	list.SetKind(kind + "List")
	r.list(ctx, kind+"s", list)
	for i := range list.Items {
		object := &list.Items[i]
		decoded, err := route.FromObject(object.Object)
		if err != nil {
			r.Unread = append(r.Unread, fmt.Errorf("read %s %s: %w", kind, client.ObjectKeyFromObject(object), err))
			continue
		}
		r.Routes = append(r.Routes, Route{Route: decoded, Object: object})
	}
}
