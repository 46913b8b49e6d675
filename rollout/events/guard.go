package events

import (
	"fmt"
	"strings"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
)

// GuardOff says that the guard cannot judge a rollout.
func GuardOff(why string) Event {
	return Event{Warning: true, Reason: "GuardOff", Message: "The guard is off for this rollout, and the checks judge it: " + why}
}

// MetricsMissing says before the first request to the canary what the guard will not see, with the lines to add.
func MetricsMissing(what []string) Event {
	return Event{Warning: true, Reason: "MetricsMissing", Message: strings.Join(what, "; ")}
}

// GuardRestarted says why the guard starts over. times counts the starts after the first.
func GuardRestarted(why string, times int32) Event {
	return Event{Warning: true, Reason: "GuardRestarted", Message: fmt.Sprintf("The guard starts over (restart %d) and asks for more proof: %s", times, why)}
}

// StepJudged says that the guard ends a step, and what the data shows.
func StepJudged(step int32, shows string, inconclusive bool) Event {
	return Event{Warning: inconclusive, Reason: "StepJudged", Message: fmt.Sprintf("Step %d passes: %s", step, shows)}
}

// StepReturned says that the guard takes the rollout back to the step before.
func StepReturned(step int32, why string) Event {
	return Event{Warning: true, Reason: "StepReturned", Message: fmt.Sprintf("Step %d returns to the one before: %s", step, why)}
}

// StepHeld says that the guard holds a step, and why.
func StepHeld(step int32, why string) Event {
	return Event{Warning: true, Reason: "StepHeld", Message: fmt.Sprintf("Step %d is held: %s", step, why)}
}

// comparedWith says who had the canary.
var comparedWith = map[v1alpha1.ComparedUsers]string{
	v1alpha1.ComparedMatched: "those whose requests match",
	v1alpha1.ComparedTesters: "those whose requests match and a part of the others",
	v1alpha1.ComparedSticky:  "those who stay at it by a cookie",
}

// VersionsCompared says at the end of a rollout how a candidate and its primary compare that other people used.
func VersionsCompared(hash string, compared v1alpha1.VersionsCompared) Event {
	return Event{Reason: "VersionsCompared", Message: fmt.Sprintf("%s, used by %s, and its primary: %s", workload.Short(hash), comparedWith[compared.Users], compared.Text)}
}

// ControlReady says that the canary is compared with a control from now on.
func ControlReady(name string, pods int32) Event {
	return Event{Reason: "ControlReady", Message: fmt.Sprintf("The canary is compared with a control: Deployment %s runs the primary's template; available replicas: %d", name, pods)}
}

// ControlOff says why the canary is compared with the primary although the policy asks for a control.
func ControlOff(why string) Event {
	return Event{Warning: true, Reason: "ControlOff", Message: "The canary is compared with the primary for the rest of this rollout, not with a control: " + why}
}
