package rollout

import (
	"fmt"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
)

// step is the planned step that the rollout is in; before the first one, a step without anything.
func (t tick) step() PlannedStep {
	return stepOf(t.steps, t.plan.Next.Open().Step.Number)
}

func stepOf(steps []PlannedStep, number int32) PlannedStep {
	if number < 1 || int(number) > len(steps) {
		return PlannedStep{}
	}
	return steps[number-1]
}

func (t tick) stepEnds() time.Time {
	return t.plan.Next.Rollout.Step.InEffect.Add(t.step().Duration.Duration)
}

// shareOf is of how many percent of the requests the canary must be able to serve: its share of them or, where that is more,
// of their copies.
func shareOf(step PlannedStep) float64 {
	return max(step.Weight, step.MirrorWeight)
}

// load is the step that the canary presently has to serve: a weight can differ from its step's while the primary is changed.
func (t tick) load() PlannedStep {
	next := &t.plan.Next
	step := t.step()
	if !withoutTraffic(t.policy) {
		step.Weight = next.CanaryWeight
	}
	if !judging(*next) {
		step.MirrorWeight = 0
	}
	return step
}

// expectsRequests reports whether requests reach the canary by the routes.
func (t tick) expectsRequests() bool {
	step := t.load()
	return step.Weight > 0 || step.MirrorWeight > 0 || step.Match
}

// where names the present step for people, as the beginning of a sentence.
func (t tick) where() string {
	number, step := t.plan.Next.Rollout.Step.Number, t.step()
	place := fmt.Sprintf("Step %d of %d", number, len(t.steps))
	switch step.Kind {
	case v1alpha1.StepIteration:
		return fmt.Sprintf("%s, %s", place, t.aim(number))
	case v1alpha1.StepHold:
		return place + ", all requests to the canary"
	}
	return fmt.Sprintf("%s at %s", place, t.aim(number))
}

// aim names what a step brings, within a sentence.
func (f Facts) aim(number int32) string {
	step := stepOf(f.steps, number)
	switch {
	case step.Kind == v1alpha1.StepIteration:
		return fmt.Sprintf("iteration %d of %d", number, countOf(f.steps, v1alpha1.StepIteration)) + copies(step)
	case withoutTraffic(f.policy):
		return fmt.Sprintf("%v%% of the replicas", step.Weight)
	}
	return fmt.Sprintf("weight %v%%", step.Weight) + copies(step)
}

// copies tells of how many requests the canary gets copies.
func copies(step PlannedStep) string {
	if step.MirrorWeight == 0 {
		return ""
	}
	return fmt.Sprintf(" with %v%% of the requests mirrored", step.MirrorWeight)
}

// countOf is how many steps of a kind are planned. Iterations come first, so that their numbers are those of their steps.
func countOf(steps []PlannedStep, kind v1alpha1.StepKind) int {
	count := 0
	for _, step := range steps {
		if step.Kind == kind {
			count++
		}
	}
	return count
}

// began is the event of the present step, once it is in effect.
func (t tick) began() Event {
	number, step := t.plan.Next.Rollout.Step.Number, t.step()
	switch {
	case step.Kind == v1alpha1.StepIteration:
		return iterationStarted(t.aim(number), step)
	case step.Kind == v1alpha1.StepHold:
		return allHeld(t.stepEnds())
	case withoutTraffic(t.policy):
		return shareReached(step.Weight, number, len(t.steps))
	}
	return weightAdvanced(step, number, len(t.steps))
}
