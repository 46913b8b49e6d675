package strategy

import (
	"math"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// Step is one planned step of a rollout.
type Step = v1alpha1.PlannedStep

// Strategy is a way to roll out: which policies ask for it, and which steps it takes.
type Strategy struct {
	// Name is the name that the status of the Canary shows.
	Name  string
	fits  func(config.Policy) bool
	steps func(config.Policy) []Step
}

// strategies are tried in order. The last one fits every policy.
var strategies = []Strategy{
	{"without traffic", WithoutTraffic, sequence(iterations, weights)},
	{"a/b", all(hasMatch, hasIterations, not(hasWeights)), iterations},
	{"a/b, then canary", all(hasMatch, hasIterations), sequence(iterations, weights)},
	{"mirroring", all(hasMirror, not(hasWeights)), sequence(iterations, allAtOnce)},
	{"mirroring, then canary", hasMirror, sequence(iterations, weights)},
	{"blue/green", all(hasIterations, not(hasWeights)), sequence(iterations, allAtOnce)},
	{"tests, then canary", hasIterations, sequence(iterations, weights)},
	{"canary with testers", hasMatch, weights},
	{"canary", always, weights},
}

// Of returns the strategy that a policy asks for.
func Of(policy config.Policy) Strategy {
	return strategies[slices.IndexFunc(strategies, func(s Strategy) bool { return s.fits(policy) })]
}

// Steps returns the steps of the strategy with a policy, in order: at least one, each with a duration.
func (s Strategy) Steps(policy config.Policy) []Step {
	steps := s.steps(policy)
	for i := range steps {
		steps[i].Match = hasMatch(policy) && !WithoutTraffic(policy)
		if WithoutTraffic(policy) {
			steps[i].MirrorWeight = 0
		}
		if steps[i].Duration.Duration <= 0 {
			steps[i].Duration.Duration = policy.Interval
		}
	}
	return steps
}

func always(config.Policy) bool { return true }

// WithoutTraffic reports whether requests are not split.
func WithoutTraffic(p config.Policy) bool { return p.Traffic == v1alpha1.TrafficNone }

func hasMatch(p config.Policy) bool { return len(p.Match) > 0 }

func hasIterations(p config.Policy) bool { return p.Iterations > 0 }

func hasMirror(p config.Policy) bool { return p.Mirror && hasIterations(p) }

func hasWeights(p config.Policy) bool {
	return len(p.ExplicitSteps) > 0 || len(p.StepWeights) > 0 || p.StepWeight > 0
}

func not(holds func(config.Policy) bool) func(config.Policy) bool {
	return func(p config.Policy) bool { return !holds(p) }
}

func all(conditions ...func(config.Policy) bool) func(config.Policy) bool {
	return func(p config.Policy) bool {
		return !slices.ContainsFunc(conditions, func(holds func(config.Policy) bool) bool { return !holds(p) })
	}
}

func sequence(parts ...func(config.Policy) []Step) func(config.Policy) []Step {
	return func(p config.Policy) []Step {
		var steps []Step
		for _, part := range parts {
			steps = append(steps, part(p)...)
		}
		return steps
	}
}

func iterations(p config.Policy) []Step {
	steps := make([]Step, p.Iterations)
	for i := range steps {
		steps[i] = planned(v1alpha1.StepIteration, 0, p.Interval)
		if p.Mirror {
			steps[i].MirrorWeight = Hundredths(min(p.MirrorWeight+float64(i)*p.StepMirrorWeight, p.MaxMirrorWeight))
		}
	}
	return steps
}

// weights returns ExplicitSteps, else StepWeights, else the multiples of StepWeight up to MaxWeight, which comes last.
func weights(p config.Policy) []Step {
	var steps []Step
	switch {
	case len(p.ExplicitSteps) > 0:
		for _, s := range p.ExplicitSteps {
			step := planned(v1alpha1.StepWeight, s.Weight, s.Duration)
			step.MirrorWeight = Hundredths(s.Mirror)
			steps = append(steps, step)
		}
		return steps
	case len(p.StepWeights) > 0:
		lasts := p.Interval
		if p.Guard.Ladder {
			lasts = p.Guard.MaxDwell
		}
		for _, weight := range p.StepWeights {
			steps = append(steps, planned(v1alpha1.StepWeight, weight, lasts))
		}
		return steps
	case !hasWeights(p) && hasIterations(p):
		return nil
	}
	if p.StepWeight >= config.Finest {
		for i := 1.0; Hundredths(i*p.StepWeight) < p.MaxWeight; i++ {
			steps = append(steps, planned(v1alpha1.StepWeight, i*p.StepWeight, p.Interval))
		}
	}
	return append(steps, planned(v1alpha1.StepWeight, p.MaxWeight, p.Interval))
}

// AllAtOnce is the only step of a candidate that gets all requests at once, because the primary cannot answer any.
func AllAtOnce(policy config.Policy) []Step {
	return []Step{planned(v1alpha1.StepWeight, config.FullWeight, policy.Interval)}
}

// allAtOnce ends blue/green: all requests go to the canary before it is promoted.
func allAtOnce(p config.Policy) []Step {
	return []Step{planned(v1alpha1.StepHold, config.FullWeight, p.Hold)}
}

func planned(kind v1alpha1.StepKind, weight float64, duration time.Duration) Step {
	return Step{Kind: kind, Weight: Hundredths(weight), Duration: metav1.Duration{Duration: duration}}
}

// Hundredths rounds away the errors of binary fractions, so that three times 0.1 is 0.3.
func Hundredths(weight float64) float64 {
	return math.Round(weight*100) / 100
}
