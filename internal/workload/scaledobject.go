package workload

import (
	"regexp"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// kedaMax is the maxReplicaCount of a ScaledObject that sets none.
const kedaMax = 100

// scaledObjectScales reports whether a ScaledObject of KEDA scales this Deployment.
func scaledObjectScales(scaled *unstructured.Unstructured, deployment string) bool {
	kind, _, _ := unstructured.NestedString(scaled.Object, "spec", "scaleTargetRef", "kind")
	name, _, _ := unstructured.NestedString(scaled.Object, "spec", "scaleTargetRef", "name")
	return name == deployment && (kind == "" || kind == "Deployment")
}

// MakeCanaryScaledObject returns the canary's copy of a ScaledObject of KEDA. In the queries and metric names of its
// triggers, the canary's name replaces the primary's, unless queries has a query for the trigger. The copy never idles at 0.
func MakeCanaryScaledObject(scaled *unstructured.Unstructured, primary string, canary *appsv1.Deployment, limits Limits, queries map[string]string) *unstructured.Unstructured {
	meta := copiedMeta(scaled, canary)
	result := &unstructured.Unstructured{Object: map[string]any{}}
	result.SetGroupVersionKind(scaled.GroupVersionKind())
	result.SetNamespace(meta.Namespace)
	result.SetName(meta.Name)
	result.SetLabels(meta.Labels)
	result.SetAnnotations(meta.Annotations)
	result.SetOwnerReferences(meta.OwnerReferences)

	spec, _, _ := unstructured.NestedMap(scaled.Object, "spec") // a copy
	if spec == nil {
		spec = map[string]any{}
	}
	primaryMax, has, _ := unstructured.NestedInt64(spec, "maxReplicaCount")
	if !has {
		primaryMax = kedaMax
	}
	least, most := limits.of(int32(primaryMax))
	spec["minReplicaCount"], spec["maxReplicaCount"] = int64(least), int64(most)
	delete(spec, "idleReplicaCount")
	unstructured.RemoveNestedField(spec, "advanced", "horizontalPodAutoscalerConfig", "name")
	if _, has, _ := unstructured.NestedInt64(spec, "fallback", "replicas"); has {
		_ = unstructured.SetNestedField(spec, int64(least), "fallback", "replicas")
	}
	_ = unstructured.SetNestedField(spec, canary.Name, "scaleTargetRef", "name")
	triggers, _, _ := unstructured.NestedSlice(spec, "triggers")
	for _, trigger := range triggers {
		rename(trigger, primary, canary.Name, queries)
	}
	if len(triggers) > 0 {
		spec["triggers"] = triggers
	}
	result.Object["spec"] = spec
	return result
}

// rename makes a trigger refer to the canary.
func rename(trigger any, primary, canary string, queries map[string]string) {
	fields, _ := trigger.(map[string]any)
	metadata, _ := fields["metadata"].(map[string]any)
	if metadata == nil {
		return
	}
	for _, key := range []string{"query", "metricName"} {
		if value, is := metadata[key].(string); is {
			metadata[key] = replaceName(value, primary, canary)
		}
	}
	name, _ := fields["name"].(string)
	if query, has := queries[name]; has {
		metadata["query"] = query
	}
}

// replaceName replaces a name where it stands alone and is not part of a longer name. A hyphen can be part of a name, but not
// in front of an expression for the rest of a pod's name, as in podinfo-.*.
func replaceName(text, name, by string) string {
	whole := regexp.MustCompile(`[A-Za-z0-9_]+(?:-+[A-Za-z0-9_]+)*`)
	return whole.ReplaceAllStringFunc(text, func(word string) string {
		if word == name {
			return by
		}
		return word
	})
}
