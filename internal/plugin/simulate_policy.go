package plugin

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/config/policy"
	"sluice.dev/sluice/internal/analysis/guard"
	"sluice.dev/sluice/internal/plugin/manifest"
	"sluice.dev/sluice/internal/simulate/guarded"
	"sluice.dev/sluice/internal/simulate/replay"
	"sluice.dev/sluice/internal/simulate/rule"
	"sluice.dev/sluice/internal/simulate/traffic"
	"sluice.dev/sluice/rollout"
	"sluice.dev/sluice/rollout/strategy"
)

// simulated is what a policy says about a rollout that is played.
type simulated struct {
	settings guard.Settings
	// steps are those of the user's; none for the guard's ladder.
	steps []strategy.Step
	// interval and threshold are those of the user's; 0 for none.
	interval  traffic.Seconds
	threshold int
	// preset says which metrics count requests; empty if the gateway chooses.
	preset config.Preset
	// sticky means that users stay at their version.
	sticky bool
}

// policyToSimulate reads the one policy of a file. Without a file, everything is as built in.
func (p *plugin) policyToSimulate(name string) (simulated, error) {
	built := simulated{settings: guard.DefaultSettings()}
	if name == "" {
		return built, nil
	}
	files, err := readFiles([]string{name}, p.In)
	if err != nil {
		return simulated{}, usageError{err}
	}
	var found []manifest.Object
	for _, each := range files {
		if each.mistake != nil {
			return simulated{}, fmt.Errorf("%s: %w", each.name, each.mistake)
		}
		for _, object := range each.objects {
			if object.Group() == v1alpha1.GroupVersion.Group && (object.Kind() == "CanaryPolicy" || object.Kind() == "ClusterCanaryPolicy") {
				found = append(found, object)
			}
		}
	}
	if len(found) != 1 {
		return simulated{}, fmt.Errorf("%s: expected one CanaryPolicy or ClusterCanaryPolicy, found %d", name, len(found))
	}
	spec, errs := specOf(found[0])
	if len(errs) > 0 {
		return simulated{}, fmt.Errorf("%s: %w", name, errs.ToAggregate())
	}
	return simulatedOf(spec)
}

// specOf decodes a policy.
func specOf(object manifest.Object) (v1alpha1.PolicySpec, field.ErrorList) {
	if object.Kind() == "CanaryPolicy" {
		var typed v1alpha1.CanaryPolicy
		errs := manifest.Decode(object.Content, &typed)
		return typed.Spec, errs
	}
	var typed v1alpha1.ClusterCanaryPolicy
	errs := manifest.Decode(object.Content, &typed)
	return typed.Spec.PolicySpec, errs
}

// simulatedOf takes the steps and the guard's settings from a policy. Steps that are not the user's give way to the guard's ladder.
func simulatedOf(spec v1alpha1.PolicySpec) (simulated, error) {
	parsed, errs := policy.Parse(spec)
	if len(errs) > 0 {
		return simulated{}, errs.ToAggregate()
	}
	result := simulated{settings: settingsOf(spec, parsed.Guard), preset: parsed.Preset, sticky: parsed.SessionAffinity != nil}
	if of := strategy.Of(parsed); of.Name != "canary" {
		return simulated{}, fmt.Errorf("the strategy %q cannot be played: only weights can, so give stepWeight, stepWeights or steps without match, mirror and iterations", of.Name)
	}
	if a := spec.Analysis; a != nil {
		if a.Interval != nil {
			result.interval = int64(parsed.Interval / time.Second)
		}
		if a.Threshold != nil {
			result.threshold = int(parsed.Threshold)
		}
	}
	if hasSteps(spec) {
		result.steps = strategy.Of(parsed).Steps(parsed)
	}
	return result, nil
}

// settingsOf returns what the policy says to the guard, enabled or not. Steps of the user's end early only if the policy says so; their
// durations are those of the rule.
func settingsOf(spec v1alpha1.PolicySpec, g config.Guard) guard.Settings {
	g.Ladder, g.EarlyAdvance = true, !hasSteps(spec)
	if a := spec.Analysis; a != nil && a.Guard != nil {
		g.EarlyAdvance = ptr.Deref(a.Guard.EarlyAdvance, g.EarlyAdvance)
	}
	return rollout.GuardSettings(g, 0)
}

// hasSteps reports whether the user wrote steps.
func hasSteps(spec v1alpha1.PolicySpec) bool {
	a := spec.Analysis
	return a != nil && (a.StepWeight != nil || len(a.StepWeights) > 0 || len(a.Steps) > 0)
}

// rule is the guard with the policy's settings.
func (s simulated) rule() guarded.Rule {
	by := guarded.Rule{Label: "guard", Settings: s.settings}
	for _, step := range s.steps {
		by.Shares = append(by.Shares, step.Weight/config.FullWeight)
		by.Durations = append(by.Durations, max(step.Duration.Duration, time.Second))
	}
	return by
}

// plan is what the guard is told about a past rollout.
func (s simulated) plan() replay.Plan {
	plan := replay.Plan{Settings: s.settings, Sticky: s.sticky}
	for _, step := range s.steps {
		plan.Weights, plan.Durations = append(plan.Weights, step.Weight), append(plan.Durations, max(step.Duration.Duration, time.Second))
	}
	return plan
}

// given is what other rules take from the policy: its weights, or the steps that Flagger's users know, and the interval and the
// threshold that the user wrote.
func (s simulated) given() rule.Given {
	given := rule.Given{Shares: s.rule().Shares, Interval: s.interval, Threshold: s.threshold}
	if len(given.Shares) == 0 {
		given.Shares = rule.Steps(10, 50)
	}
	return given
}
