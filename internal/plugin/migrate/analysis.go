package migrate

import (
	"fmt"
	"math"

	"sluice.dev/sluice/config"
)

const (
	analysis    = "spec.analysis"
	oldAnalysis = "spec.canaryAnalysis"
)

// analysis gives the old field its new name.
func (p *policy) analysis() {
	for _, path := range []string{analysis, oldAnalysis} {
		if _, is := get[map[string]any](p.object, path); p.has(path) && !is {
			p.fail("it must be an object, correct it first", path)
			return
		}
	}
	old, set := get[map[string]any](p.object, oldAnalysis)
	switch {
	case set && p.has(analysis):
		p.remove("left out: Flagger reads analysis where both are set", oldAnalysis)
	case set:
		p.remove("became analysis, its new name", oldAnalysis)
		p.set(analysis, old)
	case !p.has(analysis):
		p.set("spec.skipAnalysis", true)
		p.note("without an analysis Flagger promotes unjudged, so skipAnalysis: true was added; take it out to have built-in checks and steps", analysis)
	}
}

// number is a numeric value; 0 where there is none.
func (p *policy) number(path string) float64 {
	value, _ := get[float64](p.object, path)
	return value
}

// weights spells out what Flagger's weights mean.
func (p *policy) weights() {
	const step, most, list = analysis + ".stepWeight", analysis + ".maxWeight", analysis + ".stepWeights"
	switch {
	case !p.has(step) && p.has(most):
		p.remove("left out: it only has a meaning with stepWeight", most)
	case p.has(step) && p.number(most) == 0:
		p.set(most, float64(100))
		p.note("100, Flagger's default, was added; it is 50 here", most)
	case p.number(step) > 0 && math.Mod(p.number(most), p.number(step)) != 0:
		p.note("kept: where the steps do not meet it Flagger goes beyond it, while here it is the last step", most)
	}
	if weights, _ := get[[]any](p.object, list); len(weights) == 0 && p.has(list) {
		p.remove("left out: it is empty", list)
	}
}

// match takes out what Flagger ignores: a match that goes with weights.
func (p *policy) match() {
	const match = analysis + ".match"
	if p.has(match) && p.number(analysis+".iterations") == 0 {
		p.remove("left out: Flagger ignores it without iterations; here it would send matched requests to the canary beside the weights, put it back if you want that", match)
	}
	p.each(match, func(path string, _ map[string]any) {
		if p.has(path + ".method") {
			p.remove("left out: Flagger ignores it in analysis.match; here it would narrow the match, put it back if you want that", path+".method")
		}
	})
}

// defaults spells out Flagger's defaults where ours are others.
func (p *policy) defaults() {
	if !p.has(analysis) {
		return
	}
	if !p.has(analysis + ".interval") {
		p.set(analysis+".interval", "1m")
		p.note("1m, Flagger's default, was added; it is 30s here", analysis+".interval")
	}
	if p.number(analysis+".threshold") < 1 {
		p.set(analysis+".threshold", float64(1))
		p.note("1, Flagger's default, was set; it is 5 here", analysis+".threshold")
	}
	if metrics, _ := get[[]any](p.object, analysis+".metrics"); len(metrics) == 0 {
		p.note("there are none, so that the built-in checks are in force here: request-success-rate and request-duration", analysis+".metrics")
	}
	if mirror, _ := get[bool](p.object, analysis+".mirror"); mirror && p.number(analysis+".iterations") == 0 {
		p.note("Flagger's mirroring before weights is said with iterations: 1 here", analysis+".mirror")
	}
}

// thresholds turns the old way to say which values pass into ranges.
func (p *policy) thresholds() {
	p.each(analysis+".metrics", func(path string, metric map[string]any) {
		old, set := metric["threshold"]
		switch {
		case metric["thresholdRange"] != nil && set:
			p.remove("left out: Flagger reads thresholdRange where both are set", path+".threshold")
		case metric["thresholdRange"] != nil:
		case set:
			end := endOf(metric)
			p.remove(fmt.Sprintf("became thresholdRange.%s, its new name", end), path+".threshold")
			metric["thresholdRange"] = map[string]any{end: old}
		case !isBuiltIn(metric):
			p.note("it had no threshold, which is 0 to Flagger; max: 0 was added", path+".thresholdRange")
			metric["thresholdRange"] = map[string]any{"max": float64(0)}
		default:
			p.note("it had no threshold; the built-in one was added", path+".thresholdRange")
			metric["thresholdRange"] = builtInRange(metric)
		}
		if metric["query"] != nil && metric["templateRef"] != nil {
			p.remove("left out: Flagger asks both, here a check has one; make another check of it to keep it", path+".query")
		}
	})
}

// isBuiltIn reports whether a metric is a built-in check and has no query of its own.
func isBuiltIn(metric map[string]any) bool {
	named := metric["name"] == config.CheckSuccessRate || metric["name"] == config.CheckDuration
	return named && metric["query"] == nil && metric["templateRef"] == nil
}

// endOf is the end of the range that the old threshold means.
func endOf(metric map[string]any) string {
	if metric["name"] == config.CheckSuccessRate {
		return "min"
	}
	return "max"
}

// builtInRange is what a built-in check has where nobody says anything.
func builtInRange(metric map[string]any) map[string]any {
	standard := config.Defaults()
	if metric["name"] == config.CheckSuccessRate {
		return map[string]any{"min": standard.MinSuccessRate}
	}
	return map[string]any{"max": float64(standard.MaxRequestDuration.Milliseconds())}
}

// alerts tells of the ones that Flagger never sends.
func (p *policy) alerts() {
	p.each(analysis+".alerts", func(path string, alert map[string]any) {
		if severity, _ := alert["severity"].(string); severity == "" {
			p.note("it has no severity: Flagger sends nothing then, here it means info; take the alert out to stay without", path)
		}
	})
}

// switches tells of those that are on.
func (p *policy) switches() {
	for path, text := range map[string]string{
		"spec.suspend":      "kept: no rollout begins while it is true",
		"spec.skipAnalysis": "kept: candidates are promoted unjudged as soon as their canary is ready",
	} {
		if on, _ := get[bool](p.object, path); on && p.has(path) {
			p.note(text, path)
		}
	}
}
