package policy

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// Parse reads a policy above what is built in. The errors carry full paths such as spec.analysis.steps[2].duration, the
// value and what is allowed; the Policy is not to be used when there are any.
func Parse(spec v1alpha1.PolicySpec) (config.Policy, field.ErrorList) {
	if errs := Validate(spec); len(errs) > 0 {
		return config.Policy{}, errs
	}
	effective, _, err := Merge(Layer{Spec: spec})
	if err != nil {
		return config.Policy{}, field.ErrorList{field.InternalError(specPath, err)}
	}
	if errs := checkTogether(effective); len(errs) > 0 {
		return config.Policy{}, errs
	}
	return parse(effective), nil
}

// Defaults returns the Policy of a Deployment that sets nothing but the opt-in.
func Defaults() config.Policy {
	policy, _ := Parse(v1alpha1.PolicySpec{})
	return policy
}

// parse reads an effective policy that was checked.
func parse(spec v1alpha1.PolicySpec) config.Policy {
	replicas, _ := config.ParseReplicas(*spec.Canary.Replicas)
	policy := config.Policy{
		Traffic:          *spec.Traffic,
		Suspend:          ptr.Deref(spec.Suspend, false),
		SkipAnalysis:     ptr.Deref(spec.SkipAnalysis, false),
		ProgressDeadline: time.Duration(*spec.ProgressDeadlineSeconds) * time.Second,
		UnavailableAfter: time.Duration(*spec.UnavailableAfterSeconds) * time.Second,
		Autoscaler:       spec.AutoscalerRef,
		Canary:           config.CanaryOverrides{Replicas: replicas, Autoscaler: *spec.Canary.Autoscaler == config.AutoscalerCopy},
	}
	if spec.Canary.Template != nil {
		policy.Canary.Template = spec.Canary.Template.Raw
	}
	parseWeights(&policy, spec.Analysis)
	parseRounds(&policy, spec.Analysis)
	parseChecks(&policy, spec.Analysis)
	parseGuard(&policy, spec.Analysis)
	if spec.Service != nil {
		parseService(&policy, spec.Service)
	}
	return policy
}

func parseWeights(policy *config.Policy, analysis *v1alpha1.AnalysisSpec) {
	policy.StepWeight = ptr.Deref(analysis.StepWeight, 0)
	policy.MaxWeight = ptr.Deref(analysis.MaxWeight, builtInMaxWeight)
	policy.StepWeights = analysis.StepWeights
	policy.StepWeightPromotion = ptr.Deref(analysis.StepWeightPromotion, 0)
	for _, step := range analysis.Steps {
		policy.ExplicitSteps = append(policy.ExplicitSteps,
			config.Step{Weight: step.Weight, Mirror: ptr.Deref(step.MirrorWeight, 0), Duration: durationOr(step.Duration, 0)})
	}
}

// parseRounds reads what a rollout does beside its weights, and when.
func parseRounds(policy *config.Policy, analysis *v1alpha1.AnalysisSpec) {
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

func parseChecks(policy *config.Policy, analysis *v1alpha1.AnalysisSpec) {
	policy.Threshold = *analysis.Threshold
	policy.Preset = config.Preset(ptr.Deref(analysis.Preset, ""))
	policy.FailedStatuses = analysis.FailedStatuses
	policy.MinRequests = float64(*analysis.MinRequests)
	policy.MinSuccessRate, policy.MaxRequestDuration = builtInSuccessRate, builtInDuration*time.Millisecond
	plain := 0
	for _, metric := range analysis.Metrics {
		if parseBuiltIn(policy, metric) && metric.Interval == nil && config.IsPlain(metric) {
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
func parseBuiltIn(policy *config.Policy, metric v1alpha1.Metric) bool {
	least, most := config.LimitsOf(metric)
	switch {
	case !config.IsBuiltIn(metric):
		return false
	case metric.Name == v1alpha1.MetricSuccessRate && most == nil:
		policy.MinSuccessRate = ptr.Deref(least, builtInSuccessRate)
	case metric.Name == v1alpha1.MetricDuration && least == nil:
		policy.MaxRequestDuration = time.Duration(ptr.Deref(most, builtInDuration) * float64(time.Millisecond))
	default:
		return false
	}
	return true
}

// parseService reads names that were checked.
func parseService(policy *config.Policy, service *v1alpha1.ServiceSpec) {
	policy.Service = ptr.Deref(service.Name, "")
	for _, name := range service.Routes {
		ref, _ := config.ParseRoute(name)
		policy.Routes = append(policy.Routes, ref)
	}
	if len(service.Cohort) > 0 {
		policy.Cohort.Header = ptr.Deref(service.CohortHeader, builtInCohortHeader)
	}
	for _, name := range service.Cohort {
		member, _ := config.ParseMember(name)
		policy.Cohort.Members = append(policy.Cohort.Members, member)
	}
	policy.Generated = service
}

func durationOr(duration *metav1.Duration, otherwise time.Duration) time.Duration {
	if duration == nil {
		return otherwise
	}
	return duration.Duration
}
