package target

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

// Queries returns the queries of one check. The problem says why there are none.
func (t Target) Queries(check analysis.Check, o observed.World, window time.Duration) (queries []analysis.Query, problem string) {
	where, from := fmt.Sprintf("check %q", check.Name), o.Namespace
	if check.Template != nil {
		name := observed.TemplateName(*check.Template, o.Namespace)
		template, exists := o.Templates[name]
		switch {
		case !exists:
			return nil, fmt.Sprintf("MetricTemplate %s, named by check %q, does not exist: create it, or correct templateRef", name, check.Name)
		case template.Problem != "":
			return nil, fmt.Sprintf("MetricTemplate %s, named by check %q, cannot be used: %s", name, check.Name, template.Problem)
		}
		check.Query, check.Server = template.Query, template.Server
		if problem := analysis.VariablesProblem(check); problem != "" && name.Namespace != o.Namespace {
			return nil, problem
		}
		from, where = name.Namespace, where+fmt.Sprintf(", MetricTemplate %s", name)
	}
	if problem := notAskable(check, from, where, o); problem != "" {
		return nil, problem
	}
	if check.Server == nil && !o.Prometheus {
		return nil, "no Prometheus is configured, so no check can run: start Sluice with --prometheus-url (chart value prometheusUrl)"
	}
	queries, err := analysis.QueriesFor(check, t.Preset, t.judged(o), window)
	if err != nil {
		return nil, fmt.Sprintf("%s: %v", where, err)
	}
	return queries, ""
}

// notAskable says why the controller's Prometheus is not asked a query that was written in a namespace; empty when it is. It answers
// with all that it knows, of every namespace. Built-in checks ask only about the Deployment.
func notAskable(check analysis.Check, from, where string, o observed.World) string {
	if check.Metric != analysis.Custom || check.Server != nil || len(o.QueryNamespaces) == 0 || slices.Contains(o.QueryNamespaces, from) {
		return ""
	}
	return fmt.Sprintf("%s asks the controller's Prometheus a query that was written in namespace %s, and the chart value queryNamespaces allows "+
		"that only in %s: use a MetricTemplate of such a namespace, or one with provider.address", where, from, strings.Join(o.QueryNamespaces, ", "))
}

// findMetrics finds the preset. Built-in checks need one; the guard does without.
func findMetrics(target *Target, policy config.Policy, o observed.World) (problem string) {
	switch {
	case policy.SkipAnalysis:
		return ""
	case !needsPreset(policy):
		if policy.Guard.Enabled {
			target.Preset, target.uncounted = presetOf(*target, policy, o)
		}
		return ""
	}
	preset, problem := presetOf(*target, policy, o)
	if problem == "" && policy.Preset == "" {
		problem = leaveOutUnjudged(target, preset, o)
	}
	if problem == "" {
		target.Preset = preset
	}
	return problem
}

// presetOf returns the preset of a policy, or that of the gateway. The problem says why there is none.
func presetOf(target Target, policy config.Policy, o observed.World) (preset config.Preset, problem string) {
	if !o.Prometheus {
		return "", "no Prometheus is configured, so no check can run: start Sluice with --prometheus-url (chart value prometheusUrl)"
	}
	if policy.Preset != "" {
		return policy.Preset, ""
	}
	if target.Gateway.Name == "" {
		return "", fmt.Sprintf("no Gateway serves %s, so its metrics are unknown: choose queries with the annotation %s: %s",
			target.Routes[0].Key().From(o.Namespace), config.AnnotationMetrics, config.PresetNames())
	}
	controller := o.ControllerOf(target.Gateway)
	preset, known := analysis.PresetFor(controller)
	if !known {
		return "", fmt.Sprintf("Gateway %s is run by controller %q, whose metrics are unknown: choose queries with the annotation %s: %s",
			target.Gateway, controller, config.AnnotationMetrics, config.PresetNames())
	}
	return preset, ""
}

