package lint

import (
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/internal/plugin/manifest"
)

var now = time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)

func objects(t *testing.T, text string) []manifest.Object {
	t.Helper()
	found, err := manifest.Parse("app.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// deployment has these annotations, from line 7 on.
func deployment(annotations ...string) string {
	return "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: podinfo\n  namespace: test\n  annotations:\n    " + strings.Join(annotations, "\n    ") + "\n"
}

func policyOf(kind, name, spec string) string {
	return "---\napiVersion: sluice.dev/v1alpha1\nkind: " + kind + "\nmetadata: {name: " + name + ", namespace: test}\nspec:\n" + spec + "\n"
}

const optIn = `sluice.dev/canary: "true"`

func TestFindings(t *testing.T) {
	for name, c := range map[string]struct{ manifest, finding string }{
		"an object of Flagger is sent to migrate": {"apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: {name: podinfo}\n",
			"app.yaml:1: Canary/podinfo: warning: not checked: this is an object of Flagger; to convert it: kubectl sluice migrate -f app.yaml"},
		"no empty word is offered among the types of a webhook": {policyOf("CanaryPolicy", "standard", "  analysis: {webhooks: [{name: a, type: pre-rolout, url: 'http://x/'}]}"),
			"app.yaml:6: CanaryPolicy/standard: spec.analysis.webhooks[0].type: Invalid value: \"pre-rolout\": must be one of rollout, confirm-rollout, pre-rollout, confirm-traffic-increase, confirm-promotion, post-rollout, rollback, event"},
		"a common typo is told the right key": {deployment(optIn, `sluice.dev/stepweight: "20"`),
			"app.yaml:8: Deployment/podinfo: metadata.annotations[sluice.dev/stepweight]: Invalid value: \"20\": unknown setting; did you mean step-weight or step-weights?"},
		"a value that cannot be read": {deployment(`sluice.dev/interval: soon`), "app.yaml:7: Deployment/podinfo: metadata.annotations[sluice.dev/interval]: Invalid value: \"soon\": …"},
		"an annotation that is no string": {deployment(`sluice.dev/canary: true`),
			"app.yaml:7: Deployment/podinfo: metadata.annotations[sluice.dev/canary]: Invalid value: true: must be a string: put it in quotes"},
		"an order that only the controller may give": {deployment(optIn, "sluice.dev/promote: 10a15acb"),
			"app.yaml:8: Deployment/podinfo: metadata.annotations[sluice.dev/promote]: Forbidden: cannot be set on a new Deployment; leave it out"},
		"what only Sluice writes": {deployment(optIn, "sluice.dev/candidate: '{}'"),
			"app.yaml:8: Deployment/podinfo: warning: metadata.annotations[sluice.dev/candidate]: Sluice sets this on the Deployment in the cluster: remove it from the manifest"},
		"a bypass that is over": {deployment(optIn, "sluice.dev/bypass: never"), "app.yaml:8: Deployment/podinfo: metadata.annotations[sluice.dev/bypass]: Invalid value: …"},
		"a policy that is not given is a warning": {deployment(optIn, "sluice.dev/policy: standard"),
			"app.yaml:8: Deployment/podinfo: warning: metadata.annotations[sluice.dev/policy]: no CanaryPolicy or ClusterCanaryPolicy standard is in these files: …"},
		"a mistyped field of a policy": {policyOf("CanaryPolicy", "standard", "  analysis:\n    stepWieght: 10"),
			"app.yaml:7: CanaryPolicy/standard: spec.analysis.stepWieght: Forbidden: no such field; did you mean stepWeight or stepWeights?"},
		"a duration that is none": {policyOf("CanaryPolicy", "standard", "  analysis:\n    threshold: 3\n    interval: soon"),
			"app.yaml:8: CanaryPolicy/standard: spec.analysis.interval: Invalid value: \"soon\": must be a duration such as 30s or 1m30s"},
		"a field of Flagger that means nothing here": {policyOf("ClusterCanaryPolicy", "default", "  provider: istio"),
			"app.yaml:6: ClusterCanaryPolicy/default: spec.provider: Forbidden: only the Gateway API is supported; remove it"},
		"an entry of a list": {policyOf("CanaryPolicy", "standard", "  analysis:\n    steps:\n    - weight: 5\n    - weight: 10\n      duration: 10ms"),
			"app.yaml:10: CanaryPolicy/standard: spec.analysis.steps[1].duration: Invalid value: \"10ms\": must be a duration of at least 1s, such as 30s or 1m30s"},
		"alerts, which nobody sends": {policyOf("CanaryPolicy", "standard", "  analysis:\n    alerts: [{name: team, providerRef: {name: slack}}]"),
			"app.yaml:7: CanaryPolicy/standard: warning: spec.analysis.alerts: this release sends no alerts (team): …"},
		"a regular expression that most gateways cannot read": {policyOf("CanaryPolicy", "standard", "  analysis:\n    match:\n    - headers: {user: {regex: '('}}"),
			"app.yaml:8: CanaryPolicy/standard: warning: spec.analysis.match[0].headers[user].regex: \"(\" cannot be read as RE2, …"},
		"a query that means the primary as Flagger names it": {policyOf("CanaryPolicy", "standard", "  analysis:\n    metrics:\n    - {name: errors, query: 'x{{ target }}-primary', thresholdRange: {max: 1}}"),
			"app.yaml:8: CanaryPolicy/standard: warning: spec.analysis.metrics[0].query: {{ target }} is the canary, …"},
		"a secret in the URL of a hook": {policyOf("CanaryPolicy", "standard", "  analysis:\n    webhooks:\n    - {name: gate, url: 'https://gate.test/?token=a'}"),
			"app.yaml:8: CanaryPolicy/standard: warning: spec.analysis.webhooks[0].url: its URL contains the query parameter \"token\", …"},
		"a kind that does not exist": {policyOf("CanaryPolcy", "standard", "  analysis: {}"),
			"app.yaml:3: CanaryPolcy/standard: kind: sluice.dev/v1alpha1 has no kind CanaryPolcy; did you mean CanaryPolicy?"},
		"a freeze whose schedule cannot be read": {policyOf("Freeze", "weekend", "  reason: nobody is there\n  schedule: never\n  duration: 2h"),
			"app.yaml:7: Freeze/weekend: spec.schedule: \"never\": must have the five cron fields …"},
		"a version that does not exist": {strings.ReplaceAll(policyOf("CanaryPolicy", "standard", "  analysis: {}"), "v1alpha1", "v1"),
			"app.yaml:2: CanaryPolicy/standard: apiVersion: must be sluice.dev/v1alpha1"},
		"an annotation that allows no step, without any policy": {deployment(optIn, `sluice.dev/step-weight: "0"`),
			"app.yaml:6: Deployment/podinfo: metadata.annotations: the annotations are invalid: spec.analysis.stepWeight: Invalid value: 0: the rollout would have no steps: …"},
		"annotations and a policy that do not go together": {deployment(optIn, "sluice.dev/policy: standard", `sluice.dev/iterations: "0"`, `sluice.dev/step-weight: "0"`) +
			policyOf("CanaryPolicy", "standard", "  analysis: {iterations: 3}"),
			"app.yaml:6: Deployment/podinfo: metadata.annotations: annotations and CanaryPolicy/standard contradict each other; correct one of them: …"},
	} {
		t.Run(name, func(t *testing.T) {
			report := Lint(objects(t, c.manifest), now)
			before, after, _ := strings.Cut(c.finding, "…")
			if len(report.Findings) != 1 || !strings.HasPrefix(report.Findings[0].String(), before) || !strings.HasSuffix(report.Findings[0].String(), after) {
				t.Errorf("got %v, not %s", report.Findings, c.finding)
			}
			warning := strings.Contains(c.finding, "warning")
			if !report.Failed(true) || report.Failed(false) == warning {
				t.Errorf("a warning counts only when it is strict")
			}
		})
	}
}

func TestStrategies(t *testing.T) {
	for name, c := range map[string]struct{ manifest, want string }{
		"the guard chooses the steps":          {deployment(optIn), "podinfo: canary 0.2%, 1%, 5%, 10%, 25%, 50%, each until the guard accepts it or for 1m0s, from built-in"},
		"the built-in steps without the guard": {deployment(optIn, `sluice.dev/guard: "false"`), "podinfo: canary 10%, 20%, 30%, 40%, 50% every 30s, from annotation sluice.dev/guard"},
		"a named policy below an annotation": {deployment(optIn, "sluice.dev/policy: standard", "sluice.dev/interval: 1m") + policyOf("CanaryPolicy", "standard", "  analysis: {stepWeights: [1, 5, 25]}"),
			"podinfo: canary 1%, 5%, 25% every 1m0s, from CanaryPolicy/standard, annotation sluice.dev/interval"},
		"the policy of the namespace comes before that of the cluster": {deployment(optIn, "sluice.dev/policy: standard") +
			policyOf("ClusterCanaryPolicy", "standard", "  analysis: {iterations: 2}") + policyOf("CanaryPolicy", "standard", "  analysis: {iterations: 3}"),
			"podinfo: blue/green 3 iterations, 100% every 30s, from CanaryPolicy/standard"},
		"the default policy of the cluster": {deployment(optIn) + policyOf("ClusterCanaryPolicy", "default", "  analysis: {iterations: 2, match: [{headers: {x: {exact: insider}}}]}"),
			"podinfo: a/b 2 iterations every 30s, from ClusterCanaryPolicy/default"},
		"steps of their own durations": {deployment(optIn, `sluice.dev/step-weights: "1@10m,0.5@5m"`), ""},
		"steps with durations":         {deployment(optIn, `sluice.dev/step-weights: "0.5@10m,5"`), "podinfo: canary 0.5% for 10m0s, 5% every 30s, from annotation sluice.dev/step-weights"},
		"many steps are cut":           {deployment(optIn, `sluice.dev/step-weight: "1"`), "podinfo: canary 1%, 2%, 3%, …, 50% every 30s, from annotation sluice.dev/step-weight"},
		"unjudged":                     {deployment(optIn, `sluice.dev/skip-analysis: "true"`), "podinfo: promoted without analysis as soon as the canary is ready, from annotation sluice.dev/skip-analysis"},
		"not opted in":                 {deployment(`sluice.dev/interval: 1m`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			report := Lint(objects(t, c.manifest), now)
			if c.want == "" {
				if len(report.Strategies) > 0 {
					t.Errorf("got %v, not none", report.Strategies)
				}
				return
			}
			if len(report.Findings) > 0 || len(report.Strategies) != 1 || report.Strategies[0].String() != c.want {
				t.Errorf("got %v %v, not %s", report.Strategies, report.Findings, c.want)
			}
		})
	}
}

func TestFindingsAreSorted(t *testing.T) {
	report := Lint(objects(t, deployment(`sluice.dev/threshold: x`, `sluice.dev/interval: x`)+policyOf("CanaryPolicy", "a", "  b: 1\n  c: 2")), now)
	var lines []int
	for _, finding := range report.Findings {
		lines = append(lines, finding.Line)
	}
	if len(lines) != 4 || lines[0] != 7 || lines[1] != 8 || lines[2] >= lines[3] {
		t.Errorf("got lines %v", lines)
	}
}
