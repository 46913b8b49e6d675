package policy

import (
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// failedStatus is a status of requests that may count as failed, or a class of them.
var failedStatus = regexp.MustCompile(`^[45](xx|[0-9][0-9])$`)

func (c *checker) analysis(path *field.Path, a v1alpha1.AnalysisSpec) {
	c.duration(path.Child("interval"), a.Interval, config.ShortestStep)
	c.duration(path.Child("hold"), a.Hold, 0)
	c.duration(path.Child("delay"), a.Delay, 0)
	c.count(path.Child("threshold"), a.Threshold, 1, config.MostFailures)
	c.count(path.Child("iterations"), a.Iterations, 0, config.MostSteps)
	c.count(path.Child("primaryReadyThreshold"), a.PrimaryReadyThreshold, 0, 100)
	c.count(path.Child("canaryReadyThreshold"), a.CanaryReadyThreshold, 0, 100)
	c.count(path.Child("minRequests"), a.MinRequests, 1, config.MostRequests)
	choice(c, path.Child("preset"), (*config.Preset)(a.Preset), config.Presets...)
	for i, status := range a.FailedStatuses {
		c.must(failedStatus.MatchString(status), path.Child("failedStatuses").Index(i), status, "must be an HTTP status from 400 to 599, or 4xx or 5xx")
	}
	c.weights(path, a)
	c.mirrors(path, a)
	c.ladder(path.Child("ladder"), a)
	if a.Guard != nil {
		c.guard(path.Child("guard"), *a.Guard)
	}
	c.matches(path.Child("match"), a.Match)
	for i, match := range a.Match {
		c.must(match.URI == nil, path.Child("match").Index(i).Child("uri"), match.URI, "uri: supported only in service.match; match by headers, cookies, queryParams or method instead")
		c.must(selects(match), path.Child("match").Index(i), match.Name, "matches every request: set headers, cookies, queryParams or method")
	}
	if a.SessionAffinity != nil {
		c.affinity(path.Child("sessionAffinity"), *a.SessionAffinity)
	}
	c.metrics(path.Child("metrics"), a.Metrics)
	c.hooks(path.Child("webhooks"), a.Webhooks)
	c.alerts(path.Child("alerts"), a.Alerts)
}

// selects reports whether a match is more than a name.
func selects(m v1alpha1.HTTPMatch) bool {
	return m.URI != nil || m.Method != nil || len(m.Headers)+len(m.Cookies)+len(m.QueryParams) > 0
}

func (c *checker) weights(path *field.Path, a v1alpha1.AnalysisSpec) {
	c.weight(path.Child("stepWeight"), a.StepWeight, 0)
	c.weight(path.Child("maxWeight"), a.MaxWeight, config.Finest)
	c.weight(path.Child("stepWeightPromotion"), a.StepWeightPromotion, 0)
	ways := 0
	for _, set := range []bool{a.StepWeight != nil, len(a.StepWeights) > 0, len(a.Steps) > 0} {
		if set {
			ways++
		}
	}
	c.must(ways <= 1, path, "stepWeight, stepWeights, steps", "only one of stepWeight, stepWeights and steps can be set: each defines all weights of the canary")
	c.must(len(a.Steps) == 0 || a.MaxWeight == nil, path.Child("maxWeight"), a.MaxWeight, "maxWeight applies only to stepWeight; with steps, the last weight is the greatest")
	c.most(path.Child("stepWeights"), len(a.StepWeights), mostListed)
	for i, weight := range a.StepWeights {
		at := path.Child("stepWeights").Index(i)
		c.weight(at, &weight, config.Finest)
		c.must(i == 0 || a.StepWeights[i-1] < weight, at, weight, "must rise from one weight to the next, such as [1, 5, 25, 50]")
	}
	c.most(path.Child("steps"), len(a.Steps), mostListed)
	for i, step := range a.Steps {
		at := path.Child("steps").Index(i)
		c.weight(at.Child("weight"), &step.Weight, 0)
		c.weight(at.Child("mirrorWeight"), step.MirrorWeight, 0)
		c.duration(at.Child("duration"), step.Duration, config.ShortestStep)
		c.must(i == 0 || a.Steps[i-1].Weight <= step.Weight, at.Child("weight"), step.Weight, "must not be less than the weight of the previous step")
	}
}

func (c *checker) mirrors(path *field.Path, a v1alpha1.AnalysisSpec) {
	c.weight(path.Child("mirrorWeight"), a.MirrorWeight, config.Finest)
	c.weight(path.Child("stepMirrorWeight"), a.StepMirrorWeight, 0)
	c.weight(path.Child("maxMirrorWeight"), a.MaxMirrorWeight, config.Finest)
	off := a.Mirror != nil && !*a.Mirror
	c.must(!off || a.MirrorWeight == nil, path.Child("mirrorWeight"), a.MirrorWeight, "mirrorWeight needs mirror: true")
}

// mirrorsBesideWeights rejects a policy that sets weights and mirrors requests at none of them.
func (c *checker) mirrorsBesideWeights(path *field.Path, a v1alpha1.AnalysisSpec) {
	c.must(!weighted(&a) || !ptr.Deref(a.Mirror, false) || canMirror(&a), path.Child("mirror"), true, mirrorsNothing)
}

const mirrorsNothing = "would mirror nothing: set iterations, during which requests are mirrored, or steps with a mirrorWeight"

// weighted reports whether the canary gets any weight.
func weighted(a *v1alpha1.AnalysisSpec) bool {
	return ptr.Deref(a.StepWeight, 0) > 0 || len(a.StepWeights) > 0 || len(a.Steps) > 0 || a.Ladder != nil
}

// canMirror reports whether there is a step in which requests could be mirrored.
func canMirror(a *v1alpha1.AnalysisSpec) bool { return ptr.Deref(a.Iterations, 0) > 0 || mirrored(a) }

// mirrored reports whether a step mirrors requests.
func mirrored(a *v1alpha1.AnalysisSpec) bool {
	return slices.ContainsFunc(a.Steps, func(s v1alpha1.StepSpec) bool { return ptr.Deref(s.MirrorWeight, 0) > 0 })
}

// matches checks requests as routes know them.
func (c *checker) matches(path *field.Path, matches []v1alpha1.HTTPMatch) {
	c.most(path, len(matches), mostMatches)
	for i, m := range matches {
		c.match(path.Index(i), m)
	}
}

func (c *checker) oneWay(path *field.Path, m v1alpha1.StringMatch) {
	ways := slices.DeleteFunc([]string{m.Exact, m.Prefix, m.Suffix, m.Regex}, func(way string) bool { return way == "" })
	c.must(len(ways) == 1, path, ways, "must have exactly one of exact, prefix, suffix and regex")
}
