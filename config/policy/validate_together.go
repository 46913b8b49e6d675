package policy

import (
	"fmt"
	"math"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// checkTogether checks what only a whole policy shows: that its values make sense together.
func checkTogether(spec v1alpha1.PolicySpec) field.ErrorList {
	c := &checker{}
	a, path := spec.Analysis, specPath.Child("analysis")
	c.must(weighted(a) || ptr.Deref(a.Iterations, 0) > 0 || ptr.Deref(spec.SkipAnalysis, false), path.Child("stepWeight"), ptr.Deref(a.StepWeight, 0),
		"the rollout would have no steps: set stepWeight above 0, stepWeights, steps or iterations")
	c.must(a.Ladder == nil || guards(a) || hasNoTraffic(spec), path.Child("ladder"), a.Ladder, ladderNeedsGuard)
	c.steps(path, a)
	c.freshBaseline(path, spec)
	c.pairsTogether(path.Child("metrics"), a)
	mirrors := c.mirrorsTogether(path, a)
	if *spec.Traffic == v1alpha1.TrafficNone {
		c.withoutTraffic(path, a, mirrors)
		return c.sorted()
	}
	c.must(a.SessionAffinity == nil || weighted(a) || len(a.Match) > 0, path.Child("sessionAffinity"), "set",
		"has no effect without stepWeight, stepWeights, steps or match: set one of them, or remove it")
	return c.sorted()
}

const tooManyWeights = "stepWeight makes too many steps up to maxWeight, and a rollout has at most 500: " +
	"set a greater stepWeight, or list the weights in stepWeights"

// steps limits the number of steps; the error is at the value that contributes most of them.
func (c *checker) steps(path *field.Path, a *v1alpha1.AnalysisSpec) {
	iterations, weights := int(ptr.Deref(a.Iterations, 0)), len(a.StepWeights)+len(a.Steps)
	if step := math.Round(100 * ptr.Deref(a.StepWeight, 0)); weights == 0 && step > 0 {
		weights = int(math.Ceil(math.Round(100*ptr.Deref(a.MaxWeight, builtInMaxWeight)) / step))
	}
	at, value := path.Child("stepWeight"), any(ptr.Deref(a.StepWeight, 0))
	if iterations > weights || a.StepWeight == nil {
		at, value = path.Child("iterations"), iterations
	}
	help := fmt.Sprintf("would make %d steps, and a rollout has at most %d: set fewer iterations or a greater stepWeight, "+
		"or list the weights in stepWeights; to slow a rollout down, set a longer interval", iterations+weights, config.MostSteps)
	if weights > config.MostSteps {
		help = tooManyWeights
	}
	c.must(iterations+weights <= config.MostSteps, at, value, help)
}

// mirrorsTogether checks the mirror weights, and reports whether any requests are mirrored.
func (c *checker) mirrorsTogether(path *field.Path, a *v1alpha1.AnalysisSpec) bool {
	mirror := ptr.Deref(a.Mirror, false)
	c.must(!mirror || canMirror(a), path.Child("mirror"), mirror, mirrorsNothing)
	for name, weight := range map[string]*float64{"mirrorWeight": a.MirrorWeight, "stepMirrorWeight": a.StepMirrorWeight, "maxMirrorWeight": a.MaxMirrorWeight} {
		c.must(weight == nil || mirror, path.Child(name), weight, name+" needs mirror: true")
	}
	return mirror || mirrored(a)
}

// withoutTraffic rejects what needs requests in a policy for a workload that gets none.
func (c *checker) withoutTraffic(path *field.Path, a *v1alpha1.AnalysisSpec, mirrors bool) {
	const help = "has no effect with traffic: None: remove it, or set traffic: Routes"
	c.must(len(a.Match) == 0, path.Child("match"), "set", help)
	c.must(!mirrors, path.Child("mirror"), true, help)
	c.must(a.Ladder == nil, path.Child("ladder"), a.Ladder, help)
	c.must(a.SessionAffinity == nil, path.Child("sessionAffinity"), "set", help)
}
