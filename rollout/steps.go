package rollout

import (
	"fmt"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/strategy"
)

// step is the planned step that the rollout has reached; an empty step before the first one.
func (t tick) step() strategy.Step {
	return strategy.At(t.steps, t.plan.Next.Open().Step.Number)
}

func (t tick) stepEnds() time.Time {
	return t.plan.Next.Rollout.Step.InEffect.Add(t.step().Duration.Duration)
}

// load is the step that the canary serves now. While the primary changes, its weight can differ from the planned one.
func (t tick) load() strategy.Step {
	next := &t.plan.Next
	step := t.step()
	if !strategy.WithoutTraffic(t.policy) {
		step.Weight = next.CanaryWeight
	}
	if !observed.Judging(*next) {
		step.MirrorWeight = 0
	}
	return step
}

// expectsRequests reports whether the routes send requests to the canary.
func (t tick) expectsRequests() bool {
	step := t.load()
	return step.Weight > 0 || step.MirrorWeight > 0 || step.Match
}

// stepKind is what users read about steps of one kind.
type stepKind struct {
	// aim names what a step does, within a sentence.
	aim func(f Facts, number int32) string
	// where names the present step by its place and aim, at the beginning of a sentence.
	where func(place, aim string) string
	// began is the event of the present step once it is in effect.
	began func(t tick, aim string) events.Event
}

// stepKinds has an entry for every kind of step.
var stepKinds = map[v1alpha1.StepKind]stepKind{
	v1alpha1.StepIteration: {
		aim:   aimOfIteration,
		where: func(place, aim string) string { return place + ", " + aim },
		began: func(t tick, aim string) events.Event { return events.IterationStarted(aim, t.step()) },
	},
	v1alpha1.StepWeight: {
		aim:   aimOfWeight,
		where: func(place, aim string) string { return place + " at " + aim },
		began: beganWeight,
	},
	v1alpha1.StepHold: {
		aim:   aimOfWeight,
		where: func(place, _ string) string { return place + ", all requests to the canary" },
		began: func(t tick, _ string) events.Event { return events.AllHeld(t.stepEnds()) },
	},
}

func (t tick) where() string {
	number := t.plan.Next.Rollout.Step.Number
	return stepKinds[t.step().Kind].where(fmt.Sprintf("Step %d of %d", number, len(t.steps)), t.aim(number))
}

func (f Facts) aim(number int32) string {
	return stepKinds[strategy.At(f.steps, number).Kind].aim(f, number)
}

func (t tick) began() events.Event {
	return stepKinds[t.step().Kind].began(t, t.aim(t.plan.Next.Rollout.Step.Number))
}

func aimOfIteration(f Facts, number int32) string {
	return fmt.Sprintf("iteration %d of %d", number, strategy.Count(f.steps, v1alpha1.StepIteration)) + strategy.Mirrored(strategy.At(f.steps, number))
}

func aimOfWeight(f Facts, number int32) string {
	step := strategy.At(f.steps, number)
	if strategy.WithoutTraffic(f.policy) {
		return fmt.Sprintf("%v%% of the replicas", step.Weight)
	}
	return fmt.Sprintf("weight %v%%", step.Weight) + strategy.Mirrored(step)
}

func beganWeight(t tick, _ string) events.Event {
	number, step := t.plan.Next.Rollout.Step.Number, t.step()
	if strategy.WithoutTraffic(t.policy) {
		return events.ShareReached(step.Weight, number, len(t.steps))
	}
	return events.WeightAdvanced(step, number, len(t.steps))
}
