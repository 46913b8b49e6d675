package rollout

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/analysis"
	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/route"
	"sluice.dev/sluice/workload"
)

// NeedsOf tells which queries this tick wants answered: none, unless checks are due.
func NeedsOf(policy config.Policy, state State, o Observation) []analysis.Query {
	if state.Phase != v1alpha1.PhaseProgressing || state.StepStarted == nil || state.TrafficStarted == nil || !o.optedIn() {
		return nil
	}
	policy = inForce(policy, state, o)
	if o.Now.Before(nextCheck(policy.CheckPeriod(), policy.Interval, state.StepStarted, state.LastCheckTime)) {
		return nil
	}
	target, problem := Discover(policy, o)
	if problem != "" {
		return nil
	}
	return analysis.QueriesFor(target.Preset, analysis.Target{
		Namespace: o.Namespace,
		Service:   target.CanaryService(),
		Workload:  workload.CanaryName(o.Name),
		Ports:     target.ports(),
	}, window(policy, state, o.Now))
}

// window ends now and begins no earlier than the canary's traffic, so that nothing of an earlier candidate counts.
func window(policy config.Policy, state State, now time.Time) time.Duration {
	return max(time.Second, min(policy.Window(), now.Sub(state.TrafficStarted.Time)))
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
