package rollout

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
)

// Needs are the questions of one tick.
type Needs struct {
	// Queries are for Prometheus; none unless checks are due. They are asked in the background; their samples are observed by a
	// later tick that needs the same round.
	Queries []analysis.Query
	// Round is the same as long as the queries are for the same round of checks of the same step; they may differ in how far back
	// they look. Samples of another round do not count.
	Round string
	// Hooks are asked in the background; their answers are observed by a later tick.
	Hooks []HookCall
}

// Template is a MetricTemplate as far as it was read.
type Template struct {
	// Query is its template.
	Query string
	// Server answers it; nil for the controller's Prometheus.
	Server *analysis.Server
	// Problem says why it cannot be used; empty when it can.
	Problem string
}

// Needs tells which questions this tick wants answered.
func (f Facts) Needs() Needs {
	if !f.o.optedIn() {
		return Needs{}
	}
	needs := Needs{Hooks: hooksDue(f.policy, f.before, f.o), Round: roundOf(f.before)}
	lasts := stepOf(f.steps, f.before.Open().Step.Number).Duration.Duration
	if f.problem != "" || !checked(f.before) || f.o.Now.Before(nextCheck(f.policy.CheckPeriod(), lasts, f.before.Open().Step.InEffect, f.before.LastCheckTime)) {
		return needs
	}
	for _, check := range analysis.ChecksOf(f.policy) {
		queries, problem := f.target.queries(check, f.o, window(check.Window, f.before, f.o.Now))
		if problem == "" {
			needs.Queries = append(needs.Queries, queries...)
		}
	}
	if len(needs.Queries) > 0 && !withoutTraffic(f.policy) {
		needs.Queries = append(needs.Queries, f.target.observing(f.o, window(f.policy.Window(), f.before, f.o.Now))...)
	}
	return needs
}

// roundOf names the round of checks that is due at the present step and weight after the last one.
func roundOf(state State) string {
	at := func(stamp *metav1.MicroTime) string {
		if stamp == nil {
			return "-"
		}
		return stamp.UTC().Format(time.RFC3339Nano)
	}
	return fmt.Sprintf("%s step %d at %v%% since %s after %s", checksum(state), state.Open().Step.Number, state.CanaryWeight, at(state.Open().Step.InEffect), at(state.LastCheckTime))
}

// window ends now and begins no earlier than the canary's traffic, so that nothing of an earlier candidate counts.
func window(longest time.Duration, state State, now time.Time) time.Duration {
	return max(time.Second, min(longest, now.Sub(state.Open().Canary.TrafficStarted.Time)))
}

// wakeForTemplates looks again at a MetricTemplate that cannot be used: Secrets are not watched.
func wakeForTemplates(t *tick) {
	for _, template := range t.o.Templates {
		if template.Problem != "" {
			wakeIn(t, t.policy.Interval)
		}
	}
}

// queries are the queries of one check; the problem says why there are none.
func (t Target) queries(check analysis.Check, o Observation, window time.Duration) (queries []analysis.Query, problem string) {
	where := fmt.Sprintf("check %q", check.Name)
	if check.Template != nil {
		name := TemplateName(*check.Template, o.Namespace)
		template, exists := o.Templates[name]
		switch {
		case !exists:
			return nil, fmt.Sprintf("MetricTemplate %s, named by check %q, does not exist: create it, or correct templateRef", name, check.Name)
		case template.Problem != "":
			return nil, fmt.Sprintf("MetricTemplate %s, named by check %q, cannot be used: %s", name, check.Name, template.Problem)
		}
		if problem := analysis.VariablesProblem(check); problem != "" && name.Namespace != o.Namespace {
			return nil, problem
		}
		check.Query, check.Server = template.Query, template.Server
		where += fmt.Sprintf(", MetricTemplate %s", name)
	}
	if check.Server == nil && !o.Prometheus {
		return nil, "no Prometheus is configured, so no check can run: start sluice with --prometheus-url (chart value prometheusUrl)"
	}
	service, judged := t.CanaryService(), workload.CanaryName(o.Name)
	if o.DryRun {
		service, judged = t.Service.Name, o.Name
	}
	queries, err := analysis.QueriesFor(check, t.Preset, analysis.Target{
		Namespace:      o.Namespace,
		Service:        service,
		Workload:       judged,
		Ports:          t.ports(),
		Primary:        o.Name,
		PrimaryService: t.Service.Name,
		Route:          t.firstRoute(),
	}, window)
	if err != nil {
		return nil, fmt.Sprintf("%s: %v", where, err)
	}
	return queries, ""
}

// TemplateName is the MetricTemplate that a check of a Deployment in this namespace names.
func TemplateName(ref v1alpha1.ObjectRef, namespace string) types.NamespacedName {
	if ref.Namespace != "" {
		namespace = ref.Namespace
	}
	return types.NamespacedName{Namespace: namespace, Name: ref.Name}
}

// findQueries makes the queries of all checks once, so that what is wrong with them is told before a rollout begins.
func findQueries(target *Target, policy config.Policy, o Observation) string {
	if policy.SkipAnalysis {
		return ""
	}
	checks := analysis.ChecksOf(policy)
	if problem := analysis.CheckProblem(checks); problem != "" {
		return problem
	}
	for _, check := range checks {
		if _, problem := target.queries(check, o, check.Window); problem != "" {
			return problem
		}
	}
	return ""
}

// needsPreset reports whether a check has no query of its own.
func needsPreset(policy config.Policy) bool {
	return slices.ContainsFunc(analysis.ChecksOf(policy), func(c analysis.Check) bool { return c.Metric != analysis.Custom })
}

// callsUnjudged says which route has calls of gRPC that the preset of the gateway cannot judge; empty for none.
func callsUnjudged(target Target, preset config.Preset, o Observation) string {
	for _, r := range target.Routes {
		if r.Kind == route.GRPC && analysis.BlindToCalls(preset) {
			return fmt.Sprintf("%s is checked with its gateway's metrics (preset %s), which count calls without their status, so no call would fail: "+
				"check the app's metrics instead, with the annotation %s: app", r.Key().From(o.Namespace), preset, config.AnnotationMetrics)
		}
	}
	return ""
}

// ports are those of the Service that the routes use.
func (t Target) ports() []int32 {
	var ports []int32
	service := types.NamespacedName{Namespace: t.Service.Namespace, Name: t.Service.Name}
	for _, r := range t.Routes {
		ports = append(ports, route.BackendPorts(r, service)...)
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// firstRoute is the name of the first route, empty without any.
func (t Target) firstRoute() string {
	if len(t.Routes) == 0 {
		return ""
	}
	return t.Routes[0].Name
}
