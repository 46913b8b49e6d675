package plugin

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/yaml"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis/guard"
)

// simulated runs simulate with files of these contents.
func simulatedWith(t *testing.T, policy, scenario string, args ...string) (string, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, content := range map[string]string{"policy.yaml": policy, "grid.yaml": scenario} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	root := NewCommand(genericiooptions.IOStreams{In: strings.NewReader(scenario), Out: &out, ErrOut: &out})
	root.SetArgs(append([]string{"simulate"}, args...))
	err := root.Execute()
	return out.String(), err
}

const smallGrid = "requestsPerSecond: [10]\nprimaryErrors: [0.1]\ncanaryErrors: [0.1, 50]\n"

func policyOf(spec string) string {
	return "apiVersion: sluice.dev/v1alpha1\nkind: CanaryPolicy\nmetadata: {name: a}\nspec: " + spec + "\n"
}

func TestSimulate(t *testing.T) {
	for name, c := range map[string]struct {
		policy string
		args   []string
		golden string
	}{
		"the guard's ladder":      {policyOf("{}"), []string{"--peer", "flagger", "--reps", "20"}, "simulate-ladder"},
		"steps of the policy":     {policyOf("{analysis: {interval: 2m, stepWeights: [20, 60]}}"), []string{"--peer", "argo:limit=1", "--reps", "20"}, "simulate-steps"},
		"steps with durations":    {policyOf("{analysis: {steps: [{weight: 5, duration: 1m}, {weight: 50, duration: 3m}]}}"), []string{"--reps", "5", "-o", "csv"}, "simulate-durations"},
		"numbers for programs":    {policyOf("{}"), []string{"--peer", "kayenta:points=5", "--reps", "2", "-o", "json"}, "simulate-json"},
		"the same, from stdin":    {policyOf("{}"), []string{"--scenario", "-", "--peer", "flagger", "--reps", "20"}, "simulate-ladder"},
		"another seed in a graph": {policyOf("{}"), []string{"--seed", "2", "--reps", "2", "-o", "svg"}, "simulate-svg"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := simulatedWith(t, c.policy, smallGrid, append([]string{"--policy", "policy.yaml", "--scenario", "grid.yaml"}, c.args...)...)
			if err != nil {
				t.Fatal(err)
			}
			isGolden(t, c.golden, got)
		})
	}
}

// TestThePolicySetsTheGuard holds that every field of analysis.guard reaches the guard that is played.
func TestThePolicySetsTheGuard(t *testing.T) {
	defaults := guard.DefaultSettings()
	for name, c := range map[string]struct {
		spec   string
		change func(*guard.Settings)
	}{
		"nothing":           {"{}", func(*guard.Settings) {}},
		"the SLO":           {"{analysis: {guard: {sloErrorRate: 0.5}}}", func(s *guard.Settings) { s.SLO = .005 }},
		"alpha":             {"{analysis: {guard: {alpha: 0.001}}}", func(s *guard.Settings) { s.Alpha = .001 }},
		"rho":               {"{analysis: {guard: {rho: 2}}}", func(s *guard.Settings) { s.Rho = 2 }},
		"no latency":        {"{analysis: {guard: {latency: false}}}", func(s *guard.Settings) { s.Latency = false }},
		"what follows":      {"{analysis: {guard: {onInconclusive: promote, onSuspicious: pause}}}", func(s *guard.Settings) { s.OnInconclusive, s.OnSuspicious = guard.ThenPromote, guard.ThenPause }},
		"the times":         {"{analysis: {guard: {minDwell: 30s, maxDwell: 5m}}}", func(s *guard.Settings) { s.MinDwell, s.MaxDwell = 30*time.Second, 5*time.Minute }},
		"a patient ladder":  {"{analysis: {guard: {earlyAdvance: false}}}", func(s *guard.Settings) { s.Early = false }},
		"steps":             {"{analysis: {stepWeight: 20}}", func(s *guard.Settings) { s.Early = false }},
		"steps, early":      {"{analysis: {stepWeight: 20, guard: {earlyAdvance: true}}}", func(*guard.Settings) {}},
		"the ladder itself": {"{analysis: {ladder: auto, guard: {enabled: true}}}", func(*guard.Settings) {}},
	} {
		var typed v1alpha1.CanaryPolicy
		if err := yaml.Unmarshal([]byte(policyOf(c.spec)), &typed); err != nil {
			t.Fatal(err)
		}
		got, err := simulatedOf(typed.Spec)
		want := defaults
		c.change(&want)
		if diff := cmp.Diff(want, got.settings); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
}

func TestSimulateMistakes(t *testing.T) {
	for name, c := range map[string]struct {
		policy, scenario string
		args             []string
		want             string
		code             int
	}{
		"no scenarios":          {"", "", nil, "no scenarios given: name a file with --scenario FILE", ExitUsage},
		"a file that is not":    {"", "", []string{"--scenario", "none.yaml"}, "none.yaml: no such file", ExitUsage},
		"a word that is not":    {"", smallGrid, []string{"--scenario", "grid.yaml", "-o", "yaml"}, "--output yaml: must be markdown, json, csv or svg", ExitUsage},
		"too many rollouts":     {"", smallGrid, []string{"--scenario", "grid.yaml", "--reps", "1000000"}, "--reps 1000000: must be from 1 to 100000", ExitUsage},
		"another rule":          {"", smallGrid, []string{"--scenario", "grid.yaml", "--peer", "spinnaker"}, `--peer: "spinnaker" is no rule`, ExitUsage},
		"an axis that is not":   {"", "rps: [1]\n", []string{"--scenario", "grid.yaml"}, "grid.yaml: rps: Forbidden: no such field", ExitError},
		"an axis that is empty": {"", "requestsPerSecond: [1]\n", []string{"--scenario", "grid.yaml"}, "primaryErrors: Required value: list at least one value", ExitError},
		"a wrong type":          {"", "requestsPerSecond: fast\n", []string{"--scenario", "grid.yaml"}, "requestsPerSecond: Invalid value: \"fast\": must be a list", ExitError},
		"no object":             {"", "- 1\n", []string{"--scenario", "grid.yaml"}, "grid.yaml: ", ExitError},
		"no policy":             {"apiVersion: v1\nkind: ConfigMap\n", smallGrid, []string{"--scenario", "grid.yaml", "--policy", "policy.yaml"}, "expected one CanaryPolicy or ClusterCanaryPolicy, found 0", ExitError},
		"a policy with a mistake": {policyOf("{analysis: {interval: soon}}"), smallGrid, []string{"--scenario", "grid.yaml", "--policy", "policy.yaml"},
			`spec.analysis.interval: Invalid value: "soon"`, ExitError},
		"what cannot be played": {policyOf("{analysis: {iterations: 5}}"), smallGrid, []string{"--scenario", "grid.yaml", "--policy", "policy.yaml"}, `the strategy "blue/green" cannot be played`, ExitError},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := simulatedWith(t, c.policy, c.scenario, c.args...)
			if err == nil || !strings.Contains(err.Error(), c.want) || ExitCode(err) != c.code {
				t.Errorf("got %v with exit code %d", err, ExitCode(err))
			}
		})
	}
}
