package analysis

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// PairsOf returns the metrics of a policy that are pairs of counters, in the policy's order. Without the guard there are none, because
// only the guard tests them.
func PairsOf(policy config.Policy) []v1alpha1.Metric {
	if !policy.Guard.Enabled {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(policy.Checks), func(m v1alpha1.Metric) bool { return !config.IsPair(m) })
}

// CountsWork reports whether a policy's own counters judge a workload that gets no requests, such as a consumer of a queue. Its pods
// take their share of the work, so the guard compares them as it compares requests.
func CountsWork(policy config.Policy) bool {
	return policy.Traffic == v1alpha1.TrafficNone && len(PairsOf(policy)) > 0
}

// PairQueries returns the queries of a pair: both counters of the canary, and both of the primary. The error says what is wrong with
// one.
func PairQueries(pair v1alpha1.Metric, target Target) ([]Query, error) {
	queries := make([]Query, 0, 4)
	for _, asked := range []struct {
		name, query     string
		canary, primary Metric
	}{{"bad", pair.Bad, PairBad, PrimaryBad}, {"total", pair.Total, PairTotal, PrimaryTotal}} {
		canary, err := counterOf(asked.query, pair, target)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", asked.name, err)
		}
		primary, err := counterOf(asked.query, pair, target.primary())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", asked.name, err)
		}
		if canary == primary && target.Workload != target.Primary {
			return nil, errors.New(asked.name + ": the query is the same for the primary: use {{ target }} in it, which is first the canary and then the primary")
		}
		queries = append(queries, Query{Check: pair.Name, Metric: asked.canary, Expression: canary}, Query{Check: pair.Name, Metric: asked.primary, Expression: primary})
	}
	return queries, nil
}

var anyAfterTarget = regexp.MustCompile(`\{\{-?\s*target\s*-?\}\}-?\.[*+]`)

// ComparedAdvice says what a query about both versions hardly means. It returns an empty string if nothing.
func ComparedAdvice(query string) string {
	if anyAfterTarget.MatchString(query) {
		return `{{ target }}-.* matches the canary's pods, too, when {{ target }} is the primary: use {{ target }}-[^-]+-[^-]+`
	}
	return Advice(query)
}

// counterOf is the query of a counter about one version. A counter has no window, so none is given.
func counterOf(query string, pair v1alpha1.Metric, target Target) (string, error) {
	return Render(query, Variables{
		Namespace: target.Namespace, Primary: target.Primary, Target: target.Workload, Service: target.PrimaryService,
		Route: target.Route, Custom: pair.TemplateVariables,
	})
}