// findQueries makes the queries of all checks once, so that their problems show before a rollout starts.
func findQueries(target *Target, policy config.Policy, o observed.World) string {
	if policy.SkipAnalysis {
		return ""
	}
	checks := analysis.ChecksOf(policy)
	if problem := analysis.CheckProblem(checks); problem != "" {
		return problem
	}
	for _, check := range checks {
		if _, problem := target.Queries(check, o, cmp.Or(check.Window, policy.Interval)); problem != "" {
			return problem
		}
	}
	_, problem := target.Pairs(policy, o)
	return problem
}

// Pairs returns the queries of the policy's pairs of counters. The problem says why there are none.
func (t Target) Pairs(policy config.Policy, o observed.World) (queries []analysis.Query, problem string) {
	for _, pair := range analysis.PairsOf(policy) {
		where := fmt.Sprintf("metric %q", pair.Name)
		if problem := notAskable(analysis.Check{Metric: analysis.Custom}, o.Namespace, where, o); problem != "" {
			return nil, problem
		}
		own, err := analysis.PairQueries(pair, t.judged(o))
		if err != nil {
			return nil, fmt.Sprintf("%s: %v", where, err)
		}
		queries = append(queries, own...)
	}
	return queries, ""
}

// needsPreset reports whether a check has no query of its own, also one that judges only if the guard cannot.
func needsPreset(policy config.Policy) bool {
	policy.Guard = config.Guard{}
	return slices.ContainsFunc(analysis.ChecksOf(policy), func(c analysis.Check) bool { return c.Metric != analysis.Custom })
}

// leaveOutUnjudged leaves out guests with gRPC calls that the preset of the gateway cannot judge. It says which other route carries
// such calls; empty for none.
func leaveOutUnjudged(target *Target, preset config.Preset, o observed.World) string {
	if !analysis.BlindToCalls(preset) {
		return ""
	}
	const blind = "is checked with its gateway's metrics (preset %s), which count calls without their status, so no call would fail: " +
		"check the app's metrics instead, with the annotation %s: app"
	var kept []route.Route
	for _, r := range target.Routes {
		why := fmt.Sprintf(blind, preset, config.AnnotationMetrics)
		switch {
		case r.Kind != route.GRPC:
			kept = append(kept, r)
		case !slices.Contains(target.guests, r.Key()):
			return r.Key().From(o.Namespace) + " " + why
		default:
			target.Skipped = append(target.Skipped, fmt.Sprintf("%s: it %s", r.Key(), why))
		}
	}
	target.Routes = kept
	return ""
}

// ports are the ports of the Service that the routes use.
func (t Target) ports() []int32 {
	var ports []int32
	for _, r := range t.Routes {
		ports = append(ports, route.BackendPorts(r, keyOf(&t.Service))...)
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// firstRoute is the name of the first route; empty without routes.
func (t Target) firstRoute() string {
	if len(t.Routes) == 0 {
		return ""
	}
	return t.Routes[0].Name
}

// Observing returns the queries of how many requests the primary and the canary got. They judge no check.
func (t Target) Observing(o observed.World, window time.Duration) []analysis.Query {
	return analysis.ObservingQueries(t.Preset, t.measured(o), window)
}

// measured is the canary as queries name it, and the primary beside it.
func (t Target) measured(o observed.World) analysis.Target {
	return analysis.Target{
		Namespace:      o.Namespace,
		Service:        t.CanaryService(),
		Workload:       workload.CanaryName(o.Name),
		Ports:          t.ports(),
		Primary:        o.Name,
		Control:        workload.ControlName(o.Name),
		ControlService: t.ControlService(),
		PrimaryService: t.Service.Name,
		Route:          t.firstRoute(),
		FailedStatuses: t.FailedStatuses,
	}
}

// judged is the canary as queries name it. In a dry run the primary's pods run the candidate.
func (t Target) judged(o observed.World) analysis.Target {
	judged := t.measured(o)
	if o.Primary != nil {
		judged.Replicas = workload.Replicas(o.Primary)
	}
	if o.DryRun {
		judged.Service, judged.Workload = judged.PrimaryService, judged.Primary
	}
	return judged
}
