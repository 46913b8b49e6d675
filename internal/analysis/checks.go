package analysis

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// Check is one metric and the limits for its value.
type Check struct {
	// Name is unique among the checks of a policy.
	Name string
	// Metric is SuccessRate, Duration or Custom. Empty for a name that is not built in.
	Metric Metric
	// Min and Max are the inclusive limits of a passing value. Nil means no limit at that end.
	Min, Max *float64
	// Window is how far back the query looks, unless the canary's traffic began later; 0 for back to when the check was last judged.
	Window time.Duration
	// Query is the query template of a Custom check. Empty if Template names a MetricTemplate.
	Query string
	// Template names the MetricTemplate of a Custom check. Nil if the check has its own query.
	Template *v1alpha1.ObjectRef
	// Variables are the values that the template may use.
	Variables map[string]string
	// Server answers the query. Nil for the controller's Prometheus.
	Server *Server
	// Judgement is how the check is judged beside Min and Max, and what its failures decide.
	Judgement v1alpha1.MetricJudgement
	// threshold and unit say how limits and values are shown. show formats one value.
	threshold string
	show      func(float64) string
}

// ChecksOf returns the checks of a policy, in the policy's order. The default is success rate and duration. A workload
// without traffic has no built-in checks, because it has no requests that they could judge. While the guard judges, no checks are built
// in: one error in thirty requests fails a limit of 99%. The limit of GuardLimit is no check then. Pairs of
// counters never are.
func ChecksOf(policy config.Policy) []Check {
	if policy.Guard.Alone {
		return nil
	}
	silent, metrics := policy.Traffic == v1alpha1.TrafficNone, config.WithoutPairs(policy.Checks)
	if len(metrics) == 0 && !silent {
		return []Check{
			builtIn(policy, v1alpha1.Metric{Name: v1alpha1.MetricSuccessRate}),
			builtIn(policy, v1alpha1.Metric{Name: v1alpha1.MetricDuration}),
		}
	}
	checks := make([]Check, 0, len(metrics))
	for _, metric := range metrics {
		if limitsGuard(policy, metric) {
			continue
		}
		if metric.Query == "" && metric.TemplateRef == nil {
			if !silent {
				checks = append(checks, builtIn(policy, metric))
			}
			continue
		}
		checks = append(checks, custom(metric))
	}
	return checks
}

// builtIn returns the check of a metric without a query. Limits that the metric leaves out come from the policy. A name that
// is not built in has no queries; CheckProblem reports it.
func builtIn(policy config.Policy, metric v1alpha1.Metric) Check {
	check := Check{Name: metric.Name, Window: windowOf(metric), Judgement: metric.MetricJudgement}
	check.Min, check.Max = config.LimitsOf(metric)
	byDefault := check.Min == nil && check.Max == nil && metric.RatioRange == nil && metric.Condition == ""
	if metric.Name == v1alpha1.MetricDuration {
		check.Metric = Duration
		if byDefault {
			check.Max = ptr.To(milliseconds(policy.MaxRequestDuration))
		}
		check.show = func(value float64) string { return fmt.Sprintf("%.0fms", value) }
		check.threshold = check.limits(func(value float64) string { return time.Duration(value * float64(time.Millisecond)).String() })
		return check
	}
	if metric.Name == v1alpha1.MetricSuccessRate {
		check.Metric = SuccessRate
	}
	if byDefault {
		check.Min = ptr.To(policy.MinSuccessRate)
	}
	check.show = func(value float64) string { return fmt.Sprintf("%.2f%%", value) }
	check.threshold = check.limits(func(value float64) string { return short(value) + "%" })
	return check
}

func custom(metric v1alpha1.Metric) Check {
	check := Check{Name: metric.Name, Metric: Custom, Window: windowOf(metric), Query: metric.Query,
		Template: metric.TemplateRef, Variables: metric.TemplateVariables, Judgement: metric.MetricJudgement, show: rounded}
	check.Min, check.Max = config.LimitsOf(metric)
	check.threshold = check.limits(short)
	return check
}

func windowOf(metric v1alpha1.Metric) time.Duration {
	if metric.Interval == nil {
		return 0
	}
	return max(0, metric.Interval.Duration)
}

func short(value float64) string {
	return strconv.FormatFloat(value, 'f', -1, 64)
}

// rounded formats a value of unknown unit, with at least four significant digits.
func rounded(value float64) string {
	if math.Abs(value) >= 1000 {
		return strconv.FormatFloat(value, 'f', 0, 64)
	}
	return strconv.FormatFloat(value, 'g', 4, 64)
}

func milliseconds(d time.Duration) float64 {
	return float64(d) / float64(time.Millisecond)
}

// CheckProblem says why the checks of a policy cannot run in any cluster. It returns an empty string if they can.
func CheckProblem(checks []Check) string {
	names := map[string]bool{}
	for _, check := range checks {
		path := "check " + strconv.Quote(check.Name)
		switch {
		case names[check.Name]:
			return path + " is listed twice: give each metric its own name"
		case check.Metric == Custom && check.Min == nil && check.Max == nil && check.Judgement.RatioRange == nil && check.Judgement.Condition == "":
			return path + " must have thresholdRange, ratioRange or condition: a query has no default range"
		case check.Metric == "":
			return path + " must have query or templateRef: only " +
				strings.Join([]string{v1alpha1.MetricSuccessRate, v1alpha1.MetricDuration}, " and ") + " are built in"
		}
		names[check.Name] = true
	}
	return ""
}
