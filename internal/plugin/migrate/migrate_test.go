package migrate

import (
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config/policy"
	"sluice.dev/sluice/internal/plugin/manifest"
)

var update = flag.Bool("update", false, "write the golden files and the table of fields")

func sample(t *testing.T) []manifest.Object {
	t.Helper()
	const name = "testdata/every-field.yaml"
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := manifest.Parse(name, content)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// written returns all output of a migration.
func written(t *testing.T, result Result) string {
	t.Helper()
	text, err := YAML(result.Objects)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.Write(text)
	b.WriteString("\nNOTES\n")
	for _, note := range result.Notes {
		b.WriteString(note.String() + "\n")
	}
	b.WriteString("\nCOMMANDS\n" + strings.Join(result.Commands, "\n") + "\n")
	return b.String()
}

func TestTheSampleOfEveryField(t *testing.T) {
	for name, options := range map[string]Options{"every-field": {}, "every-field-with-deployments": {WithDeployments: true}} {
		t.Run(name, func(t *testing.T) {
			file, got := "testdata/"+name+".golden", written(t, Migrate(sample(t), options))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("go test ./internal/plugin/migrate -update writes what is new (-is +should be):\n%s", diff)
			}
		})
	}
}

// leaves returns the paths of all values that contain no others.
func leaves(path string, value any, tell func(path string, value any)) {
	for _, each := range manifest.Children(path, value) {
		leaves(each.Path, each.Value, tell)
	}
	if len(manifest.Children(path, value)) == 0 {
		tell(path, value)
	}
}

func TestNothingIsDroppedSilently(t *testing.T) {
	for _, options := range []Options{{}, {WithDeployments: true}} {
		result := Migrate(sample(t), options)
		for _, object := range sample(t) {
			name := newConversion(object).name
			leaves("", object.Content, func(path string, value any) {
				if path != "kind" && path != "apiVersion" && !isKept(result, object, path, value) && !isNoted(result, name, path) {
					t.Errorf("%s: %s is neither written nor told of", name, path)
				}
			})
		}
	}
}

// isKept reports whether the converted object has the value at the same path.
func isKept(result Result, object manifest.Object, path string, value any) bool {
	for _, each := range result.Objects {
		kind := strings.TrimSuffix(each.Content["kind"].(string), "Policy")
		at := manifest.Object{Content: each.Content}
		if kind != object.Kind() || at.Name() != object.Name() || at.Namespace() != object.Namespace() {
			continue
		}
		kept, found := manifest.Get(each.Content, path)
		return found && reflect.DeepEqual(kept, value)
	}
	return false
}

func isNoted(result Result, name, path string) bool {
	for _, note := range result.Notes {
		if note.Object != name {
			continue
		}
		if note.Failed || len(note.Fields) == 0 {
			return true
		}
		for _, field := range note.Fields {
			if path == field || strings.HasPrefix(path, field+".") || strings.HasPrefix(path, field+"[") {
				return true
			}
		}
	}
	return false
}

func TestWhatIsWrittenIsValid(t *testing.T) {
	for _, object := range Migrate(sample(t), Options{}).Objects {
		if object.Content["kind"] != "CanaryPolicy" {
			continue
		}
		var made v1alpha1.CanaryPolicy
		if errs := manifest.Decode(object.Content, &made); len(errs) > 0 {
			t.Errorf("%s: %v", made.Name, errs)
		}
		if _, errs := policy.Parse(made.Spec); len(errs) > 0 {
			t.Errorf("%s: %v", made.Name, errs)
		}
	}
}

func TestWhatIsReadIsNotChanged(t *testing.T) {
	objects := sample(t)
	Migrate(objects, Options{WithDeployments: true})
	for i, object := range sample(t) {
		if diff := cmp.Diff(object.Content, objects[i].Content); diff != "" {
			t.Errorf("%s was changed:\n%s", object.Name(), diff)
		}
	}
}

