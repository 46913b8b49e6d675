package reconciler

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/plan"
	"sluice.dev/sluice/rollout/target"
)

const grantKind = plan.GrantKind

func (r *reader) grantsAs(kind string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: gatewayv1.GroupName, Version: r.known().grants, Kind: kind}
}

// listGrants reads the grants of a namespace, all of them or those with the given labels.
func (r *reader) listGrants(ctx context.Context, namespace string, options ...client.ListOption) ([]gatewayv1.ReferenceGrant, error) {
	if r.known().grants == "" {
		return nil, nil
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(r.grantsAs(grantKind + "List"))
	if err := r.routes.List(ctx, list, append(options, client.InNamespace(namespace), client.UnsafeDisableDeepCopy)...); err != nil && !meta.IsNoMatchError(err) {
		return nil, fmt.Errorf("list %ss: %w", grantKind, err)
	}
	grants := make([]gatewayv1.ReferenceGrant, len(list.Items))
	for i := range list.Items {
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(list.Items[i].Object, &grants[i]); err != nil {
			return nil, fmt.Errorf("%s %s/%s: %w", grantKind, list.Items[i].GetNamespace(), list.Items[i].GetName(), err)
		}
	}
	return grants, nil
}

// readNamedGrants reads the grants of other namespaces in which a policy names backends. Those of a namespace that Sluice does not
// watch cannot be read, so nothing is granted there.
func (r *reader) readNamedGrants(ctx context.Context, named []target.Named, own string) ([]gatewayv1.ReferenceGrant, error) {
	var all []gatewayv1.ReferenceGrant
	seen := map[string]bool{own: true}
	for _, one := range named {
		namespace := one.Backend.Namespace
		if seen[namespace] || len(r.options.Namespaces) > 0 && !slices.Contains(r.options.Namespaces, namespace) {
			continue
		}
		seen[namespace] = true
		grants, err := r.listGrants(ctx, namespace)
		if err != nil {
			return nil, err
		}
		all = append(all, grants...)
	}
	return all, nil
}

// grantObject returns a grant to write, in the version that the cluster serves.
func (r *Reconciler) grantObject(grant *gatewayv1.ReferenceGrant) (*unstructured.Unstructured, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(grant)
	if err != nil {
		return nil, fmt.Errorf("encode %s %s/%s: %w", grantKind, grant.Namespace, grant.Name, err)
	}
	object := &unstructured.Unstructured{Object: content}
	object.SetGroupVersionKind(r.grantsAs(grantKind))
	return object, nil
}

// ensureGrant lets routes of other namespaces send to the canary's Service. A grant that differs is recreated.
func (r *Reconciler) ensureGrant(ctx context.Context, o reading, desired *gatewayv1.ReferenceGrant) error {
	if desired == nil || r.known().grants == "" {
		return nil
	}
	for i := range o.Grants {
		current := &o.Grants[i]
		if current.Name != desired.Name || current.Namespace != desired.Namespace {
			continue
		}
		if !ours(current, o.canary) {
			return fmt.Errorf("%s %s exists but was not created for this Deployment: rename or delete it, because the canary needs the name", grantKind, current.Name)
		}
		if equality.Semantic.DeepEqual(current.Spec, desired.Spec) {
			return nil
		}
		return r.deleteGrant(ctx, current)
	}
	desired = desired.DeepCopy()
	desired.Labels = workload.CanaryMarks(o.Name)
	desired.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(o.canary, v1alpha1.GroupVersion.WithKind("Canary"))}
	object, err := r.grantObject(desired)
	if err != nil {
		return err
	}
	return r.create(ctx, object)
}

// removeGrants removes the grants that ensureGrant has created for a Canary.
func (r *Reconciler) removeGrants(ctx context.Context, canary *v1alpha1.Canary, grants []gatewayv1.ReferenceGrant) error {
	for i := range grants {
		if !ours(&grants[i], canary) {
			continue
		}
		if err := r.deleteGrant(ctx, &grants[i]); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reconciler) deleteGrant(ctx context.Context, grant *gatewayv1.ReferenceGrant) error {
	object, err := r.grantObject(grant)
	if err != nil {
		return err
	}
	return r.delete(ctx, object)
}
