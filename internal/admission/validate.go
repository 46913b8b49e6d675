package admission

import (
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/config/policy"
	"sluice.dev/sluice/internal/workload"
)

var annotations = field.NewPath("metadata", "annotations")

// Validate rejects settings that cannot be parsed, with the full path, the value and the allowed values, and templates
// that another webhook changed. The stored object is nil if the request creates one. A value that was stored before
// does not block a request that leaves it as it is.
func Validate(old, updated map[string]any, request Request) error {
	if err := validateSettings(old, updated, request); err != nil {
		return err
	}
	if old == nil {
		return validateNew(updated, request)
	}
	return guard(old, updated, request)
}

func annotationsOf(object map[string]any) map[string]string {
	return (&unstructured.Unstructured{Object: object}).GetAnnotations()
}

func validateSettings(old, updated map[string]any, request Request) error {
	before, after := annotationsOf(old), annotationsOf(updated)
	_, problems := policy.SettingsOf(after)
	if _, err := config.BypassOf(after, request.Now); err != nil {
		problems = append(problems, field.Invalid(annotations.Key(config.AnnotationBypass), after[config.AnnotationBypass], err.Error()))
	}
	var changed field.ErrorList
	for _, problem := range problems {
		key := annotationOf(problem)
		left := before[key] == after[key]
		if problem.BadValue != any(after[key]) {
			// Several annotations do not go together: any of them may have changed.
			left = sameSettings(before, after)
		}
		if !config.OptedIn(before) || !left {
			changed = append(changed, problem)
		}
	}
	if err := changed.ToAggregate(); err != nil {
		return fmt.Errorf("%w", err)
	}
	return nil
}

// SettingsWarnings warns of settings with which no rollout could start, when a request makes them. Admission reads no
// policies, so it says nothing about a Deployment that names one.
func SettingsWarnings(old, updated map[string]any) []string {
	before, after := annotationsOf(old), annotationsOf(updated)
	if !config.OptedIn(after) || after[config.AnnotationPolicy] != "" || config.OptedIn(before) && sameSettings(before, after) {
		return nil
	}
	_, problems := policy.For(after)
	if _, known := policy.For(before); config.OptedIn(before) && reflect.DeepEqual(known, problems) {
		return nil
	}
	name := (&unstructured.Unstructured{Object: updated}).GetName()
	var warnings []string
	for _, problem := range problems {
		warnings = append(warnings, readable(fmt.Sprintf("%s: no rollout can start unless ClusterCanaryPolicy/%s adds what is missing: %v", name, v1alpha1.DefaultPolicyName, problem)))
	}
	return warnings
}

func sameSettings(before, after map[string]string) bool {
	stored, _ := policy.SettingsOf(before)
	settings, _ := policy.SettingsOf(after)
	return reflect.DeepEqual(stored, settings)
}

// validateNew checks the annotations of a Deployment that is created, perhaps from a backup that was taken during a rollout: a
// candidate must be as admission wrote it and a template that the API server accepts, and there can be no requests and no other
// records yet.
func validateNew(created map[string]any, request Request) error {
	brought := annotationsOf(created)
	for _, key := range append(config.Requests(), config.RecordKeys()...) {
		if value, set := brought[key]; set && key != config.AnnotationCandidate {
			return field.Invalid(annotations.Key(key), value, "cannot be set on a new Deployment; leave it out")
		}
	}
	candidate, err := workload.CandidateOf(brought)
	if err != nil {
		return fmt.Errorf("%s: %w; leave it out", annotations.Key(config.AnnotationCandidate), err)
	}
	if candidate == nil || !config.OptedIn(brought) {
		return nil
	}
	s, err := newSubject(created, created, request)
	if err != nil {
		return err
	}
	return s.validate(candidate.Template, nil)
}

// annotationOf returns the key in a path such as metadata.annotations[sluice.dev/interval].
func annotationOf(problem *field.Error) string {
	path := problem.Field
	start := len("metadata.annotations[")
	if len(path) <= start {
		return ""
	}
	return path[start : len(path)-1]
}

// decodeNumbers decodes JSON with whole numbers as int64, as unstructured objects hold them.
func decodeNumbers(content []byte) (map[string]any, error) {
	var result map[string]any
	if err := utiljson.Unmarshal(content, &result); err != nil {
		return nil, err
	}
	return result, nil
}
