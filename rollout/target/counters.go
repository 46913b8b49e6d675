package target

import (
	"fmt"
	"slices"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/strategy"
)

// Counters returns how to read the raw counters of both versions. The problem says why that is impossible; then the guard is off. In a
// dry run, the primary's pods run the candidate and are the only ones, so all series are the canary's.
func (t Target) Counters(policy config.Policy, o observed.World) (raw analysis.Raw, problem string) {
	switch {
	case strategy.WithoutTraffic(policy) && !analysis.CountsWork(policy):
		return raw, "no requests are split, so there are none to compare"
	case t.uncounted != "":
		return raw, t.uncounted
	case !o.Prometheus:
		return raw, "no Prometheus is configured, so no counters can be read: start Sluice with --prometheus-url (chart value prometheusUrl)"
	case analysis.CountsWork(policy):
		return raw, ""
	case policy.Preset == "" && analysis.BlindToCalls(t.Preset) && slices.ContainsFunc(t.Routes, func(r route.Route) bool { return r.Kind == route.GRPC }):
		return raw, fmt.Sprintf("the gateway's metrics (preset %s) count gRPC calls without their status: count by the app's metrics instead, with the annotation %s: app",
			t.Preset, config.AnnotationMetrics)
	}
	raw, known := analysis.RawFor(t.Preset, t.judged(o))
	if !known {
		return raw, fmt.Sprintf("nothing says which counters to read: choose them with the annotation %s: %s", config.AnnotationMetrics, config.PresetNames())
	}
	return raw, ""
}
