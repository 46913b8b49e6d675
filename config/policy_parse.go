package config

import (
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
)

// PolicyOf parses a policy above what is built in. The errors carry full paths such as spec.analysis.steps[2].duration, the
// value and what is allowed; the Policy is not to be used when there are any.
func PolicyOf(spec v1alpha1.PolicySpec) (Policy, field.ErrorList) {
	if errs := ValidatePolicy(spec); len(errs) > 0 {
		return Policy{}, errs
	}
	effective, _, err := Merge(Layer{Spec: spec})
	if err != nil {
		return Policy{}, field.ErrorList{field.InternalError(specPath, err)}
	}
	if errs := checkTogether(effective); len(errs) > 0 {
		return Policy{}, errs
	}
	return parse(effective), nil
}

// parse reads an effective policy that was checked.
func parse(spec v1alpha1.PolicySpec) Policy {
	policy := Policy{
		Traffic:          *spec.Traffic,
		Suspend:          ptr.Deref(spec.Suspend, false),
		SkipAnalysis:     ptr.Deref(spec.SkipAnalysis, false),
		ProgressDeadline: time.Duration(*spec.ProgressDeadlineSeconds) * time.Second,
		Autoscaler:       spec.AutoscalerRef,
		Copy:             CopyPolicy{Replicas: *spec.Canary.Replicas, Autoscaler: *spec.Canary.Autoscaler == autoscalerCopy},
	}
	if spec.Canary.Template != nil {
		policy.Copy.Template = spec.Canary.Template.Raw
	}
	parseWeights(&policy, spec.Analysis)
	parseRounds(&policy, spec.Analysis)
	parseChecks(&policy, spec.Analysis)
	if spec.Service != nil {
		parseService(&policy, spec.Service)
	}
	return policy
}

func parseWeights(policy *Policy, analysis *v1alpha1.AnalysisSpec) {
	policy.StepWeight = ptr.Deref(analysis.StepWeight, 0)
	policy.MaxWeight = ptr.Deref(analysis.MaxWeight, builtInMaxWeight)
	policy.StepWeights = analysis.StepWeights
	policy.StepWeightPromotion = ptr.Deref(analysis.StepWeightPromotion, 0)
	for _, step := range analysis.Steps {
		policy.ExplicitSteps = append(policy.ExplicitSteps,
			Step{Weight: step.Weight, Mirror: ptr.Deref(step.MirrorWeight, 0), Duration: durationOr(step.Duration, 0)})
	}
}

// parseRounds reads what a rollout does beside its weights, and when.
func parseRounds(policy *Policy, analysis *v1alpha1.AnalysisSpec) {
	policy.Interval = analysis.Interval.Duration
	policy.Iterations = ptr.Deref(analysis.Iterations, 0)
	policy.Hold = durationOr(analysis.Hold, policy.Interval)
	policy.Delay = durationOr(analysis.Delay, 0)
	policy.Match = analysis.Match
	policy.Mirror = ptr.Deref(analysis.Mirror, false)
	policy.MirrorWeight = ptr.Deref(analysis.MirrorWeight, builtInMirrorWeight)
	policy.StepMirrorWeight = ptr.Deref(analysis.StepMirrorWeight, 0)
	policy.MaxMirrorWeight = ptr.Deref(analysis.MaxMirrorWeight, builtInMirrorWeight)
	policy.PrimaryReadyThreshold = *analysis.PrimaryReadyThreshold
	policy.CanaryReadyThreshold = *analysis.CanaryReadyThreshold
	if affinity := analysis.SessionAffinity.DeepCopy(); affinity != nil {
		affinity.MaxAge = ptr.To(ptr.Deref(affinity.MaxAge, builtInCookieAge))
		affinity.ExpireFor = &metav1.Duration{Duration: durationOr(affinity.ExpireFor, builtInCookieExpiry)}
		policy.SessionAffinity = affinity
	}
}

func parseChecks(policy *Policy, analysis *v1alpha1.AnalysisSpec) {
	policy.Threshold = *analysis.Threshold
	policy.Metrics = ptr.Deref(analysis.Preset, "")
	policy.MinRequests = float64(*analysis.MinRequests)
	policy.MinSuccessRate, policy.MaxRequestDuration = builtInSuccessRate, builtInDuration*time.Millisecond
	plain := 0
	for _, metric := range analysis.Metrics {
		if parseBuiltIn(policy, metric) && metric.Interval == nil {
			plain++
		}
	}
	if plain != 2 || len(analysis.Metrics) != 2 {
		policy.Checks = analysis.Metrics
	}
	for _, hook := range analysis.Webhooks {
		if hook.Type == "" {
			hook.Type = v1alpha1.HookRollout
		}
		hook.Timeout = &metav1.Duration{Duration: durationOr(hook.Timeout, builtInHookTimeout)}
		policy.Hooks = append(policy.Hooks, hook)
	}
}

// parseBuiltIn takes the threshold of a built-in check, and reports false for any other metric, and for another range.
func parseBuiltIn(policy *Policy, metric v1alpha1.Metric) bool {
	least, most := limits(metric)
	switch {
	case !isBuiltIn(metric):
		return false
	case metric.Name == CheckSuccessRate && most == nil:
		policy.MinSuccessRate = ptr.Deref(least, builtInSuccessRate)
	case metric.Name == CheckDuration && least == nil:
		policy.MaxRequestDuration = time.Duration(ptr.Deref(most, builtInDuration) * float64(time.Millisecond))
	default:
		return false
	}
	return true
}

// isBuiltIn reports whether a metric is a built-in check and not a query under the same name.
func isBuiltIn(metric v1alpha1.Metric) bool {
	return (metric.Name == CheckSuccessRate || metric.Name == CheckDuration) && metric.Query == "" && metric.TemplateRef == nil
}

// limits are the range of a metric, or the old threshold as one.
func limits(metric v1alpha1.Metric) (least, most *float64) {
	if metric.ThresholdRange != nil {
		return metric.ThresholdRange.Min, metric.ThresholdRange.Max
	}
	if metric.Name == CheckSuccessRate {
		return metric.Threshold, nil
	}
	return nil, metric.Threshold
}

func parseService(policy *Policy, service *v1alpha1.ServiceSpec) {
	policy.Service = ptr.Deref(service.Name, "")
	for _, name := range service.Routes {
		if !strings.HasPrefix(name, "HTTPRoute/") && !strings.HasPrefix(name, "GRPCRoute/") {
			name = "HTTPRoute/" + name
		}
		policy.Routes = append(policy.Routes, name)
	}
	policy.Generated = service.DeepCopy()
	if len(service.Cohort) > 0 && service.CohortHeader == nil {
		policy.Generated.CohortHeader = ptr.To(builtInCohortHeader)
	}
}

func durationOr(duration *metav1.Duration, otherwise time.Duration) time.Duration {
	if duration == nil {
		return otherwise
	}
	return duration.Duration
}
