package manifest

import (
	"strings"
	"testing"

	"sluice.dev/sluice/api/v1alpha1"
)

const two = `# a comment
apiVersion: sluice.dev/v1alpha1
kind: CanaryPolicy
metadata: {name: one, namespace: shop}
spec:
  analysis:
    steps:
    - weight: 1
    - weight: 2
      duration: 5m
---
---
apiVersion: v1
kind: List
items:
- apiVersion: apps/v1
  kind: Deployment
  metadata:
    name: two
    annotations:
      sluice.dev/canary: "true"
`

func parsed(t *testing.T, text string) []Object {
	t.Helper()
	objects, err := Parse("x.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

func TestParse(t *testing.T) {
	objects := parsed(t, two)
	if len(objects) != 2 {
		t.Fatalf("got %d objects", len(objects))
	}
	one, second := objects[0], objects[1]
	if one.Group() != "sluice.dev" || one.Kind() != "CanaryPolicy" || one.Name() != "one" || one.Namespace() != "shop" || second.Group() != "apps" || second.Name() != "two" {
		t.Errorf("got %+v and %+v", one.Content, second.Content)
	}
	for path, want := range map[string]int{"": 2, "spec.analysis.steps[1].duration": 10, "spec.analysis.steps[0]": 8, "spec.analysis.interval": 6, "status": 2} {
		if got := one.LineOf(path); got != want {
			t.Errorf("%q is on line %d, not on %d", path, got, want)
		}
	}
	if got := second.LineOf("metadata.annotations[sluice.dev/canary]"); got != 21 {
		t.Errorf("the annotation is on line %d, not on 21", got)
	}
}

func TestWhatIsNoManifest(t *testing.T) {
	for name, c := range map[string]struct {
		text, says string
		before     int
	}{
		"no YAML":                         {"a: [", "line 1", 0},
		"no YAML, after one":              {two + "---\na: [", "line", 2},
		"a text":                          {"hello", "line 1: must be a Kubernetes object", 0},
		"a list":                          {"- a", "line 1: must be a Kubernetes object", 0},
		"no kind":                         {"\n\na: 1", "line 3: must be a Kubernetes object with apiVersion and kind", 0},
		"what was copied from a web page": {"kind: A\nspec:\n\u00a0 a: 1\n\u00a0 b\n", "the file contains non-breaking spaces", 0},
		"a key that is twice":             {"kind: A\nkind: B", "already", 0},
		"an item without kind":            {"kind: List\nitems: [{a: 1}]", "line 2: must be", 0},
		"nothing":                         {"", "", 0},
		"an empty List":                   {"kind: List\nitems: []", "", 0},
		"a reference to none":             {"kind: *a", "anchor", 0},
	} {
		t.Run(name, func(t *testing.T) {
			objects, err := Parse("x.yaml", []byte(c.text))
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) || len(objects) != c.before {
				t.Errorf("got %d objects, %v", len(objects), err)
			}
		})
	}
}

func TestReferencesInYAML(t *testing.T) {
	object := parsed(t, "kind: A\nbase: &base\n  x: 1\nspec: *base\n")[0]
	if value, _ := Get(object.Content, "spec.x"); value != float64(1) || object.LineOf("spec.x") != 3 {
		t.Errorf("got %v on line %d", value, object.LineOf("spec.x"))
	}
}

func TestRemove(t *testing.T) {
	for path, want := range map[string]string{
		"spec.analysis.steps[0]":            "spec.analysis.steps[0]",
		"spec.analysis.steps[0].weight":     "spec.analysis.steps[0].weight",
		"spec.analysis.steps[0].duration":   "spec.analysis.steps[0]",
		"spec.analysis.steps[7].duration":   "spec.analysis.steps",
		"metadata.labels[app.example/name]": "metadata",
		"status.phase":                      "",
		"":                                  "",
	} {
		object := parsed(t, two)[0].Content
		if got := Remove(object, path); got != want {
			t.Errorf("%s takes out %q, not %q", path, got, want)
		}
		if _, found := Get(object, want); found && want != "" && !strings.HasSuffix(want, "]") {
			t.Errorf("%s is still there", want)
		}
	}
	object := parsed(t, two)[0].Content
	Remove(object, "spec.analysis.steps[0]")
	if weight, _ := Get(object, "spec.analysis.steps[0].weight"); weight != float64(2) {
		t.Errorf("the first step has the weight %v", weight)
	}
}

func TestDecode(t *testing.T) {
	for name, c := range map[string]struct{ spec, want string }{
		"what is right":                  {"{analysis: {interval: 30s, steps: [{weight: 0.5}]}, service: {targetPort: http}}", ""},
		"a number where a name can be":   {"{service: {targetPort: 80}}", ""},
		"an unknown field":               {"{analysis: {intervall: 30s}}", "spec.analysis.intervall: Forbidden: no such field; did you mean interval?"},
		"an unknown field in a list":     {"{analysis: {steps: [{wieght: 1}]}}", "spec.analysis.steps[0].wieght: Forbidden: no such field; did you mean weight?"},
		"a field that is like no other":  {"{qqqqqqqqqq: 1}", "spec.qqqqqqqqqq: Forbidden: no such field"},
		"another case":                   {"{Analysis: {}}", "spec.Analysis: Forbidden: no such field; did you mean analysis?"},
		"a text where a number must be":  {"{analysis: {stepWeight: '10'}}", `spec.analysis.stepWeight: Invalid value: "10": must be a number`},
		"a fraction of a whole number":   {"{analysis: {iterations: 1.5}}", "spec.analysis.iterations: Invalid value: 1.5: must be a whole number"},
		"a text where a yes or no is":    {"{suspend: 'true'}", `spec.suspend: Invalid value: "true": must be true or false`},
		"an object where a list must be": {"{analysis: {metrics: {name: a}}}", `spec.analysis.metrics: Invalid value: {"name":"a"}: must be a list`},
		"a list where an object must be": {"{analysis: [1]}", "spec.analysis: Invalid value: [1]: must be an object"},
		"a number in a map of texts":     {"{analysis: {webhooks: [{name: a, metadata: {x: 1}}]}}", "spec.analysis.webhooks[0].metadata[x]: Invalid value: 1: must be a string: put it in quotes"},
		"a duration that is none":        {"{analysis: {delay: 1 minute}}", `spec.analysis.delay: Invalid value: "1 minute": must be a duration such as 30s or 1m30s`},
	} {
		t.Run(name, func(t *testing.T) {
			var policy v1alpha1.CanaryPolicy
			errs := Decode(parsed(t, "kind: CanaryPolicy\nspec: "+c.spec)[0].Content, &policy)
			if c.want == "" && len(errs) > 0 || c.want != "" && (len(errs) != 1 || errs[0].Error() != c.want) {
				t.Errorf("got %v, not %s", errs, c.want)
			}
		})
	}
}
