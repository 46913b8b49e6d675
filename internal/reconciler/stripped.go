package reconciler

import (
	"context"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/config"
)

// prefix begins all of Sluice's labels and annotations.
const prefix = "sluice.dev/"

// Strip takes from an object what no tick reads, before the cache keeps it. Nobody has to opt in to fill the cache, so of a
// Deployment that is not opted in it leaves only who it is and what Sluice has written on it. Objects of canaries are kept as they
// are, except for their managed fields, because Sluice writes those back as a whole.
func Strip(object any) (any, error) {
	metadata, err := meta.Accessor(object)
	if err != nil {
		// The last state of an object whose deletion was missed.
		return object, nil
	}
	metadata.SetManagedFields(nil)
	if metadata.GetLabels()[config.LabelRole] == config.RoleCanary {
		return object, nil
	}
	if annotations := metadata.GetAnnotations(); annotations[corev1.LastAppliedConfigAnnotation] != "" {
		delete(annotations, corev1.LastAppliedConfigAnnotation)
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
