package analysis

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

func TestAPairIsAskedOfBothVersions(t *testing.T) {
	target := Target{Namespace: "shop", Workload: "web-canary", Primary: "web", PrimaryService: "web"}
	pair := v1alpha1.Metric{Name: "orders", Bad: `sum(failed{pod=~"{{ target }}-.*",kind="{{ variables.kind }}"})`, Total: `sum(all{pod=~"{{ target }}-.*"})`,
		TemplateVariables: map[string]string{"kind": "order"}}
	queries, err := PairQueries(pair, target)
	if err != nil {
		t.Fatal(err)
	}
	want := []Query{
		{Check: "orders", Metric: PairBad, Expression: `sum(failed{pod=~"web-canary-.*",kind="order"})`},
		{Check: "orders", Metric: PrimaryBad, Expression: `sum(failed{pod=~"web-.*",kind="order"})`},
		{Check: "orders", Metric: PairTotal, Expression: `sum(all{pod=~"web-canary-.*"})`},
		{Check: "orders", Metric: PrimaryTotal, Expression: `sum(all{pod=~"web-.*"})`},
	}
	if diff := cmp.Diff(want, queries); diff != "" {
		t.Error(diff)
	}
}

func TestQueriesOfAPairThatCannotBe(t *testing.T) {
	target := Target{Namespace: "shop", Workload: "web-canary", Primary: "web"}
	for says, pair := range map[string]v1alpha1.Metric{
		"bad: the query is not a valid template":         {Bad: "{{ target", Total: "all"},
		"bad: the query is the same for the primary":     {Bad: "failed", Total: "{{ target }}"},
		"total: the query is the same for the primary":   {Bad: "{{ target }}", Total: "target"},
		"total: the query cannot be rendered":            {Bad: "{{ target }}", Total: "{{ target }}{{ variables.none }}"},
		"total: the query uses the function printf; the": {Bad: "{{ target }}", Total: `{{ printf "%1000000d" 1 }}{{ target }}`},
	} {
		if _, err := PairQueries(pair, target); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %s", err, says)
		}
	}
}

func TestAPrimaryThatHasTheCanaryInIt(t *testing.T) {
	for query, advised := range map[string]bool{
		`sum(a{pod=~"{{ target }}-.*"})`: true, `sum(a{pod=~"{{target}}.+"})`: true, `sum(a{pod=~"{{ target }}-primary"})`: true,
		`sum(a{pod=~"{{ target }}-[^-]+-[^-]+"})`: false, `sum(a{app="{{ target }}",path=~".*"})`: false, "": false,
	} {
		if advice := ComparedAdvice(query); (advice != "") != advised {
			t.Errorf("%s: %q", query, advice)
		}
	}
}

// TestPairsAreNoChecks holds that a policy with pairs alone has the checks of a policy without metrics.
func TestPairsAreNoChecks(t *testing.T) {
	pairs := []v1alpha1.Metric{{Name: "orders", Bad: "a", Total: "b"}}
	for name, policy := range map[string]config.Policy{"guarded": {Checks: pairs, Guard: config.Guard{Enabled: true, Alone: true}}, "unguarded": {Checks: pairs}} {
		checks, tested := len(ChecksOf(policy)), len(PairsOf(policy))
		if name == "guarded" && (checks != 0 || tested != 1) || name == "unguarded" && (checks != 2 || tested != 0) {
			t.Errorf("%s: %d checks, %d pairs", name, checks, tested)
		}
	}
	mixed := config.Policy{Checks: append(pairs, v1alpha1.Metric{Name: "own", Query: "up"}), Guard: config.Guard{Enabled: true}}
	if checks := ChecksOf(mixed); len(checks) != 1 || checks[0].Name != "own" {
		t.Errorf("%+v", checks)
	}
}
