package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// Settings are what the annotations of a Deployment say.
type Settings struct {
	config.Settings
	// sources name the annotation that sets a value, by the value's path.
	sources map[string]string
}

// fromAnnotation is the source of values that an annotation sets.
func fromAnnotation(key string) string { return "annotation " + key }

// SettingsOf reads the annotations of a Deployment. The errors carry the full path of the annotation, the value and what is
// allowed. EffectiveOf checks what depends on policies.
func SettingsOf(annotations map[string]string) (Settings, field.ErrorList) {
	all := Settings{sources: map[string]string{}}
	path := field.NewPath("metadata", "annotations")
	var errs field.ErrorList
	for _, annotation := range config.Annotations() {
		value, set := annotations[annotation.Key]
		if !set || annotation.Kind != config.KindSetting {
			continue
		}
		var alone config.Settings
		if err := annotation.Read(&alone, value); err != nil {
			errs = append(errs, field.Invalid(path.Key(annotation.Key), value, err.Error()))
			continue
		}
		_ = annotation.Read(&all.Settings, value)
		for _, of := range pathsOf(alone) {
			all.sources[of] = fromAnnotation(annotation.Key)
		}
	}
	if len(errs) == 0 {
		// Annotations are rarely a whole policy: what they leave out is not checked.
		c := &checker{}
		c.values(all.Spec)
		errs = all.located(c.sorted())
	}
	return all, append(errs, config.UnknownKeys(path, annotations)...)
}

// layer is the highest layer of the policy.
func (s Settings) layer() Layer {
	return Layer{From: "annotations", Spec: s.Spec, checks: s.Checks, of: s.sources}
}

// pathsOf are those of the values that settings set.
func pathsOf(settings config.Settings) []string {
	paths := slices.Collect(maps.Keys(Values(settings.Spec)))
	for _, check := range settings.Checks {
		paths = append(paths, "analysis.metrics["+check.Name+"]")
	}
	return paths
}

// located replaces the path in each error by that of the annotation that sets the value, or of all annotations if no single one does.
func (s Settings) located(errs field.ErrorList) field.ErrorList {
	path := field.NewPath("metadata", "annotations")
	for _, err := range errs {
		inner := strings.TrimPrefix(err.Field, specPath.String()+".")
		err.Field = path.String()
		for _, of := range slices.Sorted(maps.Keys(s.sources)) {
			if inner == of || strings.HasPrefix(inner, of+"[") || strings.HasPrefix(inner, of+".") {
				err.Field = path.Key(strings.TrimPrefix(s.sources[of], fromAnnotation(""))).String()
				err.Detail = strings.TrimSuffix(err.Detail, setBy(s.sources[of]))
				break
			}
		}
	}
	return errs
}

// Effective is the policy in effect for a Deployment.
type Effective struct {
	// Policy is the effective policy, parsed.
	Policy config.Policy
	// Spec is the same policy as users see it; Sources says where each value comes from.
	Spec    v1alpha1.PolicySpec
	Sources []v1alpha1.PolicySource
}

// EffectiveOf merges annotations and policies, the highest first, over the built-in values. An error of one layer names the layer; an
// error of the merged policy has a path such as spec.analysis.mirror, and names the source of the value.
func EffectiveOf(settings Settings, policies ...Layer) (Effective, field.ErrorList) {
	spec, sources, err := Merge(append([]Layer{settings.layer()}, policies...)...)
	if err != nil {
		return Effective{}, field.ErrorList{field.InternalError(specPath, err)}
	}
	policy, errs := Parse(spec)
	if len(errs) > 0 {
		return Effective{}, explained(errs, sources)
	}
	policy.Group, policy.IdentityLabels, policy.MissedPolicies = settings.Group, settings.IdentityLabels, settings.MissedPolicies
	return Effective{Policy: policy, Spec: spec, Sources: sources}, nil
}

func setBy(source string) string { return fmt.Sprintf(" (set by %s)", source) }

// explained adds to each error the source of the value, unless the value is built in.
func explained(errs field.ErrorList, sources []v1alpha1.PolicySource) field.ErrorList {
	for _, err := range errs {
		inner := strings.TrimPrefix(err.Field, specPath.String()+".")
		for _, source := range sources {
			if source.From != FromBuiltIn && (inner == source.Field || strings.HasPrefix(inner, source.Field+"[")) {
				err.Detail += setBy(source.From)
				break
			}
		}
	}
	return errs
}

// For is the Policy of a Deployment with these annotations where no CanaryPolicy concerns it. The errors carry the full
// path of the annotation, the value and what is allowed; the Policy is not to be used when there are any.
func For(annotations map[string]string) (config.Policy, field.ErrorList) {
	settings, errs := SettingsOf(annotations)
	if len(errs) > 0 {
		return config.Policy{}, errs
	}
	effective, errs := EffectiveOf(settings)
	return effective.Policy, settings.located(errs)
}
