package workload

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"sluice.dev/sluice/api/v1alpha1"
)

const (
	kindAutoscaler   = "HorizontalPodAutoscaler"
	kindScaledObject = "ScaledObject"
)

// Autoscaler is what scales a primary: an HPA or a ScaledObject. The other one is nil.
type Autoscaler struct {
	HPA          *autoscalingv2.HorizontalPodAutoscaler
	ScaledObject *unstructured.Unstructured
}

// Limits are the limits of a canary's autoscaler, in replicas.
type Limits struct {
	// Min is the number of replicas that the canary's weight needs.
	Min int32
	// Share is the canary's percentage of the primary's limit.
	Share float64
	// Set holds the limits that the policy sets instead. Nil for none.
	Set *v1alpha1.ScalerReplicas
}

// of returns the limits for the largest number of replicas that the primary may have. They never cut what the weight needs.
func (l Limits) of(primaryMax int32) (least, most int32) {
	least, most = l.Min, portion(primaryMax, l.Share)
	if l.Set != nil && l.Set.MinReplicas != nil {
		least = max(least, *l.Set.MinReplicas)
	}
	if l.Set != nil && l.Set.MaxReplicas != nil {
		most = *l.Set.MaxReplicas
	}
	return least, max(least, most)
}

// AutoscalerOf returns what scales the primary, or nil if nothing does. With a reference, only the named autoscaler counts,
// and the error says why it cannot be used. An HPA that a ScaledObject has created counts as that ScaledObject's.
func AutoscalerOf(primary *appsv1.Deployment, hpas []autoscalingv2.HorizontalPodAutoscaler, scaled []unstructured.Unstructured, ref *v1alpha1.AutoscalerRef) (*Autoscaler, error) {
	for i := range scaled {
		if named(ref, kindScaledObject, scaled[i].GetName()) && !IsCopy(&scaled[i]) && scaledObjectScales(&scaled[i], primary.Name) {
			return &Autoscaler{ScaledObject: &scaled[i]}, nil
		}
	}
	for i := range hpas {
		target := hpas[i].Spec.ScaleTargetRef
		if named(ref, kindAutoscaler, hpas[i].Name) && !IsCopy(&hpas[i]) && target.Kind == "Deployment" && target.Name == primary.Name {
			return &Autoscaler{HPA: &hpas[i]}, nil
		}
	}
	if ref != nil {
		return nil, fmt.Errorf("spec.autoscalerRef names %s %s, which does not exist or does not scale Deployment %s: "+
			"correct the name, or leave autoscalerRef out to have it found", ref.Kind, ref.Name, primary.Name)
	}
	return nil, nil
}

func named(ref *v1alpha1.AutoscalerRef, kind, name string) bool {
	return ref == nil || ref.Kind == kind && ref.Name == name
}

// Make returns the canary's copy of the autoscaler, or nil if there is nothing to copy: the owner of an HPA creates the
// canary's HPA itself.
func (a Autoscaler) Make(canary *appsv1.Deployment, limits Limits, queries map[string]string, primary string) Object {
	switch {
	case a.ScaledObject != nil:
		return MakeCanaryScaledObject(a.ScaledObject, primary, canary, limits, queries)
	case a.HPA != nil && metav1.GetControllerOf(a.HPA) == nil:
		return MakeCanaryAutoscaler(a.HPA, canary, limits)
	}
	return nil
}

// MakeCanaryAutoscaler returns the canary's copy of an HPA: the same metrics and behaviour, with the canary's limits.
func MakeCanaryAutoscaler(hpa *autoscalingv2.HorizontalPodAutoscaler, canary *appsv1.Deployment, limits Limits) *autoscalingv2.HorizontalPodAutoscaler {
	result := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: copiedMeta(hpa, canary), Spec: *hpa.Spec.DeepCopy()}
	least, most := limits.of(hpa.Spec.MaxReplicas)
	result.Spec.ScaleTargetRef.Name = canary.Name
	result.Spec.MinReplicas, result.Spec.MaxReplicas = &least, most
	return result
}
