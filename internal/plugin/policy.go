package plugin

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config/policy"
)

// policyLine names the policies that set a value, starting with the one that the Deployment names, and what the next rollout
// changes.
func policyLine(status *v1alpha1.PolicyStatus) string {
	if status == nil {
		return ""
	}
	var names []string
	if status.Name != "" {
		names = append(names, status.Name)
	}
	for _, source := range status.Sources {
		if policy.IsPolicy(source.From) && !slices.Contains(names, source.From) {
			names = append(names, source.From)
		}
	}
	if status.Changed != "" {
		return fmt.Sprintf("%s; %s", orNone(strings.Join(names, ", ")), status.Changed)
	}
	return strings.Join(names, ", ")
}

// settingsLine lists the values that are not built in.
func settingsLine(status *v1alpha1.PolicyStatus) string {
	if status == nil {
		return ""
	}
	values := policy.Values(status.Spec)
	var texts []string
	for _, source := range status.Sources {
		field, _, _ := strings.Cut(source.Field, "[")
		value, known := values[field]
		text := field + " " + valueText(value)
		if source.From != policy.FromBuiltIn && known && !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, ", ")
}

// longestValue is the number of characters that a value may have in the line.
const longestValue = 60

func valueText(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	if list, ok := value.([]any); ok && len(list) > 0 {
		if _, ok := list[0].(map[string]any); ok {
			return namesOf(list)
		}
	}
	content, err := json.Marshal(value)
	if err != nil || len(content) > longestValue {
		return "(set)"
	}
	return string(content)
}

// namesOf lists the names of objects such as metrics, or their number if one has no name.
func namesOf(list []any) string {
	var names []string
	for _, entry := range list {
		object, _ := entry.(map[string]any)
		name, _ := object["name"].(string)
		if name == "" {
			return fmt.Sprintf("(%d)", len(list))
		}
		names = append(names, name)
	}
	return "[" + strings.Join(names, " ") + "]"
}
