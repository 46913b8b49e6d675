package workload

import (
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Readiness is the progress of a Deployment's rollout.
type Readiness struct {
	// Complete means that the current generation is observed and all replicas are updated and available.
	Complete bool
	// Wanted, Updated and Available are numbers of replicas.
	Wanted, Updated, Available int32
	// Message says what is missing.
	Message string
}

// ReadinessOf reads the status of a Deployment like kubectl rollout status, except that the given percentage of updated
// replicas is enough.
func ReadinessOf(d *appsv1.Deployment, percent int32) Readiness {
	r := Readiness{Wanted: Replicas(d), Updated: d.Status.UpdatedReplicas, Available: d.Status.AvailableReplicas}
	switch {
	case d.Status.ObservedGeneration < d.Generation:
		r.Message = "the Deployment controller has not seen the change yet"
	case r.Updated < r.Wanted:
		r.Message = fmt.Sprintf("%d of %d replicas are updated", r.Updated, r.Wanted)
	case d.Status.Replicas > r.Updated:
		r.Message = fmt.Sprintf("old replicas still running: %d", d.Status.Replicas-r.Updated)
	case r.Available < Enough(r.Updated, percent):
		r.Message = fmt.Sprintf("%d of %d updated replicas are available", r.Available, r.Updated)
	case r.Available < r.Updated:
		r.Complete = true
		r.Message = fmt.Sprintf("%d of %d replicas are available, which is enough", r.Available, r.Updated)
	default:
		r.Complete = true
		r.Message = fmt.Sprintf("all %d replicas are available", r.Available)
	}
	if stuck := stuckMessage(d); stuck != "" && !r.Complete {
		r.Message += ": " + stuck
	}
	return r
}

// stuckMessage returns what the Deployment controller reports about pods that it cannot create or that are not ready in time.
func stuckMessage(d *appsv1.Deployment) string {
	for _, c := range d.Status.Conditions {
		failed := c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue
		late := c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse
		if failed || late {
			return c.Message
		}
	}
	return ""
}

// RefusedByQuota returns what the Deployment controller reports while a ResourceQuota keeps it from creating pods, or an empty
// string.
func RefusedByQuota(d *appsv1.Deployment) string {
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue && strings.Contains(c.Message, "exceeded quota") {
			return c.Message
		}
	}
	return ""
}

// Images returns the images of a pod's containers, as container=image.
func Images(pod corev1.PodSpec) []string {
	images := make([]string, 0, len(pod.Containers))
	for _, container := range pod.Containers {
		images = append(images, container.Name+"="+container.Image)
	}
	return images
}

// Replicas returns the replicas that a Deployment asks for. Default 1.
func Replicas(d *appsv1.Deployment) int32 {
	if d.Spec.Replicas == nil {
		return 1
	}
	return *d.Spec.Replicas
}

// Enough returns how many of the replicas a readiness threshold in percent requires: rounded up, and at least 1 unless there
// are none.
func Enough(replicas, percent int32) int32 {
	if replicas <= 0 {
		return 0
	}
	return max(1, portion(replicas, float64(percent)))
}

// LosesAllAtOnce reports whether a change of the template can leave the Deployment without any available pod: with strategy
// Recreate, or with a rolling update that may take all replicas down before it adds one.
func LosesAllAtOnce(d *appsv1.Deployment) bool {
	if d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType {
		return true
	}
	rolling := d.Spec.Strategy.RollingUpdate
	if rolling == nil || rolling.MaxUnavailable == nil {
		return false
	}
	replicas := int(Replicas(d))
	unavailable, err := intstr.GetScaledValueFromIntOrPercent(rolling.MaxUnavailable, replicas, false)
	return err == nil && replicas > 0 && unavailable >= replicas
}

// OnlyCanaryServes reports whether the canary has an available replica and the primary has none. Without its canary, nobody would
// answer. Either may be nil.
func OnlyCanaryServes(primary, canary *appsv1.Deployment) bool {
	return primary != nil && canary != nil && primary.Status.AvailableReplicas == 0 && canary.Status.AvailableReplicas > 0
}
