package plugin

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/rollout/observed"
)

// readWorld reads what the controller would look at before a rollout. It reads of other namespaces only what the routes name.
func (r *planReading) readWorld(ctx context.Context) error {
	r.world.Policy = r.present.Status
	var services corev1.ServiceList
	if err := r.client.List(ctx, &services, client.InNamespace(r.namespace)); err != nil {
		return fmt.Errorf("list Services in namespace %s: %w", r.namespace, err)
	}
	r.world.Services = services.Items
	for _, kind := range []string{route.HTTP, route.GRPC} {
		if err := r.readRoutes(ctx, kind); err != nil {
			return err
		}
	}
	var grants gatewayv1.ReferenceGrantList
	if err := r.client.List(ctx, &grants, client.InNamespace(r.namespace)); err != nil && !isAbsent(err) && !apierrors.IsForbidden(err) {
		return fmt.Errorf("list ReferenceGrants in namespace %s: %w", r.namespace, err)
	}
	r.world.Grants = grants.Items
	if err := r.readParents(ctx); err != nil {
		return err
	}
	r.world = r.world.Served()
	return r.readTemplates(ctx)
}

// isAbsent reports whether the cluster lacks a kind.
func isAbsent(err error) bool { return meta.IsNoMatchError(err) || apierrors.IsNotFound(err) }

// readRoutes lists the routes of all namespaces, or of the Deployment's if the user may not see the others.
func (r *planReading) readRoutes(ctx context.Context, kind string) error {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(schema.GroupVersion(gatewayv1.GroupVersion).WithKind(kind + "List"))
	err := r.client.List(ctx, list, listOptions(metav1.NamespaceAll)...)
	if apierrors.IsForbidden(err) {
		if note := "routes of other namespaces may not be listed, so those that send to this app are left out"; !slices.Contains(r.notes, note) {
			r.notes = append(r.notes, note)
		}
		err = r.client.List(ctx, list, listOptions(r.namespace)...)
	}
	if err != nil && !isAbsent(err) {
		return fmt.Errorf("list %ss in namespace %s: %w", kind, r.namespace, err)
	}
	for _, object := range list.Items {
		read, err := route.FromObject(object.Object)
		if err != nil {
			return fmt.Errorf("read %s %s/%s: %w", kind, object.GetNamespace(), object.GetName(), err)
		}
		r.world.Routes = append(r.world.Routes, read)
	}
	return nil
}

// readParents reads the ListenerSets, Gateways and GatewayClasses behind the routes that send to Services of the namespace.
func (r *planReading) readParents(ctx context.Context) error {
	for _, each := range r.world.Routes {
		if !r.concerns(each) {
			continue
		}
		for _, parent := range route.ParentsOf(each) {
			if parent.Kind == route.ParentListenerSet {
				set, err := readObject(ctx, r.client, parent.NamespacedName, &gatewayv1.ListenerSet{})
				if err != nil {
					return err
				}
				if set != nil {
					r.world.ListenerSets = append(r.world.ListenerSets, *set)
				}
			}
			if err := r.readGateway(ctx, r.world.GatewayBehind(parent)); err != nil {
				return err
			}
		}
	}
	return nil
}

// concerns reports whether a route sends to a Service of the namespace.
func (r *planReading) concerns(each route.Route) bool {
	return slices.ContainsFunc(r.world.Services, func(s corev1.Service) bool { return route.SendsTo(each, client.ObjectKeyFromObject(&s)) })
}

// readGateway reads a Gateway and its class, each once.
func (r *planReading) readGateway(ctx context.Context, name types.NamespacedName) error {
	if name.Name == "" || r.world.Gateway(name) != nil {
		return nil
	}
	gateway, err := readObject(ctx, r.client, name, &gatewayv1.Gateway{})
	if err != nil || gateway == nil {
		return err
	}
	r.world.Gateways = append(r.world.Gateways, *gateway)
	if r.world.ClassOf(name) != nil {
		return nil
	}
	class, err := readObject(ctx, r.client, types.NamespacedName{Name: string(gateway.Spec.GatewayClassName)}, &gatewayv1.GatewayClass{})
	if class != nil {
		r.world.Classes = append(r.world.Classes, *class)
	}
	return err
}

// readTemplates reads the MetricTemplates that the policy names, without their Secrets: their own servers are not asked.
func (r *planReading) readTemplates(ctx context.Context) error {
	r.world.Templates = map[types.NamespacedName]observed.Template{}
	for _, check := range r.present.Policy.Checks {
		if check.TemplateRef == nil {
			continue
		}
		name := observed.TemplateName(*check.TemplateRef, r.namespace)
		template, err := readObject(ctx, r.client, name, &v1alpha1.MetricTemplate{})
		if apierrors.IsForbidden(err) {
			r.world.Templates[name] = observed.Template{Problem: "you may not read it"}
			continue
		}
		if err != nil {
			return err
		}
		if template == nil {
			continue
		}
		read := observed.Template{Query: template.Spec.Query}
		if provider := template.Spec.Provider; provider.Address != "" {
			read.Server = &analysis.Server{Type: provider.Type, Address: provider.Address}
		}
		r.world.Templates[name] = read
	}
	return nil
}
