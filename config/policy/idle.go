package policy

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// idleAdvice flags fields that are accepted so that policies of Flagger can be pasted, and that do nothing in any policy.
func idleAdvice(spec v1alpha1.PolicySpec) []Advice {
	var all []Advice
	say := func(path *field.Path, message string) {
		all = append(all, Advice{path.String(), "has no effect: " + message})
	}
	named := func(path *field.Path, matches []v1alpha1.HTTPMatch) {
		for i, match := range matches {
			if match.Name != "" {
				say(path.Index(i).Child("name"), "a match of the Gateway API has no name; write it as a comment")
			}
		}
	}
	if ref := spec.AutoscalerRef; ref != nil && ref.Kind != "ScaledObject" && len(ref.PrimaryScalerQueries) > 0 {
		say(specPath.Child("autoscalerRef", "primaryScalerQueries"), "only the triggers of a ScaledObject have queries; remove it")
	}
	if analysis := spec.Analysis; analysis != nil {
		path := specPath.Child("analysis")
		named(path.Child("match"), analysis.Match)
		for i, hook := range analysis.Webhooks {
			if ptr.Deref(hook.MuteAlert, false) {
				say(path.Child("webhooks").Index(i).Child("muteAlert"), "this release sends no alerts; remove it")
			}
		}
		for i, metric := range analysis.Metrics {
			if config.IsBuiltIn(metric) && len(metric.TemplateVariables) > 0 {
				say(path.Child("metrics").Index(i).Child("templateVariables"), "the queries of the built-in checks have no variables; remove it, or set query")
			}
		}
	}
	if service := spec.Service; service != nil {
		named(specPath.Child("service", "match"), service.Match)
		if service.UnmanagedMetadata != nil {
			say(specPath.Child("service", "unmanagedMetadata"), "Sluice always keeps labels and annotations that others set; remove it")
		}
	}
	return all
}

// EffectiveAdvice returns the advice that only the whole policy of a Deployment shows: values that its other values leave without
// effect, and those that describe objects which are the user's own.
func EffectiveAdvice(spec v1alpha1.PolicySpec, own Own) []Advice {
	var all []Advice
	say := func(path *field.Path, message string) {
		all = append(all, Advice{path.String(), "has no effect" + message})
	}
	without := ptr.Deref(spec.Traffic, v1alpha1.TrafficRoutes) == v1alpha1.TrafficNone
	if a, path := spec.Analysis, specPath.Child("analysis"); a != nil {
		if isBlueGreen := ptr.Deref(a.Iterations, 0) > 0 && !weighted(a) && len(a.Match) == 0 && !without; a.Hold != nil && !isBlueGreen {
			say(path.Child("hold"), ": only blue/green holds, which is iterations without match and without weights; remove it")
		}
		if a.MaxWeight != nil && ptr.Deref(a.StepWeight, 0) == 0 {
			say(path.Child("maxWeight"), " without stepWeight; remove it, or set stepWeight")
		}
		if without && ptr.Deref(a.StepWeightPromotion, 0) > 0 {
			say(path.Child("stepWeightPromotion"), withoutTraffic)
		}
	}
	if ref := spec.AutoscalerRef; ref != nil && spec.Canary != nil && ptr.Deref(spec.Canary.Autoscaler, "") == config.AutoscalerNone {
		for _, name := range names([]part{{"primaryScalerQueries", len(ref.PrimaryScalerQueries) > 0}, {"primaryScalerReplicas", ref.PrimaryScalerReplicas != nil}}) {
			say(specPath.Child("autoscalerRef", name), " with canary.autoscaler: None; remove one of them")
		}
	}
	if service := spec.Service; service != nil {
		if service.CohortHeader != nil && len(service.Cohort) == 0 {
			say(specPath.Child("service", "cohortHeader"), " without cohort; set cohort, or remove it")
		}
		all = append(all, createdAdvice(spec, &own)...)
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
