// Package charts tests the chart as Helm renders it.
package charts

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"sluice.dev/sluice/e2e/binaries"
)

var update = flag.Bool("update", false, "write the golden files")

// chart is the folder of the chart.
const chart = "../../charts/sluice"

// helm runs Helm and returns its output.
func helm(t *testing.T, args ...string) (string, error) {
	t.Helper()
	dir, err := binaries.Ensure(t.Context(), os.Stderr, "helm")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), filepath.Join(dir, "helm"), args...).CombinedOutput()
	return string(out), err
}

// settings are the values files to render the chart with, by name.
func settings(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.values.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no values files: %v", err)
	}
	found := map[string]string{}
	for _, file := range files {
		found[strings.TrimSuffix(filepath.Base(file), ".values.yaml")] = file
	}
	return found
}

func TestTemplates(t *testing.T) {
	for name, file := range settings(t) {
		t.Run(name, func(t *testing.T) {
			rendered, err := helm(t, "template", "sluice", chart, "--namespace", "sluice-system", "--set", "crds.install=false", "--values", file)
			if err != nil {
				t.Fatal(rendered)
			}
			path := filepath.Join("testdata", name+".golden.yaml")
			golden, err := os.ReadFile(path)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			if string(golden) == rendered {
				return
			}
			if !*update {
				t.Fatalf("%s is out of date, run make generate (-is +should be):\n%s", path, cmp.Diff(string(golden), rendered))
			}
			if err := os.WriteFile(path, []byte(rendered), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestCRDsStayAndAreTheGeneratedOnes(t *testing.T) {
	rendered, err := helm(t, "template", "sluice", chart, "--show-only", "templates/crds.yaml")
	if err != nil {
		t.Fatal(rendered)
	}
	files, err := filepath.Glob(filepath.Join(chart, "files", "crds", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no CRDs: %v", err)
	}
	documents := strings.Split(strings.TrimPrefix(rendered, "---\n"), "\n---\n")
	if len(documents) != len(files) {
		t.Fatalf("%d CRDs are installed, %d are generated", len(documents), len(files))
	}
	for i, file := range files {
		var installed, generated map[string]any
		content, err := os.ReadFile(file)
		if err := errors.Join(err, yaml.Unmarshal(content, &generated), yaml.Unmarshal([]byte(documents[i]), &installed)); err != nil {
			t.Fatal(err)
		}
		annotations := installed["metadata"].(map[string]any)["annotations"].(map[string]any)
		if annotations["helm.sh/resource-policy"] != "keep" {
			t.Errorf("%s would be deleted with the chart, and every object of its kind", file)
		}
		delete(annotations, "helm.sh/resource-policy")
		if difference := cmp.Diff(generated, installed); difference != "" {
			t.Errorf("%s (-generated +installed):\n%s", file, difference)
		}
	}
}

func TestLint(t *testing.T) {
	for name, file := range settings(t) {
		t.Run(name, func(t *testing.T) {
			if out, err := helm(t, "lint", "--strict", chart, "--values", file); err != nil {
				t.Error(out)
			}
		})
	}
}

func TestMistakesInValuesAreNamed(t *testing.T) {
	for name, c := range map[string]struct{ set, wrong string }{
		"a mistyped key":            {"metrics.secur=true", "at '/metrics': additional properties 'secur' not allowed"},
		"a mistyped first key":      {"replica=3", "additional properties 'replica' not allowed"},
		"a wrong type":              {"replicas=two", "at '/replicas': got string, want integer"},
		"a level that is not one":   {"logLevel=loud", "at '/logLevel': value must be one of"},
		"a provider that is none":   {"certs.provider=vault", "at '/certs/provider': value must be one of"},
		"a port that is none":       {"webhook.port=99999", "at '/webhook/port': maximum: got 99,999, want 65,535"},
		"a token nobody can send":   {"metrics.secure=true,metrics.podMonitor.enabled=true", "enable metrics.serviceMonitor instead"},
		"an argument without marks": {"extraArgs={log-level=debug}", "at '/extraArgs/0'"},
	} {
		t.Run(name, func(t *testing.T) {
			if out, err := helm(t, "template", "sluice", chart, "--set", c.set); err == nil || !strings.Contains(out, c.wrong) {
				t.Errorf("helm says: %s", out)
			}
		})
	}
}

var sentenceAbove = regexp.MustCompile(`^# [A-Z].+\.$`)

func TestEveryRuleSaysWhatItIsFor(t *testing.T) {
	rules := 0
	for name := range settings(t) {
		content, err := os.ReadFile(filepath.Join("testdata", name+".golden.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(content), "\n")
		for i, line := range lines {
			rule := strings.TrimSpace(line)
			if !strings.HasPrefix(rule, "- {apiGroups:") && !strings.HasPrefix(rule, "- apiGroups: [admissionregistration") || i == 0 || webhookRule(lines[i-1]) {
				continue
			}
			rules++
			if !sentenceAbove.MatchString(strings.TrimSpace(lines[i-1])) {
				t.Errorf("%s: the rule needs a sentence above it: %s", name, line)
			}
		}
	}
	if rules < 40 {
		t.Errorf("only %d rules were found", rules)
	}
}

// webhookRule tells the rules of webhooks, which begin directly below their key, from those of roles.
func webhookRule(above string) bool { return above == "    rules:" }
