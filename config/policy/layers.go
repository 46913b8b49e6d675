package policy

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"sluice.dev/sluice/api/v1alpha1"
)

// Layer is the part of a policy that one source sets.
type Layer struct {
	// From names the source, such as CanaryPolicy/standard.
	From string
	// Spec has the values it sets; the layers below set the others.
	Spec v1alpha1.PolicySpec
	// Limits are what the other layers cannot lower; nil for none.
	Limits *v1alpha1.PolicyLimits
	// checks set the thresholds of built-in checks, wherever those are listed; a check that no layer lists is added.
	checks []v1alpha1.Metric
	// of has the sources of single values, by their paths, where they differ from From.
	of map[string]string
}

func (l Layer) source(path string) string {
	if from, known := l.of[path]; known {
		return from
	}
	return l.From
}

// Merge returns the effective policy of layers, the highest first, over the built-in values, and the source of each value, sorted by
// field. Objects are merged field by field; lists are not merged. A value that a layer turns off or replaces is not taken from the
// layers below. The error is that of a layer that cannot be encoded as JSON.
func Merge(layers ...Layer) (v1alpha1.PolicySpec, []v1alpha1.PolicySource, error) {
	merged, sources := map[string]any{}, map[string]string{}
	for _, layer := range append(slices.Clone(layers), builtIn()) {
		object, err := objectOf(layer.Spec)
		if err != nil {
			return v1alpha1.PolicySpec{}, nil, fmt.Errorf("%s: %w", layer.From, err)
		}
		if layer.From == FromBuiltIn {
			withWeights(object, merged)
			withoutThresholds(object, merged)
		}
		displace(object, merged)
		fill(merged, object, "", func(path string) { sources[path] = layer.source(path) })
	}
	var spec v1alpha1.PolicySpec
	if err := reencode(merged, &spec); err != nil {
		return v1alpha1.PolicySpec{}, nil, err
	}
	for _, layer := range slices.Backward(layers) {
		for _, check := range layer.checks {
			spec.Analysis.Metrics = withCheck(spec.Analysis.Metrics, check)
			path := "analysis.metrics[" + check.Name + "]"
			sources[path] = layer.source(path)
		}
	}
	for _, layer := range layers {
		layer.limit(&spec, sources)
	}
	return spec, sorted(sources), nil
}

// withCheck sets the threshold of a check, or adds the check.
func withCheck(metrics []v1alpha1.Metric, check v1alpha1.Metric) []v1alpha1.Metric {
	metrics = slices.Clone(metrics)
	at := slices.IndexFunc(metrics, func(m v1alpha1.Metric) bool { return m.Name == check.Name })
	if at < 0 {
		return append(metrics, check)
	}
	metrics[at].Threshold, metrics[at].ThresholdRange = nil, check.ThresholdRange
	return metrics
}

func sorted(sources map[string]string) []v1alpha1.PolicySource {
	list := make([]v1alpha1.PolicySource, 0, len(sources))
	for path, from := range sources {
		list = append(list, v1alpha1.PolicySource{Field: path, From: from})
	}
	slices.SortFunc(list, func(a, b v1alpha1.PolicySource) int { return cmp.Compare(a.Field, b.Field) })
	return list
}

// whole are objects that come from a single layer: references, whose fields mean nothing without each other.
var whole = []string{"autoscalerRef", "service.primaryBackend", "service.canaryBackend"}

// fill adds the missing fields, and calls tell with the path of each value that it adds.
func fill(into, from map[string]any, path string, tell func(path string)) {
	for key, value := range from {
		inner := strings.TrimPrefix(path+"."+key, ".")
		object, isObject := value.(map[string]any)
		if !isObject || len(object) == 0 || slices.Contains(whole, inner) {
			if !isSet(into, key) {
				into[key] = value
				tell(inner)
			}
			continue
		}
		if !isSet(into, key) {
			into[key] = map[string]any{}
		}
		if below, ok := into[key].(map[string]any); ok {
			fill(below, object, inner, tell)
		}
	}
}

var (
	weights = []string{"stepWeight", "stepWeights", "steps", "ladder"}
	mirrors = []string{"mirror", "mirrorWeight", "stepMirrorWeight", "maxMirrorWeight"}
)

// displace removes from a lower layer's analysis what the layers above replace or turn off.
func displace(lower, higher map[string]any) {
	below, _ := lower["analysis"].(map[string]any)
	above, _ := higher["analysis"].(map[string]any)
	drop := func(keys ...string) {
		for _, key := range keys {
			delete(below, key)
		}
	}
	for _, key := range weights {
		if isSet(above, key) {
			drop(weights...)
			if key != "stepWeight" {
				drop("maxWeight")
			}
		}
	}
	if isSet(above, "ladder") {
		drop("iterations")
		drop(mirrors...)
	}
	if displacesLadder(above) {
		drop("ladder")
	}
	if isZero(above["iterations"]) {
		drop(mirrors...)
	}
	if isZero(above["mirror"]) {
		drop(mirrors...)
	}
}

// displacesLadder reports whether an analysis leaves no place for the guard's ladder below it: the guard is off, or there are other
// steps.
func displacesLadder(above map[string]any) bool {
	guard, _ := above["guard"].(map[string]any)
	return isZero(guard["enabled"]) || isSet(above, "maxWeight") || isSet(above, "iterations") && !isZero(above["iterations"])
}

func objectOf(spec v1alpha1.PolicySpec) (map[string]any, error) {
	object := map[string]any{}
	return object, reencode(spec, &object)
}

func reencode(from, into any) error {
	content, err := json.Marshal(from)
	if err != nil {
		return fmt.Errorf("encode the policy: %w", err)
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("decode the policy: %w", err)
	}
	return nil
}

// Differences returns the paths of the values that differ between two policies, sorted.
func Differences(a, b v1alpha1.PolicySpec) []string {
	before, after := Values(a), Values(b)
	var paths []string
	for path, value := range before {
		if !reflect.DeepEqual(value, after[path]) {
			paths = append(paths, path)
		}
	}
	for path := range after {
		if !isSet(before, path) {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// Values are the values of a policy as JSON by their paths, such as analysis.interval; none if the policy cannot be encoded.
func Values(spec v1alpha1.PolicySpec) map[string]any {
	values := map[string]any{}
	object, err := objectOf(spec)
	if err != nil {
		return values
	}
	flatten(values, object, "")
	return values
}

func flatten(into, object map[string]any, path string) {
	for _, key := range slices.Sorted(maps.Keys(object)) {
		inner := strings.TrimPrefix(path+"."+key, ".")
		if below, ok := object[key].(map[string]any); ok && len(below) > 0 && !slices.Contains(whole, inner) {
			flatten(into, below, inner)
			continue
		}
		into[inner] = object[key]
	}
}
