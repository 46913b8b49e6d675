package plugin

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"sluice.dev/sluice/api/v1alpha1"
)

// constants returns the values of the API type's constants, read from its source, so that no list of them can be out of date.
func constants(t *testing.T, typeName string) []string {
	t.Helper()
	names, err := filepath.Glob("../../api/v1alpha1/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, content, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			spec, is := node.(*ast.ValueSpec)
			if !is {
				return true
			}
			if of, is := spec.Type.(*ast.Ident); is && of.Name == typeName {
				values = append(values, valuesOf(t, spec)...)
			}
			return false
		})
	}
	if len(values) == 0 {
		t.Fatalf("the API has no constants of type %s", typeName)
	}
	return values
}

func valuesOf(t *testing.T, spec *ast.ValueSpec) (values []string) {
	t.Helper()
	for _, value := range spec.Values {
		literal, is := value.(*ast.BasicLit)
		if !is {
			t.Fatalf("%s has no literal as its value", spec.Names[0])
		}
		text, err := strconv.Unquote(literal.Value)
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, text)
	}
	return values
}

func TestEveryKindOfStepHasItsWords(t *testing.T) {
	for _, kind := range constants(t, "StepKind") {
		words, known := wordings[v1alpha1.StepKind(kind)]
		if !known || words.group == nil || words.named == nil {
			t.Errorf("steps of kind %s have no words", kind)
		}
	}
}

func TestAKindOfStepThatIsNotKnownIsShownByItsName(t *testing.T) {
	steps := []v1alpha1.PlannedStep{{Kind: "Shadow"}, {Kind: "Shadow"}}
	status := v1alpha1.CanaryStatus{Rollout: &v1alpha1.RolloutStatus{Step: v1alpha1.StepStatus{Number: 2}}, Plan: v1alpha1.PlanStatus{Steps: steps}}
	if line, sentence := stepsLine(status), stepName(steps, 1); line != "2 of 2: Shadow [Shadow]" || sentence != "Shadow" {
		t.Errorf("got %q and %q", line, sentence)
	}
}

func TestEveryPhaseFitsIntoItsColumn(t *testing.T) {
	for _, phase := range constants(t, "Phase") {
		s := subject{canary: &v1alpha1.Canary{Status: v1alpha1.CanaryStatus{Phase: v1alpha1.Phase(phase), CanaryStanding: v1alpha1.CanaryStanding{DryRun: true}}}}
		if got := len(s.phase()); got > phaseWidth {
			t.Errorf("%q takes %d columns of %d", s.phase(), got, phaseWidth)
		}
	}
}

func TestEveryTypeOfHookSaysWhatItOpens(t *testing.T) {
	for _, hook := range constants(t, "HookType") {
		after, known := opens[v1alpha1.HookType(hook)]
		if isGate := strings.HasPrefix(hook, "confirm-") || hook == string(v1alpha1.HookPreRollout); !known || isGate != (after != noGate) {
			t.Errorf("%s opens %q", hook, after)
		}
	}
}
