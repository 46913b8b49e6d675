package policy

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// idle is the advice on a value without effect. The message continues a sentence.
func idle(path *field.Path, message string) Advice {
	return Advice{path.String(), "has no effect" + message}
}

// idleAdvice flags fields that are accepted so that policies of Flagger can be pasted, and that do nothing in any policy.
func idleAdvice(spec v1alpha1.PolicySpec) []Advice {
	var all []Advice
	if ref := spec.AutoscalerRef; ref != nil && ref.Kind != "ScaledObject" && len(ref.PrimaryScalerQueries) > 0 {
		all = append(all, idle(specPath.Child("autoscalerRef", "primaryScalerQueries"), ": only the triggers of a ScaledObject have queries; remove it"))
	}
	if spec.Analysis != nil {
		all = append(all, idleInAnalysis(specPath.Child("analysis"), *spec.Analysis)...)
	}
	if service := spec.Service; service != nil {
		all = append(all, idleNames(specPath.Child("service", "match"), service.Match)...)
		if service.UnmanagedMetadata != nil {
			all = append(all, idle(specPath.Child("service", "unmanagedMetadata"), ": Sluice always keeps labels and annotations that others set; remove it"))
		}
	}
	return all
}

func idleInAnalysis(path *field.Path, analysis v1alpha1.AnalysisSpec) []Advice {
	all := idleNames(path.Child("match"), analysis.Match)
	for i, hook := range analysis.Webhooks {
		if ptr.Deref(hook.MuteAlert, false) {
			all = append(all, idle(path.Child("webhooks").Index(i).Child("muteAlert"), ": this release sends no alerts; remove it"))
		}
	}
	for i, metric := range analysis.Metrics {
		if config.IsBuiltIn(metric) && len(metric.TemplateVariables) > 0 {
			all = append(all, idle(path.Child("metrics").Index(i).Child("templateVariables"), ": the queries of the built-in checks have no variables; remove it, or set query"))
		}
	}
	return all
}

func idleNames(path *field.Path, matches []v1alpha1.HTTPMatch) (all []Advice) {
	for i, match := range matches {
		if match.Name != "" {
			all = append(all, idle(path.Index(i).Child("name"), ": a match of the Gateway API has no name; write it as a comment"))
		}
	}
	return all
}

// EffectiveAdvice returns the advice that only the whole policy of a Deployment shows: values that its other values leave without
// effect, and those that describe objects which are the user's own.
func EffectiveAdvice(spec v1alpha1.PolicySpec, own Own) []Advice {
	var all []Advice
	if spec.Analysis != nil {
		all = append(all, idleSteps(specPath.Child("analysis"), *spec.Analysis, hasNoTraffic(spec))...)
		all = append(all, idleGuard(specPath.Child("analysis", "guard"), *spec.Analysis, hasNoTraffic(spec))...)
	}
	if ref := spec.AutoscalerRef; ref != nil && spec.Canary != nil && ptr.Deref(spec.Canary.Autoscaler, "") == config.AutoscalerNone {
		for _, name := range names([]part{{"primaryScalerQueries", len(ref.PrimaryScalerQueries) > 0}, {"primaryScalerReplicas", ref.PrimaryScalerReplicas != nil}}) {
			all = append(all, idle(specPath.Child("autoscalerRef", name), " with canary.autoscaler: None; remove one of them"))
		}
	}
	if service := spec.Service; service != nil && service.CohortHeader != nil && len(service.Cohort) == 0 {
		all = append(all, idle(specPath.Child("service", "cohortHeader"), " without cohort; set cohort, or remove it"))
	}
	return append(all, createdAdvice(spec, &own)...)
}

// idleSteps flags what the strategy of a policy does not look at.
func idleSteps(path *field.Path, a v1alpha1.AnalysisSpec, hasNoTraffic bool) (all []Advice) {
	isBlueGreen := ptr.Deref(a.Iterations, 0) > 0 && !weighted(&a) && len(a.Match) == 0 && !hasNoTraffic
	if a.Hold != nil && !isBlueGreen {
		all = append(all, idle(path.Child("hold"), ": only blue/green holds, which is iterations without match and without weights; remove it"))
	}
	if a.MaxWeight != nil && ptr.Deref(a.StepWeight, 0) == 0 {
		all = append(all, idle(path.Child("maxWeight"), " without stepWeight; remove it, or set stepWeight"))
	}
	if hasNoTraffic && ptr.Deref(a.StepWeightPromotion, 0) > 0 {
		all = append(all, idle(path.Child("stepWeightPromotion"), withoutTraffic))
	}
	return all
}

const withoutTraffic = " with traffic: None; remove it, or set traffic: Routes"

// listed joins names, such as a, b and c.
func listed(names []string) string {
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return fmt.Sprintf("%s and %s", strings.Join(names[:last], ", "), names[last])
}
