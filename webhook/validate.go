package webhook

import (
	"fmt"

	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"sluice.dev/sluice/config"
)

// Validate rejects settings that cannot be read, with the full path, the value and what is allowed. A value that was
// stored before does not block a request that leaves it as it is.
func Validate(old, updated map[string]string) error {
	_, problems := config.PolicyFor(updated)
	var changed field.ErrorList
	for _, problem := range problems {
		value, _ := problem.BadValue.(string)
		if key := annotationOf(problem); !config.OptedIn(old) || old[key] != value {
			changed = append(changed, problem)
		}
	}
	if err := changed.ToAggregate(); err != nil {
		return fmt.Errorf("%w", err)
	}
	return nil
}

// annotationOf is the key in a path such as metadata.annotations[sluice.dev/interval].
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
