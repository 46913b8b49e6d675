package policy

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

func (c *checker) guardLimits(path *field.Path, limits v1alpha1.GuardLimits) {
	c.number(path.Child("maxSLOErrorRate"), limits.MaxSLOErrorRate, config.LeastSLO, config.MostSLO)
	c.number(path.Child("minAlpha"), limits.MinAlpha, config.LeastAlpha, config.MostAlpha)
	c.number(path.Child("maxRho"), limits.MaxRho, 1, config.MostRho)
}

// keepGuard turns the guard on if limits apply to it and a policy turns it off: otherwise that would be the way around them. Without
// traffic there is nothing to judge.
func keepGuard(spec v1alpha1.PolicySpec, analysis *v1alpha1.AnalysisSpec, limits v1alpha1.PolicyLimits, replaced func(path string)) {
	if limits.Guard == nil || guards(analysis) || hasNoTraffic(spec) {
		return
	}
	guard := ptr.Deref(analysis.Guard, v1alpha1.Guard{})
	guard.Enabled = ptr.To(true)
	analysis.Guard = &guard
	replaced("analysis.guard.enabled")
}

// limitGuard replaces what is laxer than limits in what a policy says to the guard. A value that the policy leaves out is the built-in
// one, which may be laxer, too.
func limitGuard(guard *v1alpha1.Guard, limits v1alpha1.PolicyLimits, replaced func(path string)) {
	if least := limits.MinInterval; least != nil {
		lengthenDwell(guard, *least, replaced)
	}
	by := ptr.Deref(limits.Guard, v1alpha1.GuardLimits{})
	if most := by.MaxSLOErrorRate; most != nil && ptr.Deref(guard.SLOErrorRate, builtInSLO) > *most {
		guard.SLOErrorRate = most
		replaced("analysis.guard.sloErrorRate")
	}
	if least := by.MinAlpha; least != nil && ptr.Deref(guard.Alpha, builtInAlpha) < *least {
		guard.Alpha = least
		replaced("analysis.guard.alpha")
	}
	if most := by.MaxRho; most != nil && ptr.Deref(guard.Rho, builtInRho) > *most {
		guard.Rho = most
		replaced("analysis.guard.rho")
	}
	if ptr.Deref(by.NeedsProof, false) && ptr.Deref(guard.OnInconclusive, "") == string(config.ThenPromote) {
		guard.OnInconclusive = ptr.To(string(config.ThenPause))
		replaced("analysis.guard.onInconclusive")
	}
}

// lengthenDwell gives a step that the guard ends at least a duration.
func lengthenDwell(guard *v1alpha1.Guard, least metav1.Duration, replaced func(path string)) {
	if longest := guard.MaxDwell; longest != nil && longest.Duration < least.Duration {
		guard.MaxDwell = &least
		replaced("analysis.guard.maxDwell")
	}
	if durationOr(guard.MinDwell, min(builtInMinDwell, durationOr(guard.MaxDwell, builtInMaxDwell))) < least.Duration {
		guard.MinDwell = &least
		replaced("analysis.guard.minDwell")
	}
}
