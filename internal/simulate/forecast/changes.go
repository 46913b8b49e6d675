package forecast

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis/guard"
)

// ScrapeInterval is the path of the one setting that is no field of a policy.
const ScrapeInterval = "scrape interval"

// Setting is one value that could be another.
type Setting struct {
	// Path is that of the field in the spec of a policy, such as analysis.guard.rho, or ScrapeInterval.
	Path string `json:"path"`
	// Value is the value as it is written in YAML.
	Value string `json:"value"`
}

// Change is a way in which a policy, or how it is observed, could be other.
type Change struct {
	Settings []Setting
	// Apply changes the effective policy; nil if it stays. Scrape is the time between two scrapes instead; 0 if it stays.
	Apply  func(*v1alpha1.AnalysisSpec)
	Scrape time.Duration
}

// Also returns both changes together.
func (c Change) Also(other Change) Change {
	return Change{Settings: slices.Concat(c.Settings, other.Settings), Scrape: max(c.Scrape, other.Scrape), Apply: func(a *v1alpha1.AnalysisSpec) {
		for _, apply := range []func(*v1alpha1.AnalysisSpec){c.Apply, other.Apply} {
			if apply != nil {
				apply(a)
			}
		}
	}}
}

// has reports whether a change sets a field.
func (c Change) has(path string) bool {
	return slices.ContainsFunc(c.Settings, func(s Setting) bool { return s.Path == path })
}

// idleBeside has no effect beside steps of the user's, which ofSteps sets.
const idleBeside, ofSteps = "analysis.guard.maxDwell", "analysis.stepWeights"

// fits reports whether two changes may be made together: they have no setting in common, and none leaves the other without effect.
func (c Change) fits(other Change) bool {
	idle := c.has(idleBeside) && other.has(ofSteps) || c.has(ofSteps) && other.has(idleBeside)
	return !idle && !slices.ContainsFunc(c.Settings, func(s Setting) bool {
		return slices.ContainsFunc(other.Settings, func(o Setting) bool { return o.Path == s.Path })
	})
}

// same reports whether two changes have the same settings, in any order.
func (c Change) same(other Change) bool {
	return len(c.Settings) == len(other.Settings) && !slices.ContainsFunc(c.Settings, func(s Setting) bool { return !slices.Contains(other.Settings, s) })
}

// one is a change of one field of the policy.
func one(path, value string, apply func(*v1alpha1.AnalysisSpec)) Change {
	return Change{Settings: []Setting{{"analysis." + path, value}}, Apply: apply}
}

// Changes are the single changes that are worth trying for a policy.
func Changes(policy config.Policy, app App) []Change {
	changes := slices.Concat(weights(policy, app), times(policy))
	if policy.Guard.Enabled {
		changes = append(changes, ofGuard(policy, app)...)
	} else {
		changes = append(changes, ofChecks(policy, app)...)
	}
	if quick := 5 * time.Second; policy.Guard.Enabled && app.every() > int64(quick/time.Second) {
		changes = append(changes, Change{Settings: []Setting{{ScrapeInterval, short(quick)}}, Scrape: quick})
	}
	return changes
}

// weights are fewer steps, and an earlier first step.
func weights(policy config.Policy, app App) []Change {
	if len(policy.ExplicitSteps) > 0 {
		return nil
	}
	var now []float64
	for _, step := range StepsOf(policy, app.Before.Rate) {
		now = append(now, step.Weight)
	}
	var changes []Change
	if n := len(now); n > 2 {
		changes = append(changes, stepping(policy, []float64{now[n/2], now[n-1]}))
	}
	if n := len(now); n > 3 {
		changes = append(changes, stepping(policy, now[1:]))
	}
	if first := smaller(now[0]); first > 0 {
		changes = append(changes, stepping(policy, slices.Concat([]float64{first}, now)))
	}
	return changes
}

// smaller is the greatest weight of the ladder that is at most half of another; 0 if there is none.
func smaller(weight float64) float64 {
	for _, each := range slices.Backward(config.Ladder) {
		if each <= weight/2 {
			return each
		}
	}
	return 0
}

// stepping sets the weights. Steps in place of the guard's ladder end as early as those of the ladder, and last as long at most.
func stepping(policy config.Policy, weights []float64) Change {
	texts := make([]string, len(weights))
	for i, weight := range weights {
		texts[i] = strconv.FormatFloat(weight, 'g', -1, 64)
	}
	change := one("stepWeights", "["+strings.Join(texts, ", ")+"]", func(a *v1alpha1.AnalysisSpec) {
		a.Ladder, a.StepWeight, a.MaxWeight, a.StepWeights = nil, nil, nil, weights
	})
	if !policy.Guard.Enabled || !policy.Guard.Ladder {
		return change
	}
	early, lasts := policy.Guard.EarlyAdvance, policy.Guard.MaxDwell
	if early {
		change = change.Also(one("guard.earlyAdvance", "true", func(a *v1alpha1.AnalysisSpec) { guardOf(a).EarlyAdvance = ptr.To(true) }))
	}
	if lasts != policy.Interval {
		change = change.Also(one("interval", short(lasts), func(a *v1alpha1.AnalysisSpec) { a.Interval = &metav1.Duration{Duration: lasts} }))
	}
	return change
}

