package policy

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// What the guard does unless a policy says otherwise. The reasons are those of the guard's own defaults, with which a test compares
// them.
const (
	builtInSLO      = 1
	builtInAlpha    = 0.01
	builtInRho      = 1.25
	builtInMinDwell = 15 * time.Second
	builtInMaxDwell = time.Minute
)

// guards reports whether the guard judges.
func guards(a *v1alpha1.AnalysisSpec) bool {
	return a.Guard != nil && ptr.Deref(a.Guard.Enabled, false)
}

// fresh reports whether the canary is compared with a control.
func fresh(a *v1alpha1.AnalysisSpec) bool {
	return guards(a) && ptr.Deref(a.Guard.Baseline, "") == string(config.BaselineFresh)
}

// parseGuard reads how the guard judges. The limits of a step give way to each other: a policy that sets one may leave out the other.
func parseGuard(policy *config.Policy, analysis *v1alpha1.AnalysisSpec) {
	spec := ptr.Deref(analysis.Guard, v1alpha1.Guard{})
	ladder := analysis.Ladder != nil
	guard := config.Guard{
		Enabled:        guards(analysis),
		Ladder:         ladder,
		Alone:          guards(analysis) && len(config.WithoutPairs(analysis.Metrics)) == 0,
		Fresh:          fresh(analysis),
		SLOErrorRate:   ptr.Deref(spec.SLOErrorRate, builtInSLO) / 100,
		Alpha:          ptr.Deref(spec.Alpha, builtInAlpha),
		Rho:            ptr.Deref(spec.Rho, builtInRho),
		Latency:        ptr.Deref(spec.Latency, true),
		OnInconclusive: config.Then(ptr.Deref(spec.OnInconclusive, string(config.ThenPause))),
		OnSuspicious:   config.Then(ptr.Deref(spec.OnSuspicious, string(config.ThenRollBack))),
		EarlyAdvance:   ptr.Deref(spec.EarlyAdvance, ladder),
	}
	guard.MaxDwell = durationOr(spec.MaxDwell, max(builtInMaxDwell, durationOr(spec.MinDwell, 0)))
	guard.MinDwell = durationOr(spec.MinDwell, min(builtInMinDwell, guard.MaxDwell))
	policy.Guard = guard
	if ladder {
		// The equal steps are those of a rollout that the guard cannot judge.
		policy.StepWeights, policy.StepWeight = config.Ladder, builtInStepWeight
	}
}

const (
	ladderChooses    = "the guard chooses all steps with ladder: auto: remove stepWeight, stepWeights, steps, maxWeight, iterations and mirror, or ladder"
	ladderNeedsGuard = "only the guard can choose the steps: remove guard.enabled: false, or ladder"
)

// ladder checks that nothing else chooses the steps.
func (c *checker) ladder(path *field.Path, a v1alpha1.AnalysisSpec) {
	if a.Ladder == nil {
		return
	}
	choice(c, path, a.Ladder, config.LadderAuto)
	others := a.StepWeight != nil || len(a.StepWeights) > 0 || len(a.Steps) > 0 || a.MaxWeight != nil
	before := ptr.Deref(a.Iterations, 0) > 0 || ptr.Deref(a.Mirror, false)
	c.must(!others && !before, path, *a.Ladder, ladderChooses)
	c.must(a.Guard == nil || ptr.Deref(a.Guard.Enabled, true), path, *a.Ladder, ladderNeedsGuard)
}

func (c *checker) guard(path *field.Path, g v1alpha1.Guard) {
	c.number(path.Child("sloErrorRate"), g.SLOErrorRate, config.LeastSLO, config.MostSLO)
	c.number(path.Child("alpha"), g.Alpha, config.LeastAlpha, config.MostAlpha)
	c.number(path.Child("rho"), g.Rho, 1, config.MostRho)
	choice(c, path.Child("baseline"), (*config.Baseline)(g.Baseline), config.BaselinePrimary, config.BaselineFresh)
	choice(c, path.Child("onInconclusive"), (*config.Then)(g.OnInconclusive), config.AfterInconclusive...)
	choice(c, path.Child("onSuspicious"), (*config.Then)(g.OnSuspicious), config.AfterSuspicion...)
	c.duration(path.Child("minDwell"), g.MinDwell, config.ShortestStep)
	c.duration(path.Child("maxDwell"), g.MaxDwell, config.ShortestStep)
	c.must(g.MinDwell == nil || g.MaxDwell == nil || g.MinDwell.Duration <= g.MaxDwell.Duration, path.Child("minDwell"),
		durationOr(g.MinDwell, 0).String(), "must not be longer than maxDwell")
}

