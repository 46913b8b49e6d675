package observed

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
)

// Written is a pod template of the canary as the API server returned it after our own write.
type Written struct {
	v1alpha1.WrittenTemplate
	// At is when it was written.
	At time.Time
}

// WrittenTo describes what the API server returned after a write of the canary.
func WrittenTo(canary *appsv1.Deployment, at time.Time) *Written {
	return &Written{At: at, WrittenTemplate: v1alpha1.WrittenTemplate{
		UID: canary.UID, Generation: canary.Generation, Template: workload.StoredTemplate(canary)}}
}

// Differs reports whether a canary has another pod template than the written one. An autoscaler raises the generation too, so
// the content decides. A read from before our write has an older generation, and nothing differs while nothing is known.
func Differs(canary *appsv1.Deployment, written *v1alpha1.WrittenTemplate) bool {
	switch {
	case canary == nil || written == nil:
		return false
	case canary.UID == written.UID && canary.Generation <= written.Generation:
		return false
	}
	return workload.StoredTemplate(canary) != written.Template
}
