package migrate

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config/policy"
	"sluice.dev/sluice/internal/plugin/manifest"
)

// schemaOf returns the schema of one of Sluice's kinds, as the chart installs it.
func schemaOf(t *testing.T, file string) apiextensionsv1.JSONSchemaProps {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("../../../charts/sluice/files/crds", file))
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(content, &crd); err != nil {
		t.Fatal(err)
	}
	return *crd.Spec.Versions[0].Schema.OpenAPIV3Schema
}

// at returns the schema of the field with a path. Nil if there is none.
func at(schema apiextensionsv1.JSONSchemaProps, path string) *apiextensionsv1.JSONSchemaProps {
	for _, part := range strings.Split(path, ".") {
		name, isList := strings.CutSuffix(part, "[]")
		inner, found := schema.Properties[name]
		if !found || isList && (inner.Items == nil || inner.Items.Schema == nil) {
			return nil
		}
		if schema = inner; isList {
			schema = *inner.Items.Schema
		}
	}
	return &schema
}

// takes reports whether the schema allows every value of a row.
func takes(schema *apiextensionsv1.JSONSchemaProps, r row) bool {
	if schema == nil {
		return false
	}
	kinds := map[string][]string{"string": {"string"}, "integer": {"integer", "number"}, "number": {"number"}, "boolean": {"boolean"},
		"list": {"array"}, "map": {"object"}, "object": {"object"}}[r.kind]
	if !schema.XIntOrString && !slices.Contains(kinds, schema.Type) || r.kind == "map" && schema.AdditionalProperties == nil {
		return false
	}
	for _, value := range r.values {
		if len(schema.Enum) > 0 && !slices.ContainsFunc(schema.Enum, func(e apiextensionsv1.JSON) bool { return string(e.Raw) == fmt.Sprintf("%q", value) }) {
			return false
		}
	}
	return true
}

// samples are a value of each type.
var samples = map[string]any{"string": "x", "integer": float64(1), "number": 0.5, "boolean": true, "list": []any{"x"}, "map": map[string]any{"x": "y"}, "object": map[string]any{"name": "x"}}

// with returns an object in which one field is set.
func with(path string, value any) map[string]any {
	name, rest, more := strings.Cut(path, ".")
	if more {
		value = with(rest, value)
	}
	if name, isList := strings.CutSuffix(name, "[]"); isList {
		return map[string]any{name: []any{value}}
	}
	return map[string]any{name: value}
}

// refusal returns the message with which Sluice's validation rejects a field by name. Empty if it does not.
func refusal(r row) string {
	var decoded v1alpha1.CanaryPolicy
	if errs := manifest.Decode(with(r.path, samples[r.kind]), &decoded); len(errs) > 0 {
		return ""
	}
	for _, err := range policy.Validate(decoded.Spec) {
		if err.Type == field.ErrorTypeForbidden && err.Field == strings.ReplaceAll(r.path, "[]", "[0]") {
			return err.Detail
		}
	}
	return ""
}

func TestTheTableDoesNotLie(t *testing.T) {
	for _, each := range tables {
		schema := schemaOf(t, each.crd)
		for _, r := range each.rows {
			switch r.verdict {
			case same, better:
				if !takes(at(schema, r.path), r) {
					t.Errorf("%s: %s is said to be %s, but %s does not take it", each.kind, r.path, r.verdict, each.ours)
				}
			case notApplicable:
				if refusal(r) == "" || r.sentence != "" {
					t.Errorf("%s: %s is said to be not applicable, but is not rejected by name, or the message is not all that is said of it", each.kind, r.path)
				}
			}
			if r.verdict != notApplicable && (!strings.HasSuffix(r.sentence, ".") || strings.Contains(r.sentence, "|")) {
				t.Errorf("%s: %s needs a sentence", each.kind, r.path)
			}
		}
	}
}

