package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"sluice.dev/sluice/api/v1alpha1"
)

// Settings are what the annotations of a Deployment say.
type Settings struct {
	// Layer is the highest layer of its policy.
	Layer Layer
	// Policy is the name of the CanaryPolicy or ClusterCanaryPolicy that it names; empty for none.
	Policy string
	// Group is the name of its group; empty for none.
	Group string
	// IdentityLabels are the label keys to rewrite on the canary's pods.
	IdentityLabels []string
}

// FromAnnotation is the source of values that an annotation sets.
func FromAnnotation(key string) string { return "annotation " + key }

// SettingsOf reads the annotations of a Deployment. The errors carry the full path of the annotation, the value and what is
// allowed. What only goes together with a policy is not judged: EffectiveOf does that.
func SettingsOf(annotations map[string]string) (Settings, field.ErrorList) {
	all := Settings{Layer: Layer{From: "annotations", of: map[string]string{}}}
	path := field.NewPath("metadata", "annotations")
	var errs field.ErrorList
	for _, s := range settings {
		value, set := annotations[s.Key]
		if !set || s.read == nil {
			continue
		}
		var alone Settings
		if err := s.read(&alone, value); err != nil {
			errs = append(errs, field.Invalid(path.Key(s.Key), value, err.Error()))
			continue
		}
		_ = s.read(&all, value)
		for _, of := range alone.Layer.paths() {
			all.Layer.of[of] = FromAnnotation(s.Key)
		}
	}
	if len(errs) == 0 {
		// Annotations are a part of a policy more often than a whole one: what they leave out is not judged.
		c := &checker{}
		c.values(all.Layer.Spec)
		errs = all.located(c.sorted())
	}
	return all, append(errs, unknownKeys(path, annotations)...)
}

// paths are those of the values that a layer sets.
func (l Layer) paths() []string {
	paths := slices.Collect(maps.Keys(Values(l.Spec)))
	for _, check := range l.checks {
		paths = append(paths, "analysis.metrics["+check.Name+"]")
	}
	return paths
}

// located gives errors of a policy the path of the annotation that sets the value, or of all where none does alone.
func (s Settings) located(errs field.ErrorList) field.ErrorList {
	path := field.NewPath("metadata", "annotations")
	for _, err := range errs {
		inner := strings.TrimPrefix(err.Field, specPath.String()+".")
		err.Field = path.String()
		for _, of := range slices.Sorted(maps.Keys(s.Layer.of)) {
			if inner == of || strings.HasPrefix(inner, of+"[") || strings.HasPrefix(inner, of+".") {
				err.Field = path.Key(strings.TrimPrefix(s.Layer.of[of], FromAnnotation(""))).String()
				err.Detail = strings.TrimSuffix(err.Detail, setBy(s.Layer.of[of]))
				break
			}
		}
	}
	return errs
}

// Effective is the policy that is in force for a Deployment.
type Effective struct {
	// Policy is it parsed.
	Policy Policy
	// Spec is it as it is shown, and Sources say where each value comes from.
	Spec    v1alpha1.PolicySpec
	Sources []v1alpha1.PolicySource
}

// EffectiveOf merges what the annotations say with policies, the highest first, above what is built in. An error of a layer
// names the layer; those of what they make together carry paths such as spec.analysis.mirror, and say where the value comes from.
func EffectiveOf(settings Settings, policies ...Layer) (Effective, field.ErrorList) {
	spec, sources, err := Merge(append([]Layer{settings.Layer}, policies...)...)
	if err != nil {
		return Effective{}, field.ErrorList{field.InternalError(specPath, err)}
	}
	policy, errs := PolicyOf(spec)
	if len(errs) > 0 {
		return Effective{}, explained(errs, sources)
	}
	policy.Group, policy.IdentityLabels = settings.Group, settings.IdentityLabels
	return Effective{Policy: policy, Spec: spec, Sources: sources}, nil
}

func setBy(source string) string { return fmt.Sprintf(" (set by %s)", source) }

// explained tells in each error where the value comes from, unless nobody set it.
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
