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

// stepKind is what users are told of steps of one kind.
type stepKind struct {
	// aim names what a step brings, within a sentence.
	aim func(f Facts, number int32) string
	// where names the present step by its place and aim, as the beginning of a sentence.
	where func(place, aim string) string
	// began is the event of the present step, once it is in effect.
	began func(t tick, aim string) Event
}

// stepKinds has an entry for every kind of step.
var stepKinds = map[v1alpha1.StepKind]stepKind{
	v1alpha1.StepIteration: {
		aim:   aimOfIteration,
		where: func(place, aim string) string { return place + ", " + aim },
		began: func(t tick, aim string) Event { return iterationStarted(aim, t.step()) },
	},
	v1alpha1.StepWeight: {
		aim:   aimOfWeight,
		where: func(place, aim string) string { return place + " at " + aim },
		began: beganWeight,
	},
	v1alpha1.StepHold: {
		aim:   aimOfWeight,
		where: func(place, _ string) string { return place + ", all requests to the canary" },
		began: func(t tick, _ string) Event { return allHeld(t.stepEnds()) },
	},
}

func (t tick) where() string {
	number := t.plan.Next.Rollout.Step.Number
	return stepKinds[t.step().Kind].where(fmt.Sprintf("Step %d of %d", number, len(t.steps)), t.aim(number))
}

func (f Facts) aim(number int32) string {
	return stepKinds[stepOf(f.steps, number).Kind].aim(f, number)
}

func (t tick) began() Event {
	return stepKinds[t.step().Kind].began(t, t.aim(t.plan.Next.Rollout.Step.Number))
}

func aimOfIteration(f Facts, number int32) string {
	return fmt.Sprintf("iteration %d of %d", number, countOf(f.steps, v1alpha1.StepIteration)) + copies(stepOf(f.steps, number))
}

func aimOfWeight(f Facts, number int32) string {
	step := stepOf(f.steps, number)
	if withoutTraffic(f.policy) {
		return fmt.Sprintf("%v%% of the replicas", step.Weight)
	}
	return fmt.Sprintf("weight %v%%", step.Weight) + copies(step)
}

func beganWeight(t tick, _ string) Event {
	number, step := t.plan.Next.Rollout.Step.Number, t.step()
	if withoutTraffic(t.policy) {
		return shareReached(step.Weight, number, len(t.steps))
	}
	return weightAdvanced(step, number, len(t.steps))
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
