package rollout

import (
	appsv1 "k8s.io/api/apps/v1"

	"sluice.dev/sluice/internal/workload"
)

// around are the fields around the template that the candidate changes.
func (f Facts) around() workload.Around {
	if f.o.Candidate == nil {
		return nil
	}
	return f.o.Candidate.Around
}

// keeps names the field around the template that the candidate must not change: an autoscaler sets the replicas of the primary
// by its load, which no manifest knows.
func (f Facts) keeps() string {
	if _, changes := f.around()[workload.FieldReplicas]; changes && f.autoscaler != nil {
		return workload.FieldReplicas
	}
	return ""
}

// asPromoted is the primary with the fields around the template that the candidate changes.
func (f Facts) asPromoted() *appsv1.Deployment {
	return f.around().Without(f.keeps()).In(f.o.Primary)
}

// asRestored is the primary with the fields around the template as they were before the promotion.
func (f Facts) asRestored() *appsv1.Deployment {
	if f.o.Previous == nil {
		return f.o.Primary
	}
	return f.o.Previous.Around.Undone().In(f.o.Primary)
}
