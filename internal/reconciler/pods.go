package reconciler

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

// readPods returns the health of the pods of both versions while the candidate is judged. It is nil before, and if pods may not be read:
// then the checks judge alone.
func (r *reader) readPods(ctx context.Context, primary, canary *appsv1.Deployment, state observed.State) *observed.Pods {
	open := state.Open()
	if primary == nil || canary == nil || !observed.Judging(state) || open.Canary.TrafficStarted == nil && open.Pods == nil {
		return nil
	}
	return r.memory.pods.get(client.ObjectKeyFromObject(canary), func() *observed.Pods {
		limited, cancel := context.WithTimeout(ctx, optionalLimit)
		defer cancel()
		var seen observed.Pods
		var err error
		if seen.Canary, err = r.healthOf(limited, canary); err == nil {
			seen.Primary, err = r.healthOf(limited, primary)
		}
		if err != nil {
			noteUnread(ctx, err, "pods of both versions")
			return nil
		}
		return &seen
	})
}

// healthOf lists the pods of a Deployment, as the API server has them in its memory, and keeps only what they show of their health.
func (r *reader) healthOf(ctx context.Context, d *appsv1.Deployment) ([]workload.PodHealth, error) {
	selector, err := metav1.LabelSelectorAsSelector(d.Spec.Selector)
	if err != nil {
		return nil, err
	}
	var pods corev1.PodList
	err = r.live.List(ctx, &pods, client.InNamespace(d.Namespace), client.MatchingLabelsSelector{Selector: selector},
		&client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: "0"}})
	return workload.HealthOf(pods.Items), err
}
