package charts

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// schemaKeys returns the keys of the values' schema, as paths. A key with free content has none below it.
func schemaKeys(t *testing.T, schema map[string]any, prefix string) []string {
	t.Helper()
	properties, ok := schema["properties"].(map[string]any)
	if !ok {
		return []string{strings.TrimSuffix(prefix, ".")}
	}
	if schema["additionalProperties"] != false {
		t.Errorf("the schema must not allow further keys in %q", prefix)
	}
	var found []string
	for key, property := range properties {
		found = append(found, schemaKeys(t, property.(map[string]any), prefix+key+".")...)
	}
	return found
}

func TestSchemaAndValuesHaveTheSameKeys(t *testing.T) {
	content, err := os.ReadFile("sluice/values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(content, &schema); err != nil {
		t.Fatal(err)
	}
	known := schemaKeys(t, schema, "")
	for _, v := range values(t) {
		if !slices.ContainsFunc(known, func(key string) bool { return key == v.key || strings.HasPrefix(key, v.key+".") }) {
			t.Errorf("%s is not in values.schema.json", v.key)
		}
	}
	for _, key := range known {
		if key != "global" && !slices.ContainsFunc(values(t), func(v value) bool { return key == v.key || strings.HasPrefix(key, v.key+".") }) {
			t.Errorf("%s of values.schema.json is not in values.yaml", key)
		}
	}
}
