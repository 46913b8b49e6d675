package config

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the table of annotations")

func TestTheRegistryHasEveryAnnotation(t *testing.T) {
	declared := map[string]bool{}
	file, err := parser.ParseFile(token.NewFileSet(), "annotations.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if ok && strings.HasPrefix(spec.Names[0].Name, "Annotation") {
			key, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			declared[key] = true
		}
		return true
	})
	seen := map[string]bool{}
	for _, annotation := range Annotations() {
		if seen[annotation.Key] || !declared[annotation.Key] {
			t.Errorf("%s is there twice, or is no constant", annotation.Key)
		}
		seen[annotation.Key] = true
	}
	for key := range declared {
		if !seen[key] {
			t.Errorf("%s is missing", key)
		}
	}
}

func TestEveryAnnotationIsDocumented(t *testing.T) {
	for _, a := range Annotations() {
		if a.Values == "" || a.Example == "" || !strings.HasSuffix(a.Sentence, ".") {
			t.Errorf("%s lacks its values, an example or a sentence", a.Key)
		}
		if a.Kind == KindSetting && (a.Default == "") == (a.Without == "") {
			t.Errorf("%s must have either a default or what happens without", a.Key)
		}
	}
}

func TestTheExampleOfABypass(t *testing.T) {
	for _, a := range settings {
		if a.Key != AnnotationBypass {
			continue
		}
		now := time.Date(2026, 1, 2, 14, 30, 0, 0, time.UTC)
		if bypass, err := BypassOf(map[string]string{a.Key: a.Example}, now); err != nil || bypass == nil || bypass.Reason != "fixes the outage" {
			t.Errorf("got %+v, %v", bypass, err)
		}
	}
}

const page = "../docs/reference/settings.md"

func TestThePageOfSettingsHasTheTable(t *testing.T) {
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	const first, last = "<!-- annotations: made by make generate -->\n", "<!-- end of annotations -->"
	before, rest, found := strings.Cut(string(content), first)
	_, after, ended := strings.Cut(rest, last)
	if !found || !ended {
		t.Fatalf("%s must have the lines %q and %q", page, first, last)
	}
	want := before + first + tables() + "\n" + last + after
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(content) {
		t.Errorf("%s is out of date, run make generate (-is +should be):\n%s", page, cmp.Diff(string(content), want))
	}
}

// groups are the chapters of the page of settings, the basic ones first. The names leave out sluice.dev/.
var groups = []struct{ title, text, names string }{
	{"Basic settings", "These are all that most Deployments need.",
		"canary policy interval step-weight max-weight threshold min-success-rate max-request-duration progress-deadline suspend skip-analysis"},
	{"Steps and strategies", "See [choose a strategy](../how-to/strategies.md).",
		"step-weights step-weight-promotion iterations match mirror mirror-weight hold delay"},
	{"Checks", "See [configure checks](../how-to/checks.md).", "min-requests metrics"},
	{"The guard", "See [let the guard judge](../how-to/guard.md).", "guard slo-error-rate ladder on-inconclusive on-suspicious"},
	{"Services, routes and groups", "See [route requests](../how-to/routes.md) and [control many rollouts](../how-to/control.md).",
		"service routes cohort traffic group"},
	{"Capacity", "See [size and protect the canary](../how-to/capacity.md).",
		"canary-replicas canary-autoscaler primary-ready-threshold canary-ready-threshold identity-labels missed-policies"},
	{"Direct changes", "See [what happens to a change](../explanation/interception.md).", "when-unavailable unavailable-after restart bypass"},
}

func TestEverySettingIsInOneGroup(t *testing.T) {
	var grouped, all []string
	for _, group := range groups {
		grouped = append(grouped, strings.Fields(group.names)...)
	}
	for _, a := range settings {
		all = append(all, strings.TrimPrefix(a.Key, Prefix))
	}
	slices.Sort(grouped)
	slices.Sort(all)
	if diff := cmp.Diff(all, grouped); diff != "" {
		t.Errorf("groups must have every setting once (-settings +groups):\n%s", diff)
	}
}

// tables returns the Markdown tables of all annotations.
func tables() string {
	var b strings.Builder
	for _, group := range groups {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| annotation | values | default | what it does | example |\n|---|---|---|---|---|\n", group.title, group.text)
		for _, name := range strings.Fields(group.names) {
			b.WriteString(rowOf(settings[slices.IndexFunc(settings, func(a Annotation) bool { return a.Key == Prefix+name })]))
		}
	}
	for _, part := range []struct{ title, text string }{
		{"One-time requests", "On the Deployment. Admission removes them in the same write. A hash limits the request to that candidate.\n\n" + table(KindOnce)},
		{"Written by Sluice on the Deployment", "Leave them alone: admission restores them if somebody changes or removes them.\n\n" + table(KindRecord) +
			"\nThe controller uses these to ask admission for something. Nobody else may set them, and they are never stored.\n\n" + table(KindOrder)},
		{"Written by Sluice on routes", table(KindRoute)},
		{"Written by Sluice on what it creates", table(KindMade)},
	} {
		fmt.Fprintf(&b, "\n## %s\n\n%s", part.title, part.text)
	}
	return b.String()
}

func rowOf(a Annotation) string {
	standard := a.Without
	if a.Default != "" {
		standard = "`" + a.Default + "`"
	}
	return fmt.Sprintf("| `%s` | %s | %s | %s | `%s` |\n", a.Key, a.Values, standard, a.Sentence, a.Example)
}

func table(kind Kind) string {
	var b strings.Builder
	b.WriteString("| annotation | value | what it does | example |\n|---|---|---|---|\n")
	for _, a := range written {
		if a.Kind == kind {
			fmt.Fprintf(&b, "| `%s` | %s | %s | `%s` |\n", a.Key, a.Values, a.Sentence, a.Example)
		}
	}
	return b.String()
}
