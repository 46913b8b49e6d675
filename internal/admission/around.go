package admission

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// warnOfTheRest warns of fields around a template that is held back: they are not held with it. Fewer replicas cost capacity
// at once.
func (s *subject) warnOfTheRest() {
	before, after := replicasOf(s.old), replicasOf(s.new)
	if after < before {
		s.warn("spec.replicas is not held back: the old template now has %d of its %d replicas for all requests; to undo that: kubectl scale deployment %s -n %s --replicas=%d",
			after, before, s.name(), s.namespace(), before)
	}
	if fields := s.changedAround(); len(fields) > 0 {
		s.warn("only the template is held back; in effect at once: %s", strings.Join(fields, ", "))
	}
}

// replicasOf returns the replicas of a Deployment, with the API server's default.
func replicasOf(object map[string]any) int64 {
	replicas, found, err := unstructured.NestedInt64(object, "spec", "replicas")
	if err != nil || !found {
		return 1
	}
	return replicas
}

// changedAround names the fields beside the template that the request changes, except replicas.
func (s *subject) changedAround() []string {
	before, _, _ := unstructured.NestedFieldNoCopy(s.old, "spec")
	after, _, _ := unstructured.NestedFieldNoCopy(s.new, "spec")
	stored, _ := before.(map[string]any)
	asked, _ := after.(map[string]any)
	var changed []string
	for _, fields := range []map[string]any{stored, asked} {
		for field := range fields {
			if field != "template" && field != "replicas" && !equality.Semantic.DeepEqual(stored[field], asked[field]) {
				changed = append(changed, fmt.Sprintf("spec.%s", field))
			}
		}
	}
	slices.Sort(changed)
	return slices.Compact(changed)
}
