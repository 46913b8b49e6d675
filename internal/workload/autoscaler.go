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

// Autoscaler is what sets the replicas of a primary: an HPA or a ScaledObject, of which the other is nil.
type Autoscaler struct {
	HPA          *autoscalingv2.HorizontalPodAutoscaler
	ScaledObject *unstructured.Unstructured
}

// Limits of a canary's autoscaler, in replicas.
type Limits struct {
	// Min is what the canary's weight needs.
	Min int32
	// Share of the primary's limit that is the canary's, in percent.
	Share float64
	// Set are limits that the policy names in place of these; nil for none.
	Set *v1alpha1.ScalerReplicas
}

// of makes the limits from the greatest number of replicas that the primary may have. What the weight needs is never cut.
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

// AutoscalerOf finds what sets the primary's replicas, nil when nothing does. With a reference it is the one that is named,
// and the error says why that one cannot be. An HPA that a ScaledObject has made counts as that ScaledObject's.
func AutoscalerOf(primary *appsv1.Deployment, hpas []autoscalingv2.HorizontalPodAutoscaler, scaled []unstructured.Unstructured, ref *v1alpha1.AutoscalerRef) (*Autoscaler, error) {
	for i := range scaled {
		if named(ref, kindScaledObject, scaled[i].GetName()) && !IsCanarys(&scaled[i]) && scaledObjectScales(&scaled[i], primary.Name) {
			return &Autoscaler{ScaledObject: &scaled[i]}, nil
		}
	}
	for i := range hpas {
		target := hpas[i].Spec.ScaleTargetRef
		if named(ref, kindAutoscaler, hpas[i].Name) && !IsCanarys(&hpas[i]) && target.Kind == "Deployment" && target.Name == primary.Name {
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

// Make makes the canary's copy of the autoscaler, nil where there is nothing to copy: an HPA that belongs to something else
// is made anew by that.
func (a Autoscaler) Make(canary *appsv1.Deployment, limits Limits, queries map[string]string, primary string) Object {
	switch {
	case a.ScaledObject != nil:
		return MakeCanaryScaledObject(a.ScaledObject, primary, canary, limits, queries)
	case a.HPA != nil && metav1.GetControllerOf(a.HPA) == nil:
		return MakeCanaryAutoscaler(a.HPA, canary, limits)
	}
	return nil
}

// MakeCanaryAutoscaler makes the canary's copy of an HPA: the same metrics and behaviour, with limits of its own.
func MakeCanaryAutoscaler(hpa *autoscalingv2.HorizontalPodAutoscaler, canary *appsv1.Deployment, limits Limits) *autoscalingv2.HorizontalPodAutoscaler {
	result := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: copiedMeta(hpa, canary), Spec: *hpa.Spec.DeepCopy()}
	least, most := limits.of(hpa.Spec.MaxReplicas)
	result.Spec.ScaleTargetRef.Name = canary.Name
	result.Spec.MinReplicas, result.Spec.MaxReplicas = &least, most
	return result
}