// freshBaseline rejects a control where the canary's requests are not as many as it could get, or are other people's.
func (c *checker) freshBaseline(path *field.Path, spec v1alpha1.PolicySpec) {
	a := spec.Analysis
	if !fresh(a) {
		return
	}
	at := path.Child("guard", "baseline")
	without := func(is bool, what string) {
		c.must(!is, at, config.BaselineFresh, "needs requests that are shared by weight alone: remove "+what+", or set baseline: primary")
	}
	without(*spec.Traffic == v1alpha1.TrafficNone, "traffic: None")
	without(ptr.Deref(a.Iterations, 0) > 0, "iterations")
	without(len(a.Match) > 0, "match")
	without(ptr.Deref(a.Mirror, false) || mirrored(a), "mirror")
	without(a.SessionAffinity != nil, "sessionAffinity")
	without(spec.Service != nil && (spec.Service.PrimaryBackend != nil || spec.Service.CanaryBackend != nil), "service.primaryBackend and canaryBackend")
	c.must(greatest(a) <= config.MostFresh, at, config.BaselineFresh,
		fmt.Sprintf("gives the control as much as the canary, so no weight may be above %d: lower the weights, or set baseline: primary", config.MostFresh))
}

// greatest is the greatest weight of the canary, in percent.
func greatest(a *v1alpha1.AnalysisSpec) float64 {
	most := 0.0
	for _, weight := range a.StepWeights {
		most = max(most, weight)
	}
	for _, step := range a.Steps {
		most = max(most, step.Weight)
	}
	if ptr.Deref(a.StepWeight, 0) > 0 {
		most = max(most, ptr.Deref(a.MaxWeight, builtInMaxWeight))
	}
	return most
}

func (c *checker) number(path *field.Path, value *float64, least, most float64) {
	if value != nil && !(*value >= least && *value <= most) {
		c.wrong(path, *value, fmt.Sprintf("must be a number from %v to %v", least, most))
	}
}

// idleGuard flags what is said to the guard and does nothing.
func idleGuard(path *field.Path, a v1alpha1.AnalysisSpec, hasNoTraffic bool) (all []Advice) {
	g := ptr.Deref(a.Guard, v1alpha1.Guard{})
	switch {
	case guards(&a) && hasNoTraffic && !slices.ContainsFunc(a.Metrics, config.IsPair):
		return append(all, idle(path.Child("enabled"), withoutTraffic))
	case !guards(&a):
		why := " with enabled: false; remove one of them"
		if hasNoTraffic {
			why = withoutTraffic
		}
		for _, name := range names([]part{{"baseline", g.Baseline != nil}, {"sloErrorRate", g.SLOErrorRate != nil}, {"alpha", g.Alpha != nil}, {"rho", g.Rho != nil}, {"latency", g.Latency != nil},
			{"onInconclusive", g.OnInconclusive != nil}, {"onSuspicious", g.OnSuspicious != nil}, {"minDwell", g.MinDwell != nil}, {"maxDwell", g.MaxDwell != nil},
			{"earlyAdvance", g.EarlyAdvance != nil}}) {
			all = append(all, idle(path.Child(name), why))
		}
		return all
	}
	if g.MaxDwell != nil && a.Ladder == nil {
		all = append(all, idle(path.Child("maxDwell"), " without ladder: auto, because your own steps last as long as they say; remove it"))
	}
	if g.MinDwell != nil && !ptr.Deref(g.EarlyAdvance, a.Ladder != nil) {
		all = append(all, idle(path.Child("minDwell"), " without earlyAdvance: true; set it, or remove minDwell"))
	}
	return all
}
