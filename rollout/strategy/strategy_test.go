package strategy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/config/policy"
)

var testers = []v1alpha1.HTTPMatch{{Headers: map[string]v1alpha1.StringMatch{"x-canary": {Exact: "true"}}}}

// told is a plan in one line: kind, weight, mirror, match, and a duration other than the interval.
func told(p config.Policy) string {
	strategy := Of(p)
	var words []string
	for _, s := range strategy.Steps(p) {
		word := fmt.Sprintf("%s %v", strings.ToLower(string(s.Kind)), s.Weight)
		if s.MirrorWeight > 0 {
			word += fmt.Sprintf(" mirror %v", s.MirrorWeight)
		}
		if s.Match {
			word += " match"
		}
		if s.Duration.Duration != p.Interval {
			word += " for " + s.Duration.Duration.String()
		}
		words = append(words, word)
	}
	return strategy.Name + ": " + strings.Join(words, ", ")
}

func TestStrategies(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*config.Policy)
		want string
	}{
		"the default is a canary release": {func(*config.Policy) {}, "canary: weight 10, weight 20, weight 30, weight 40, weight 50"},
		"a last step that does not fit is cut": {func(p *config.Policy) { p.StepWeight = 20 },
			"canary: weight 20, weight 40, weight 50"},
		"a step larger than the largest weight makes one step": {func(p *config.Policy) { p.StepWeight, p.MaxWeight = 30, 5 }, "canary: weight 5"},
		"all requests can go to the canary before it is promoted": {func(p *config.Policy) { p.StepWeight, p.MaxWeight = 50, 100 },
			"canary: weight 50, weight 100"},
		"steps finer than a percent add up exactly": {func(p *config.Policy) { p.StepWeight, p.MaxWeight = 0.1, 0.5 },
			"canary: weight 0.1, weight 0.2, weight 0.3, weight 0.4, weight 0.5"},
		"a step weight of nothing makes one step": {func(p *config.Policy) { p.StepWeight = 0 }, "canary: weight 50"},
		"weights that are named are taken as they are": {func(p *config.Policy) { p.StepWeights = []float64{0.2, 1, 5, 50} },
			"canary: weight 0.2, weight 1, weight 5, weight 50"},
		"the ladder has steps that last as long as the guard waits": {func(p *config.Policy) {
			p.StepWeights, p.Guard.Ladder, p.Guard.MaxDwell = []float64{25, 50}, true, time.Minute
		}, "canary: weight 25 for 1m0s, weight 50 for 1m0s"},
		"explicit steps have durations and copies of their own": {func(p *config.Policy) {
			p.ExplicitSteps = []config.Step{{Weight: 0, Mirror: 10, Duration: time.Minute}, {Weight: 5}, {Weight: 2}}
		}, "canary: weight 0 mirror 10 for 1m0s, weight 5, weight 2"},
		"testers always": {func(p *config.Policy) { p.Match, p.StepWeight = testers, 25 }, "canary with testers: weight 25 match, weight 50 match"},
		"A/B":            {func(p *config.Policy) { p.Match, p.Iterations, p.StepWeight = testers, 2, 0 }, "a/b: iteration 0 match, iteration 0 match"},
		"A/B, then weights": {func(p *config.Policy) { p.Match, p.Iterations, p.StepWeight = testers, 1, 50 },
			"a/b, then canary: iteration 0 match, weight 50 match"},
		"A/B with copies": {func(p *config.Policy) { p.Match, p.Iterations, p.StepWeight, p.Mirror = testers, 1, 0, true },
			"a/b: iteration 0 mirror 100 match"},
		"blue/green": {func(p *config.Policy) { p.Iterations, p.StepWeight, p.Hold = 2, 0, time.Minute },
			"blue/green: iteration 0, iteration 0, hold 100 for 1m0s"},
		"blue/green with copies": {func(p *config.Policy) { p.Iterations, p.StepWeight, p.Mirror, p.MirrorWeight = 1, 0, true, 25 },
			"mirroring: iteration 0 mirror 25, hold 100"},
		"a ramp of copies ends at its greatest": {func(p *config.Policy) {
			p.Iterations, p.StepWeight, p.Mirror, p.MirrorWeight, p.StepMirrorWeight, p.MaxMirrorWeight = 4, 0, true, 0.1, 0.1, 0.3
		}, "mirroring: iteration 0 mirror 0.1, iteration 0 mirror 0.2, iteration 0 mirror 0.3, iteration 0 mirror 0.3, hold 100"},
		"copies, then weights": {func(p *config.Policy) { p.Mirror, p.Iterations, p.StepWeight = true, 1, 50 },
			"mirroring, then canary: iteration 0 mirror 100, weight 50"},
		"tests before the weights": {func(p *config.Policy) { p.Iterations, p.StepWeight = 1, 50 }, "tests, then canary: iteration 0, weight 50"},
		"without traffic nothing is matched or copied": {func(p *config.Policy) {
			p.Traffic, p.Match, p.Mirror, p.Iterations, p.StepWeight = v1alpha1.TrafficNone, testers, true, 1, 50
		}, "without traffic: iteration 0, weight 50"},
	} {
		t.Run(name, func(t *testing.T) {
			policy := byChecks()
			c.set(&policy)
			if got := told(policy); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// byChecks is the default policy without the guard, which has steps of its own.
func byChecks() config.Policy {
	off := false
	parsed, _ := policy.Parse(v1alpha1.PolicySpec{Analysis: &v1alpha1.AnalysisSpec{Guard: &v1alpha1.Guard{Enabled: &off}}})
	return parsed
}

// TestTheLastStrategyFitsEveryPolicy checks that there always is a strategy.
func TestTheLastStrategyFitsEveryPolicy(t *testing.T) {
	if got := told(config.Policy{MaxWeight: 5}); got != "canary: weight 5" {
		t.Errorf("a policy without anything makes %q", got)
	}
}

// TestNoPolicyHasMoreStepsThanAStatusHolds checks that the limit in config counts steps as the strategies make them.
func TestNoPolicyHasMoreStepsThanAStatusHolds(t *testing.T) {
	const most, hold = 500, 1
	for hundredths := 1; hundredths <= 10000; hundredths += 7 {
		for _, iterations := range []int32{0, 1, 250, most} {
			step, greatest := float64(hundredths%37+1)/100, float64(hundredths)/100
			parsed, errs := policy.Parse(v1alpha1.PolicySpec{Analysis: &v1alpha1.AnalysisSpec{StepWeight: &step, MaxWeight: &greatest, Iterations: &iterations}})
			if len(errs) > 0 {
				parsed = byChecks()
				parsed.StepWeight, parsed.MaxWeight, parsed.Iterations = step, greatest, iterations
			}
			if made := len(Of(parsed).Steps(parsed)); (made > most) != (len(errs) > 0) {
				t.Errorf("%v up to %v and %d iterations are %d steps: %v", step, greatest, iterations, made, errs)
			}
		}
	}
	iterations, none := int32(most), 0.0
	policy, errs := policy.Parse(v1alpha1.PolicySpec{Analysis: &v1alpha1.AnalysisSpec{StepWeight: &none, Iterations: &iterations}})
	if made := len(Of(policy).Steps(policy)); len(errs) > 0 || made != most+hold {
		t.Errorf("blue/green with %d iterations has %d steps: %v", iterations, made, errs)
	}
}
