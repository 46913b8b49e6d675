package route

import (
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/config"
)

// Keeps reports whether a route still contains everything that was generated. It may contain more: the API server fills in
// defaults, and others add labels, annotations and fields. A split and cohorts do not count.
func Keeps(current, generated Route) bool {
	plain := Plain(current)
	return keepsAll(asValues(plain.Labels), asValues(generated.Labels)) &&
		keepsAll(asValues(plain.Annotations), asValues(generated.Annotations)) &&
		keepsAll(specOf(plain), specOf(generated))
}

// Covers reports whether a value of decoded JSON contains another: every field of its objects, and lists of the same length,
// each entry of which covers that of the same position.
func Covers(current, wanted any) bool {
	switch want := wanted.(type) {
	case map[string]any:
		have, isObject := current.(map[string]any)
		return isObject && keepsAll(have, want)
	case []any:
		have, isList := current.([]any)
		if !isList || len(have) != len(want) {
			return false
		}
		for i := range want {
			if !Covers(have[i], want[i]) {
				return false
			}
		}
		return true
	}
	return equality.Semantic.DeepEqual(current, wanted)
}

func keepsAll(current, wanted map[string]any) bool {
	for key, value := range wanted {
		if !Covers(current[key], value) {
			return false
		}
	}
	return true
}

func asValues(metadata map[string]string) map[string]any {
	values := map[string]any{}
	for key, value := range metadata {
		values[key] = value
	}
	return values
}

// specOf returns the generated part of a spec, as JSON.
func specOf(r Route) map[string]any {
	common := struct {
		ParentRefs []gatewayv1.ParentReference `json:"parentRefs,omitempty"`
		Hostnames  []gatewayv1.Hostname        `json:"hostnames,omitempty"`
	}{r.ParentRefs, r.Hostnames}
	spec, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&common)
	if err != nil {
		panic(err) // the types of the Gateway API can always be encoded
	}
	spec["rules"] = r.Rules
	return spec
}

// Repaired returns the generated route with the split and the cohorts of the current one rendered on it, so that writing it
// takes no requests from a canary. The error says what cannot be rendered, and what to do.
func Repaired(current, generated Route) (Route, error) {
	stated, err := IntentsOf(current.Annotations)
	if err != nil {
		return Route{}, err
	}
	repaired, err := With(generated, stated)
	if err != nil {
		return Route{}, err
	}
	// The annotation that states the intents belongs to another writer.
	delete(repaired.Annotations, config.AnnotationSplit)
	delete(repaired.Annotations, config.AnnotationCohorts)
	return repaired, nil
}