// times are shorter and longer steps.
func times(policy config.Policy) []Change {
	lasting := func(path string, value time.Duration, apply func(*v1alpha1.AnalysisSpec, *metav1.Duration)) Change {
		return one(path, short(value), func(a *v1alpha1.AnalysisSpec) { apply(a, &metav1.Duration{Duration: value}) })
	}
	var changes []Change
	g := policy.Guard
	if g.Enabled && g.EarlyAdvance {
		changes = append(changes, lasting("guard.minDwell", half(g.MinDwell), func(a *v1alpha1.AnalysisSpec, d *metav1.Duration) { guardOf(a).MinDwell = d }))
	}
	switch {
	case g.Enabled && g.Ladder:
		set := func(a *v1alpha1.AnalysisSpec, d *metav1.Duration) { guardOf(a).MaxDwell = d }
		changes = append(changes, lasting("guard.maxDwell", 2*g.MaxDwell, set))
		if half(g.MaxDwell) >= g.MinDwell {
			changes = append(changes, lasting("guard.maxDwell", half(g.MaxDwell), set))
		}
	case len(policy.ExplicitSteps) == 0:
		set := func(a *v1alpha1.AnalysisSpec, d *metav1.Duration) { a.Interval = d }
		changes = append(changes, lasting("interval", half(policy.Interval), set), lasting("interval", 2*policy.Interval, set))
	}
	return changes
}

// ofGuard are other margins and limits of the guard.
func ofGuard(policy config.Policy, app App) []Change {
	g := policy.Guard
	number := func(path string, value float64, apply func(*v1alpha1.Guard, *float64)) Change {
		return one("guard."+path, strconv.FormatFloat(value, 'g', 3, 64), func(a *v1alpha1.AnalysisSpec) { apply(guardOf(a), &value) })
	}
	slo := func(g *v1alpha1.Guard, v *float64) { g.SLOErrorRate = v }
	alpha := func(g *v1alpha1.Guard, v *float64) { g.Alpha = v }
	changes := []Change{
		number("sloErrorRate", 100*g.SLOErrorRate/2, slo), number("sloErrorRate", min(200*max(g.SLOErrorRate, app.Before.Errors), config.MostSLO), slo),
		number("alpha", min(5*g.Alpha, config.MostAlpha), alpha), number("alpha", max(g.Alpha/10, config.LeastAlpha), alpha),
		number("rho", 1+4*(g.Rho-1), func(g *v1alpha1.Guard, v *float64) { g.Rho = v }),
	}
	if g.OnInconclusive != config.ThenPromote {
		changes = append(changes, one("guard.onInconclusive", string(config.ThenPromote), func(a *v1alpha1.AnalysisSpec) { guardOf(a).OnInconclusive = ptr.To(string(config.ThenPromote)) }))
	}
	if !g.EarlyAdvance {
		changes = append(changes, one("guard.earlyAdvance", "true", func(a *v1alpha1.AnalysisSpec) { guardOf(a).EarlyAdvance = ptr.To(true) }))
	}
	if g.Latency && app.start(guard.DefaultSettings()).BoundCount > 0 {
		changes = append(changes, one("guard.latency", "false", func(a *v1alpha1.AnalysisSpec) { guardOf(a).Latency = ptr.To(false) }))
	}
	return changes
}

// ofChecks are other limits of thresholds, and the guard in their place.
func ofChecks(policy config.Policy, app App) []Change {
	changes := []Change{
		{Settings: []Setting{{"analysis.guard.enabled", "true"}, {"analysis.metrics", "[]"}}, Apply: func(a *v1alpha1.AnalysisSpec) {
			guardOf(a).Enabled, a.Metrics = ptr.To(true), nil
		}},
		one("threshold", strconv.Itoa(int(2*policy.Threshold)), func(a *v1alpha1.AnalysisSpec) { a.Threshold = ptr.To(2 * policy.Threshold) }),
	}
	if less := policy.Threshold / 2; less > 0 {
		changes = append(changes, one("threshold", strconv.Itoa(int(less)), func(a *v1alpha1.AnalysisSpec) { a.Threshold = &less }))
	}
	if now := checksOf(policy, app).Least; now > 0 {
		least := 100 - 2*(100-now)
		path := fmt.Sprintf("metrics[%s].thresholdRange.min", v1alpha1.MetricSuccessRate)
		changes = append(changes, one(path, strconv.FormatFloat(least, 'g', 6, 64), func(a *v1alpha1.AnalysisSpec) {
			for i := range a.Metrics {
				if a.Metrics[i].Name == v1alpha1.MetricSuccessRate {
					a.Metrics[i].Threshold, a.Metrics[i].ThresholdRange = nil, &v1alpha1.ThresholdRange{Min: &least}
				}
			}
		}))
	}
	return changes
}

func guardOf(a *v1alpha1.AnalysisSpec) *v1alpha1.Guard {
	if a.Guard == nil {
		a.Guard = &v1alpha1.Guard{}
	}
	return a.Guard
}

// half is half of a time, in whole seconds, at least one.
func half(d time.Duration) time.Duration {
	return max((d / 2).Truncate(time.Second), config.ShortestStep)
}

// short formats a time as users write it, such as 1m30s and not 1h0m0s.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
