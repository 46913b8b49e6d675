package policy

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/config"
)

func TestPolicyFor(t *testing.T) {
	for name, c := range map[string]struct {
		annotations map[string]string
		check       func(config.Policy) bool
		wrong       string
	}{
		"the opt-in alone gives the defaults": {
			annotations: map[string]string{config.AnnotationCanary: "true"},
			check: func(p config.Policy) bool {
				return p.Guard.Enabled && p.Guard.Ladder && slices.Equal(p.StepWeights, config.Ladder) && p.Interval == 30*time.Second && p.Threshold == 5 &&
					p.ProgressDeadline == 600*time.Second && p.MinSuccessRate == 99 && p.MaxRequestDuration == 500*time.Millisecond && p.MinRequests == 10
			},
		},
		"a deadline can be given in seconds, as Flagger takes it": {
			annotations: map[string]string{config.AnnotationProgressDeadline: "90"},
			check:       func(p config.Policy) bool { return p.ProgressDeadline == 90*time.Second },
		},
		"a percentage can have a percent sign": {
			annotations: map[string]string{config.AnnotationMinSuccessRate: "99.5%"},
			check:       func(p config.Policy) bool { return p.MinSuccessRate == 99.5 },
		},
		"label keys are separated by commas": {
			annotations: map[string]string{config.AnnotationIdentityLabels: "app, app.kubernetes.io/name"},
			check: func(p config.Policy) bool {
				return slices.Equal(p.IdentityLabels, []string{"app", "app.kubernetes.io/name"})
			},
		},
		"the analysis can be skipped": {
			annotations: map[string]string{config.AnnotationSkipAnalysis: "true"},
			check:       func(p config.Policy) bool { return p.SkipAnalysis },
		},
		"the analysis is not skipped unless it is said": {
			annotations: map[string]string{config.AnnotationSkipAnalysis: "false"},
			check:       func(p config.Policy) bool { return !p.SkipAnalysis },
		},
		"annotations of others mean nothing here": {
			annotations: map[string]string{"example.com/interval": "soon"},
			check:       func(p config.Policy) bool { return p.Interval == 30*time.Second },
		},
		"an interval below a second is refused":            {annotations: map[string]string{config.AnnotationInterval: "500ms"}, wrong: "at least 1s, such as 30s or 1m30s"},
		"a weight beyond 100 is refused":                   {annotations: map[string]string{config.AnnotationMaxWeight: "101"}, wrong: "from 0.01 to 100"},
		"a success rate that is no number is refused":      {annotations: map[string]string{config.AnnotationMinSuccessRate: "NaN"}, wrong: "from 0 to 100"},
		"a threshold of 0 is refused":                      {annotations: map[string]string{config.AnnotationThreshold: "0"}, wrong: "from 1"},
		"an opt-in that is neither yes nor no is refused":  {annotations: map[string]string{config.AnnotationCanary: "yes"}, wrong: `"true" or "false"`},
		"skipping that is neither yes nor no is refused":   {annotations: map[string]string{config.AnnotationSkipAnalysis: "once"}, wrong: `"true" or "false"`},
		"a label key with a newline is refused":            {annotations: map[string]string{config.AnnotationIdentityLabels: "app\nx"}, wrong: "label keys"},
		"a mistyped key is refused and told what there is": {annotations: map[string]string{"sluice.dev/max-wieght": "5"}, wrong: "unknown setting; did you mean max-weight?"},
		"a request that is mistyped is told the right one": {annotations: map[string]string{"sluice.dev/abrot": "true"}, wrong: "unknown setting; did you mean abort?"},
		"a key like no other is told what there is":        {annotations: map[string]string{"sluice.dev/replicaset": "5"}, wrong: "unknown setting; the settings of sluice.dev/ are canary, policy,"},
	} {
		t.Run(name, func(t *testing.T) {
			policy, problems := For(c.annotations)
			if c.wrong == "" {
				if len(problems) > 0 || !c.check(policy) {
					t.Errorf("got %+v, %v", policy, problems)
				}
				return
			}
			if len(problems) != 1 || !strings.Contains(problems[0].Error(), c.wrong) || !strings.HasPrefix(problems[0].Field, "metadata.annotations[sluice.dev/") {
				t.Errorf("got %v, which does not say %q with the full path", problems, c.wrong)
			}
		})
	}
}

func TestLookPeriod(t *testing.T) {
	for name, c := range map[string]struct{ interval, want time.Duration }{
		"short steps are looked at every second":   {2 * time.Second, time.Second},
		"a step of 10 s is looked at every 2 s":    {10 * time.Second, 2 * time.Second},
		"long steps are looked at every 5 seconds": {time.Hour, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (config.Policy{Interval: c.interval}).LookPeriod(); got != c.want {
				t.Errorf("got %s, not %s", got, c.want)
			}
		})
	}
}

func TestNamesAndNumbersAreParsed(t *testing.T) {
	parsed, errs := Parse(specOf(t, `{canary: {replicas: 30%}, service: {name: web, routes: [a, shop/b, GRPCRoute/c, HTTPRoute/shop/d], cohort: [cart, stock=stock-next]}}`))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	routes := []config.RouteRef{{Kind: "HTTPRoute", Name: "a"}, {Kind: "HTTPRoute", Namespace: "shop", Name: "b"}, {Kind: "GRPCRoute", Name: "c"}, {Kind: "HTTPRoute", Namespace: "shop", Name: "d"}}
	members := []config.CohortMember{{Service: "cart"}, {Service: "stock", Target: "stock-next"}}
	if !slices.Equal(parsed.Routes, routes) || !slices.Equal(parsed.Cohort.Members, members) || parsed.Cohort.Header != "x-sluice-canary" || parsed.Canary.Replicas.Percent != 30 {
		t.Errorf("got %+v", parsed)
	}
	for value, want := range map[string]config.Replicas{"Proportional": {}, "Primary": {Percent: 100}, "100%": {Percent: 100}, "7": {Number: 7}} {
		if got, err := config.ParseReplicas(value); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", value, got, err)
		}
	}
	for _, value := range []string{"", "0", "0%", "101%", "x%", "1.5", "proportional"} {
		if got, err := config.ParseReplicas(value); err == nil {
			t.Errorf("%q is read as %+v", value, got)
		}
	}
}
