package reconciler

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/config/policy"
)

// readPolicy builds the policy of the primary from its annotations and the policies that apply to it.
func (r *reader) readPolicy(ctx context.Context, primary *appsv1.Deployment) (present policy.Present, err error) {
	if primary == nil {
		return policy.Present{Policy: policy.Defaults()}, nil
	}
	var policies policy.Policies
	if name := primary.Annotations[config.AnnotationPolicy]; name != "" {
		if policies.Named, err = fetch(ctx, r.cached, client.ObjectKey{Namespace: primary.Namespace, Name: name}, &v1alpha1.CanaryPolicy{}); err != nil {
			return present, err
		}
		if policies.ClusterNamed, err = fetch(ctx, r.cached, client.ObjectKey{Name: name}, &v1alpha1.ClusterCanaryPolicy{}); err != nil {
			return present, err
		}
	}
	policies.Default, err = fetch(ctx, r.cached, client.ObjectKey{Name: v1alpha1.DefaultPolicyName}, &v1alpha1.ClusterCanaryPolicy{})
	if err != nil {
		return present, err
	}
	return policy.PresentOf(primary.Namespace, primary.Annotations, policies), nil
}

// ofPolicy maps a policy to the Canaries of the Deployments that name it. The cluster's default policy applies to all.
func (r *reader) ofPolicy(ctx context.Context, policy client.Object) []ctrl.Request {
	namespace := policy.GetNamespace()
	if namespace == metav1.NamespaceAll && policy.GetName() == v1alpha1.DefaultPolicyName {
		return r.everywhere(ctx, policy)
	}
	var deployments appsv1.DeploymentList
	if err := r.share(ctx, &deployments, client.InNamespace(namespace)); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "a policy has changed", "policy", policy.GetName())
		return nil
	}
	var requests []ctrl.Request
	for i := range deployments.Items {
		if d := &deployments.Items[i]; config.OptedIn(d.Annotations) && d.Annotations[config.AnnotationPolicy] == policy.GetName() {
			requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(d)})
		}
	}
	return requests
}
