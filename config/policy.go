package config

import (
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Presets are the names that AnnotationMetrics takes.
var Presets = []string{"app", "envoy-gateway", "istio", "traefik"}

// Policy is how to roll out one Deployment.
type Policy struct {
	// Service is the name of the primary's Service; empty to find it by its selector.
	Service string
	// StepWeight is added to the canary's weight in each step, in percent, 1 to 100.
	StepWeight int32
	// MaxWeight is the weight of the last step, in percent, 1 to 100.
	MaxWeight int32
	// Interval is how long each step lasts, at least a second.
	Interval time.Duration
	// Threshold is the number of failed checks that rolls back, at least 1.
	Threshold int32
	// ProgressDeadline is how long the rollout may wait for the same thing.
	ProgressDeadline time.Duration
	// Metrics is the name of the preset; empty to choose by the gateway.
	Metrics string
	// MinSuccessRate is the least percentage of requests that are not answered with a 5xx.
	MinSuccessRate float64
	// MaxRequestDuration is the longest P99 of the request durations.
	MaxRequestDuration time.Duration
	// MinRequests is how many requests a check needs to be conclusive.
	MinRequests float64
	// IdentityLabels are the label keys to rewrite on the canary's pods; empty to choose the fewest that are needed.
	IdentityLabels []string
	// SkipAnalysis promotes a candidate as soon as its canary is ready.
	SkipAnalysis bool
}

// Defaults returns the Policy of a Deployment that sets nothing but the opt-in.
func Defaults() Policy {
	return Policy{
		StepWeight:         10,
		MaxWeight:          50,
		Interval:           30 * time.Second,
		Threshold:          5,
		ProgressDeadline:   600 * time.Second,
		MinSuccessRate:     99,
		MaxRequestDuration: 500 * time.Millisecond,
		MinRequests:        10,
	}
}

// OptedIn reports whether a Deployment with these annotations is opted in.
func OptedIn(annotations map[string]string) bool {
	return annotations[AnnotationCanary] == "true"
}

// PolicyFor reads the annotations of a Deployment. Keys that are absent keep their default. The errors carry the full
// path of the annotation, the value and what is allowed; the Policy is not to be used when there are any.
func PolicyFor(annotations map[string]string) (Policy, field.ErrorList) {
	policy := Defaults()
	path := field.NewPath("metadata", "annotations")
	var errs field.ErrorList
	for _, s := range settings {
		value, set := annotations[s.Key]
		if !set || s.read == nil {
			continue
		}
		if err := s.read(&policy, value); err != nil {
			errs = append(errs, field.Invalid(path.Key(s.Key), value, err.Error()))
		}
	}
	return policy, append(errs, unknownKeys(path, annotations)...)
}
