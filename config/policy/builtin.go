package policy

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// FromBuiltIn is the source of values that no annotation and no policy sets.
const FromBuiltIn = "built-in"

const (
	builtInStepWeight     = 10
	builtInMaxWeight      = 50
	builtInInterval       = 30 * time.Second
	builtInSuccessRate    = 99
	builtInDuration       = 500
	builtInMirrorWeight   = 100
	builtInCookieAge      = 86400
	builtInCookieExpiry   = 30 * time.Second
	builtInHookTimeout    = 10 * time.Second
	builtInCohortHeader   = "x-sluice-canary"
	builtInDeadline       = 600
	builtInUnavailable    = 60
	builtInThreshold      = 5
	builtInReadyThreshold = 100
	builtInMinRequests    = 10
)

// builtIn is the lowest layer. It has no weights, because they depend on the layers above, and nothing that is off by default. The guard
// is on: its tests hold at any traffic, which no threshold does.
func builtIn() Layer {
	return Layer{From: FromBuiltIn, Spec: v1alpha1.PolicySpec{
		ProgressDeadlineSeconds: ptr.To[int32](builtInDeadline),
		UnavailableAfterSeconds: ptr.To[int32](builtInUnavailable),
		Traffic:                 ptr.To(v1alpha1.TrafficRoutes),
		Canary:                  &v1alpha1.CanaryCopySpec{Replicas: ptr.To(config.ReplicasProportional), Autoscaler: ptr.To(config.AutoscalerCopy)},
		Analysis: &v1alpha1.AnalysisSpec{
			Guard:                 &v1alpha1.Guard{Enabled: ptr.To(true)},
			Interval:              &metav1.Duration{Duration: builtInInterval},
			Threshold:             ptr.To[int32](builtInThreshold),
			PrimaryReadyThreshold: ptr.To[int32](builtInReadyThreshold),
			CanaryReadyThreshold:  ptr.To[int32](builtInReadyThreshold),
			MinRequests:           ptr.To[int32](builtInMinRequests),
			Metrics:               []v1alpha1.Metric{config.SuccessRate(builtInSuccessRate), config.RequestDuration(builtInDuration)},
		},
	}}
}

// withWeights adds the built-in weights to the lowest layer if the layers above it set no steps.
func withWeights(lowest map[string]any, merged map[string]any) {
	analysis, _ := merged["analysis"].(map[string]any)
	into, _ := lowest["analysis"].(map[string]any)
	step, set := analysis["stepWeight"]
	switch {
	case isSet(analysis, "stepWeights"), isSet(analysis, "steps"), isSet(analysis, "ladder"), set && isZero(step):
		return
	case !set && isSet(analysis, "iterations") && !isZero(analysis["iterations"]):
		return
	case hasGuard(merged) && !set && !isSet(analysis, "maxWeight") && analysis["mirror"] != true && merged["traffic"] != string(v1alpha1.TrafficNone):
		into["ladder"] = config.LadderAuto
		return
	}
	into["stepWeight"], into["maxWeight"] = float64(builtInStepWeight), float64(builtInMaxWeight)
}

// withoutThresholds removes the built-in thresholds from the lowest layer if the guard judges, and the guard if it does not: then only
// what the user wrote counts.
func withoutThresholds(lowest, merged map[string]any) {
	analysis, _ := lowest["analysis"].(map[string]any)
	if hasGuard(merged) {
		delete(analysis, "metrics")
	} else {
		delete(analysis, "guard")
	}
}

// hasGuard reports whether the guard judges with the layers above the lowest: they turn it on, or leave it on. Without traffic there is
// nothing that it could judge but counters of the user's own.
func hasGuard(merged map[string]any) bool {
	analysis, _ := merged["analysis"].(map[string]any)
	guard, _ := analysis["guard"].(map[string]any)
	if isSet(guard, "enabled") {
		return guard["enabled"] == true
	}
	return merged["traffic"] != string(v1alpha1.TrafficNone) || hasPairs(analysis)
}

// hasPairs reports whether any metric is a pair of counters.
func hasPairs(analysis map[string]any) bool {
	metrics, _ := analysis["metrics"].([]any)
	return slices.ContainsFunc(metrics, func(metric any) bool {
		m, _ := metric.(map[string]any)
		return isSet(m, "bad") || isSet(m, "total")
	})
}

func isSet(object map[string]any, key string) bool {
	_, set := object[key]
	return set
}

func isZero(value any) bool {
	return value == float64(0) || value == false
}
