package route

import (
	"math"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// asMap returns the value as an object, or an empty one for any other value.
func asMap(value any) map[string]any {
	object, _ := value.(map[string]any)
	return object
}

// listOf returns a field that is a list, or an empty list for anything else.
func listOf(object map[string]any, field string) []any {
	list, _ := object[field].([]any)
	return list
}

// text returns a field that is a string, or the Gateway API's default for an absent one.
func text(object map[string]any, field, absent string) string {
	value, set := object[field].(string)
	if !set {
		return absent
	}
	return value
}

func number(object map[string]any, field string) (int64, bool) {
	switch value := object[field].(type) {
	case int64:
		return value, true
	case float64:
		return int64(value), true
	}
	return 0, false
}

// copied returns a deep copy of an object.
func copied(object map[string]any) map[string]any {
	return runtime.DeepCopyJSON(object)
}

// backend is the target of a reference, with the defaults of the Gateway API filled in.
type backend struct{ group, kind, namespace, name string }

func backendOf(ref map[string]any, namespace string) backend {
	return backend{
		group: text(ref, "group", ""), kind: text(ref, "kind", "Service"),
		namespace: text(ref, "namespace", namespace), name: text(ref, "name", ""),
	}
}

func serviceBackend(service types.NamespacedName) backend {
	return backend{kind: "Service", namespace: service.Namespace, name: service.Name}
}

// sends reports whether a rule has the backend.
func sends(rule map[string]any, to backend, namespace string) bool {
	for _, ref := range listOf(rule, "backendRefs") {
		if backendOf(asMap(ref), namespace) == to {
			return true
		}
	}
	return false
}

// weightOf returns the weight of a reference. The Gateway API's default is 1.
func weightOf(ref map[string]any) int64 {
	weight, set := number(ref, "weight")
	if !set {
		return 1
	}
	return weight
}

// setWeight leaves an absent weight absent if that means the same.
func setWeight(ref map[string]any, weight int64) {
	if _, set := number(ref, "weight"); !set && weight == 1 {
		return
	}
	ref["weight"] = weight
}

// integers turns whole numbers in decoded JSON into integers, as the API has them. It changes the value in place.
func integers(value any) any {
	switch v := value.(type) {
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v)
		}
	case []any:
		for i := range v {
			v[i] = integers(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = integers(v[key])
		}
	}
	return value
}
