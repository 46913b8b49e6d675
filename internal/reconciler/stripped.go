package reconciler

import (
	"context"
	"maps"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// prefix begins all of Sluice's labels and annotations.
const prefix = "sluice.dev/"

// Strip takes from an object what no tick reads, before the cache keeps it. Nobody has to opt in to fill the cache, so of a
// Deployment that is not opted in it leaves only who it is and what Sluice has written on it. Of the objects of users that ticks read it
// leaves the annotations that mean something to Sluice. Objects of canaries are kept as they are, except for their managed fields,
// because Sluice writes those back as a whole; so are kinds that other parts of the process write.
func Strip(object any) (any, error) {
	metadata, err := meta.Accessor(object)
	if err != nil {
		// The last state of an object whose deletion was missed.
		return object, nil
	}
	metadata.SetManagedFields(nil)
	if workload.IsCopy(metadata) || !isUsers(object) {
		return object, nil
	}
	if annotations := metadata.GetAnnotations(); len(annotations) > 0 {
		unread := unread
		if metadata.GetLabels()[config.LabelRole] == config.RoleGenerated {
			// Those of the policy are compared with it.
			unread = func(key, _ string) bool { return key == corev1.LastAppliedConfigAnnotation }
		}
		maps.DeleteFunc(annotations, unread)
		metadata.SetAnnotations(annotations)
	}
	deployment, is := object.(*appsv1.Deployment)
	if !is || config.OptedIn(deployment.Annotations) {
		return object, nil
	}
	deployment.Labels, deployment.Annotations = onlyOurs(deployment.Labels), onlyOurs(deployment.Annotations)
	deployment.Spec, deployment.Status = appsv1.DeploymentSpec{}, appsv1.DeploymentStatus{}
	return object, nil
}

// isUsers reports whether users write objects of this kind, and ticks only read them or change single fields. Unstructured ones are
// routes and grants.
func isUsers(object any) bool {
	switch object.(type) {
	case *appsv1.Deployment, *corev1.Service, *autoscalingv2.HorizontalPodAutoscaler, *policyv1.PodDisruptionBudget, *networkingv1.NetworkPolicy,
		*gatewayv1.Gateway, *gatewayv1.GatewayClass, *gatewayv1.ListenerSet, *unstructured.Unstructured:
		return true
	}
	return false
}

// controllers begins the annotations of the Deployment controller.
const controllers = "deployment.kubernetes.io/"

// unread reports whether an annotation means nothing to Sluice, and is copied to no canary.
func unread(key, _ string) bool {
	return !strings.HasPrefix(key, prefix) && !strings.HasPrefix(key, controllers) && !workload.IsDescribing(key)
}

func onlyOurs(all map[string]string) map[string]string {
	var ours map[string]string
	for key, value := range all {
		if strings.HasPrefix(key, prefix) {
			if ours == nil {
				ours = map[string]string{}
			}
			ours[key] = value
		}
	}
	return ours
}

// whole returns the Deployment of a Canary as it is. The cache strips it once it is no longer opted in.
func (r *reader) whole(ctx context.Context, key types.NamespacedName, cached *appsv1.Deployment) (*appsv1.Deployment, error) {
	if cached == nil || config.OptedIn(cached.Annotations) {
		return cached, nil
	}
	return fetch(ctx, r.live, key, &appsv1.Deployment{})
}