func TestMigrate(t *testing.T) {
	const head = "apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: {name: podinfo, namespace: test}\nspec:\n  targetRef: {kind: Deployment, name: podinfo}\n"
	for name, c := range map[string]struct{ spec, has, lacks, note, lacksNote string }{
		"a Canary without analysis promotes unjudged, as in Flagger": {spec: "  service: {port: 80}", has: "skipAnalysis: true", note: "spec.analysis: added skipAnalysis: true"},
		"Flagger's greatest weight is spelled out":                   {spec: "  analysis: {stepWeight: 10, interval: 1m, threshold: 2}", has: "maxWeight: 100", note: "100, Flagger's default"},
		"a success rate without a threshold has the built-in one":    {spec: "  analysis: {stepWeight: 10, metrics: [{name: request-success-rate}]}", has: "min: 99", note: "added the built-in threshold"},
		"a check without a threshold means 0":                        {spec: "  analysis: {stepWeight: 10, metrics: [{name: errors, query: sum(errors)}]}", has: "max: 0", note: "added max: 0, which Flagger assumes"},
		"a mistyped field is told the right name":                    {spec: "  analysis: {stepWeigth: 10, iterations: 2}", lacks: "stepWeigth", note: "spec.analysis.stepWeigth: dropped: no such field; did you mean stepWeight or stepWeights?"},
		"a value of another type is left out":                        {spec: "  analysis: {interval: soon, iterations: 2}", lacks: "soon", note: "must be a duration such as 30s"},
		"several bad entries of a list go, and no other": {spec: "  service: {corsPolicy: {allowOrigins: [{exact: 'https://a'}, {regex: x}, {exact: 'https://b'}, {regex: y}, {exact: 'https://c'}]}}",
			has: "- exact: https://a\n      - exact: https://b\n      - exact: https://c", lacks: "regex", note: "spec.service.corsPolicy.allowOrigins[1]: dropped"},
		"a MetricTemplate that was not read is asked for": {spec: "  analysis: {stepWeight: 10, metrics: [{name: errors, templateRef: {name: errors}, thresholdRange: {max: 1}}]}", has: "name: errors",
			note: "spec.analysis.metrics[0].templateRef: MetricTemplate test/errors is not in the input: every rollout waits until it exists, so migrate it too"},
		"a MetricTemplate that was read is not": {spec: "  analysis: {stepWeight: 10, metrics: [{name: errors, templateRef: {name: errors, namespace: flagger}, thresholdRange: {max: 1}}]}\n" +
			"---\napiVersion: flagger.app/v1beta1\nkind: MetricTemplate\nmetadata: {name: errors, namespace: flagger}\nspec: {query: up}", has: "kind: MetricTemplate", lacksNote: "is not in the input"},
		"iterations beside weights are kept and told": {spec: "  analysis: {interval: 1m, threshold: 2, iterations: 3, stepWeight: 20, maxWeight: 60}",
			has: "iterations: 3\n    maxWeight: 60\n    stepWeight: 20\n", note: "spec.analysis.iterations: kept beside weights: Flagger's schema refuses both"},
		"iterations beside a list of weights, where Flagger asks no schema": {spec: "  canaryAnalysis: {interval: 1m, threshold: 2, iterations: 3, stepWeights: [20, 60]}",
			has: "iterations: 3\n    stepWeights:\n    - 20\n    - 60\n", note: "Flagger runs the iterations and never a weight; here the iterations run first, then the weights"},
		"iterations beside a step of 0 are alone":          {spec: "  analysis: {interval: 1m, threshold: 2, iterations: 3, stepWeight: 0}", has: "iterations: 3\n", lacksNote: "kept beside weights"},
		"an A/B test that loses its last match is told so": {spec: "  analysis: {iterations: 3, match: [{sourceLabels: {app: web}}]}", lacks: "match", note: "this is no longer an A/B test"},
		"an analysis that is none is left out":             {spec: "  analysis: 7", lacks: "CanaryPolicy", note: "spec.analysis: not converted: it must be an object"},
	} {
		t.Run(name, func(t *testing.T) {
			objects, err := manifest.Parse("x.yaml", []byte(head+c.spec+"\n"))
			if err != nil {
				t.Fatal(err)
			}
			result := Migrate(objects, Options{})
			text, err := YAML(result.Objects)
			if err != nil {
				t.Fatal(err)
			}
			notes, _, _ := strings.Cut(written(t, Result{Notes: result.Notes}), "COMMANDS")
			if !strings.Contains(string(text), c.has) || c.lacks != "" && strings.Contains(string(text), c.lacks) || !strings.Contains(notes, c.note) || c.lacksNote != "" && strings.Contains(notes, c.lacksNote) {
				t.Errorf("got\n%s%s", text, notes)
			}
		})
	}
}
