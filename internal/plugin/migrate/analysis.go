package migrate

import (
	"fmt"
	"math"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config/policy"
)

const (
	analysis    = "spec.analysis"
	oldAnalysis = "spec.canaryAnalysis"
)

// analysis renames the old field to the new one.
func (p *canaryPolicy) analysis() {
	for _, path := range []string{analysis, oldAnalysis} {
		if _, is := get[map[string]any](p.object, path); p.has(path) && !is {
			p.fail("it must be an object: correct it first", path)
			return
		}
	}
	old, set := get[map[string]any](p.object, oldAnalysis)
	switch {
	case set && p.has(analysis):
		p.remove("dropped: Flagger uses analysis when both are set", oldAnalysis)
	case set:
		p.remove("renamed to analysis", oldAnalysis)
		p.set(analysis, old)
	case !p.has(analysis):
		p.set("spec.skipAnalysis", true)
		p.note("added skipAnalysis: true, because Flagger promotes without analysis if none is set; remove it to use the built-in steps and checks", analysis)
	}
}

// number is a numeric value; 0 if there is none.
func (p *canaryPolicy) number(path string) float64 {
	value, _ := get[float64](p.object, path)
	return value
}

// weights makes the meaning of Flagger's weights explicit.
func (p *canaryPolicy) weights() {
	const step, most, list = analysis + ".stepWeight", analysis + ".maxWeight", analysis + ".stepWeights"
	switch {
	case !p.has(step) && p.has(most):
		p.remove("dropped: it has no effect without stepWeight", most)
	case p.has(step) && p.number(most) == 0:
		p.set(most, float64(100))
		p.note("set to 100, Flagger's default; the default here is 50", most)
	case p.number(step) > 0 && math.Mod(p.number(most), p.number(step)) != 0:
		p.note("kept: Flagger exceeds it if the steps do not add up to it; here it is the last step", most)
	}
	p.weightsBeside(step, list)
}

// weightsBeside settles weights that are empty, or beside iterations.
func (p *canaryPolicy) weightsBeside(step, list string) {
	if weights, _ := get[[]any](p.object, list); len(weights) == 0 && p.has(list) {
		p.remove("dropped: it is empty", list)
	}
	if p.number(analysis+".iterations") > 0 && (p.number(step) > 0 || p.has(list)) {
		p.note("kept beside weights: Flagger's schema refuses both, and where the schema is not asked, as with canaryAnalysis, Flagger runs "+
			"the iterations and never a weight; here the iterations run first, then the weights; remove the weights if you want the iterations alone",
			analysis+".iterations")
	}
}

// match removes what Flagger ignores: a match together with weights.
func (p *canaryPolicy) match() {
	const match = analysis + ".match"
	if p.has(match) && p.number(analysis+".iterations") == 0 {
		p.remove("dropped: Flagger ignores it without iterations; here it would send matched requests to the canary in addition to the weights; "+
			"add it back if you want that", match)
	}
	p.each(match, func(path string, _ map[string]any) {
		if p.has(path + ".method") {
			p.remove("dropped: Flagger ignores it in analysis.match; here it would narrow the match; add it back if you want that", path+".method")
		}
	})
}

// defaults sets Flagger's defaults where ours differ.
func (p *canaryPolicy) defaults() {
	const guard = analysis + ".guard"
	if !p.has(analysis) {
		return
	}
	if !p.has(guard) {
		p.set(guard, map[string]any{"enabled": false})
		p.note("turned off, because Flagger judges by thresholds only; remove it to let the guard compare both versions beside these checks", guard)
	}
	if !p.has(analysis + ".interval") {
		p.set(analysis+".interval", "1m")
		p.note("set to 1m, Flagger's default; the default here is 30s", analysis+".interval")
	}
	if p.number(analysis+".threshold") < 1 {
		p.set(analysis+".threshold", float64(1))
		p.note("set to 1, Flagger's default; the default here is 5", analysis+".threshold")
	}
	if metrics, _ := get[[]any](p.object, analysis+".metrics"); len(metrics) == 0 {
		p.note("none are set, so the built-in checks apply: request-success-rate and request-duration", analysis+".metrics")
	}
	if mirror, _ := get[bool](p.object, analysis+".mirror"); mirror && p.number(analysis+".iterations") == 0 {
		p.note("Flagger mirrors requests before the first weight; here, set iterations: 1 for that", analysis+".mirror")
	}
}

// thresholds replaces deprecated thresholds by ranges.
func (p *canaryPolicy) thresholds() {
	p.each(analysis+".metrics", func(path string, metric map[string]any) {
		old, set := metric["threshold"]
		switch {
		case metric["thresholdRange"] != nil && set:
			p.remove("dropped: Flagger uses thresholdRange when both are set", path+".threshold")
		case metric["thresholdRange"] != nil:
		case set:
			end := endOf(metric)
			p.remove(fmt.Sprintf("renamed to thresholdRange.%s", end), path+".threshold")
			metric["thresholdRange"] = map[string]any{end: old}
		case !isBuiltIn(metric):
			p.note("added max: 0, which Flagger assumes if no threshold is set", path+".thresholdRange")
			metric["thresholdRange"] = map[string]any{"max": float64(0)}
		default:
			p.note("added the built-in threshold, because none was set", path+".thresholdRange")
			metric["thresholdRange"] = builtInRange(metric)
		}
		if metric["query"] != nil && metric["templateRef"] != nil {
			p.remove("dropped: Flagger runs both queries, but here a check has one; add a second check to keep it", path+".query")
		}
	})
}

// isBuiltIn reports whether a metric is a built-in check without a query.
func isBuiltIn(metric map[string]any) bool {
	named := metric["name"] == v1alpha1.MetricSuccessRate || metric["name"] == v1alpha1.MetricDuration
	return named && metric["query"] == nil && metric["templateRef"] == nil
}

// endOf is the end of the range for a deprecated threshold.
func endOf(metric map[string]any) string {
	if metric["name"] == v1alpha1.MetricSuccessRate {
		return "min"
	}
	return "max"
}

// builtInRange is the default range of a built-in check.
func builtInRange(metric map[string]any) map[string]any {
	standard := policy.Defaults()
	if metric["name"] == v1alpha1.MetricSuccessRate {
		return map[string]any{"min": standard.MinSuccessRate}
	}
	return map[string]any{"max": float64(standard.MaxRequestDuration.Milliseconds())}
}

// alerts notes alerts that Flagger never sends.
func (p *canaryPolicy) alerts() {
	p.each(analysis+".alerts", func(path string, alert map[string]any) {
		if severity, _ := alert["severity"].(string); severity == "" {
			p.note("it has no severity: Flagger sends nothing then, but here it means info; remove the alert to keep it silent", path)
		}
	})
}

// switches notes the switches that are on.
func (p *canaryPolicy) switches() {
	for path, text := range map[string]string{
		"spec.suspend":      "kept: no rollout starts while it is true",
		"spec.skipAnalysis": "kept: candidates are promoted without analysis as soon as their canary is ready",
	} {
		if on, _ := get[bool](p.object, path); on && p.has(path) {
			p.note(text, path)
		}
	}
}