func TestTheChecksOfTheTableFindLies(t *testing.T) {
	schema := schemaOf(t, "sluice.dev_canarypolicies.yaml")
	for name, r := range map[string]row{
		"a field that does not exist":   {path: "spec.analysis.stepWeigth", kind: "number"},
		"a field of another type":       {path: "spec.analysis.interval", kind: "number"},
		"fractions in a whole number":   {path: "spec.analysis.iterations", kind: "number"},
		"a word that is not allowed":    {path: "spec.service.rewrite.type", kind: "string", values: []string{"Regex"}},
		"a list where there is no list": {path: "spec.analysis[].interval", kind: "string"},
	} {
		if takes(at(schema, r.path), r) {
			t.Errorf("%s is not found", name)
		}
	}
	if got := refusal(row{path: "spec.analysis.stepWeight", kind: "number"}); got != "" {
		t.Errorf("a field that is taken is said to be rejected with %q", got)
	}
}

var entry = regexp.MustCompile(`\[[0-9]+\]`)

func TestTheSampleHasEveryFieldOfTheTable(t *testing.T) {
	set := map[string][]string{}
	for _, object := range sample(t) {
		if object.Group() == flagger {
			leaves("", object.Content, func(path string, _ any) {
				path = entry.ReplaceAllString(path, "[]")
				set[object.Kind()] = append(set[object.Kind()], path, strings.Replace(path, oldAnalysis+".", analysis+".", 1))
			})
		}
	}
	covers := func(r row, path string) bool {
		return path == r.path || strings.HasPrefix(path, r.path+".") || strings.HasPrefix(path, r.path+"[")
	}
	known := map[string][]row{}
	for _, each := range tables {
		known[each.kind] = append(known[each.kind], each.rows...)
		for _, r := range each.rows {
			if !strings.HasPrefix(r.path, "status.") && !slices.ContainsFunc(set[each.kind], func(path string) bool { return covers(r, path) }) {
				t.Errorf("%s: the sample does not set %s", each.kind, r.path)
			}
		}
	}
	foreign := []string{"spec.unknownToAll", "spec.team", "spec.service.retries.retryRemoteLocalities", "spec.service.corsPolicy.allowOrigins[].regex", "spec.service.corsPolicy.allowOrigins[].prefix",
		"spec.analysis.match[].uri.prefix", "spec.analysis.match[].method.exact"}
	for kind, paths := range set {
		for _, path := range paths {
			if strings.HasPrefix(path, "spec.") && !slices.Contains(foreign, path) && !slices.ContainsFunc(known[kind], func(r row) bool { return covers(r, path) }) {
				t.Errorf("%s: the table lacks %s", kind, path)
			}
		}
	}
}

const page = "../../../docs/reference/flagger-fields.md"

func TestThePageHasTheTable(t *testing.T) {
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	const first, last = "<!-- fields: made by make generate -->\n", "<!-- end of fields -->"
	before, rest, found := strings.Cut(string(content), first)
	_, after, ended := strings.Cut(rest, last)
	if !found || !ended {
		t.Fatalf("%s must have the lines %q and %q", page, first, last)
	}
	want := before + first + markdown() + "\n" + last + after
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(content) {
		t.Errorf("%s is out of date, run make generate (-is +should be):\n%s", page, cmp.Diff(string(content), want))
	}
}

func markdown() string {
	var b strings.Builder
	for _, each := range tables {
		count := map[verdict]int{}
		for _, r := range each.rows {
			count[r.verdict]++
		}
		var sums []string
		for _, v := range []verdict{same, better, notApplicable, notYet} {
			if count[v] > 0 {
				sums = append(sums, fmt.Sprintf("%d %s", count[v], v))
			}
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s. Here it is %s.\n\n| field | here | |\n|---|---|---|\n", each.title, strings.Join(sums, ", "), each.ours)
		for _, r := range each.rows {
			sentence := r.sentence
			if r.verdict == notApplicable {
				sentence = "`" + refusal(r) + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", r.path, r.verdict, sentence)
		}
	}
	return b.String()
}
