package events

import (
	"fmt"
	"strings"
	"time"

	"sluice.dev/sluice/rollout/strategy"
)

// CanaryReady says that the canary is ready for its first step.
func CanaryReady(available int32) Event {
	return Event{Reason: "CanaryReady", Message: fmt.Sprintf("The canary is ready; available replicas: %d", available)}
}

// CanaryNotReady says that the canary has lost something that it needs in a step.
func CanaryNotReady(why string, step int32, traffic bool) Event {
	taken := ""
	if traffic {
		taken = "; its weight returns to 0"
	}
	return Event{Warning: true, Reason: "CanaryNotReady", Message: fmt.Sprintf(
		"The canary is not ready: %s%s, and step %d starts again once it is ready", why, taken, step)}
}

// PodsInTrouble says that more goes wrong with the canary's pods than with the primary's.
func PodsInTrouble(what string) Event {
	return Event{Warning: true, Reason: "PodsInTrouble", Message: "More goes wrong with the canary's pods than with the primary's: " + what + "; no step ends until the canary's pods have been well for a minute"}
}

// NotMeasured says that no numbers judge the canary.
func NotMeasured(why string) Event {
	return Event{Warning: true, Reason: "NotMeasured", Message: why + "; to have it judged, give the policy analysis.metrics"}
}

// CanaryReturns says that the canary is ready again and returns to the step that was interrupted.
func CanaryReturns(step int32, steps int) Event {
	return Event{Reason: "CanaryReturns", Message: fmt.Sprintf("The canary is ready again; it returns to step %d of %d", step, steps)}
}

// CanaryEdited says that somebody has changed the canary's pod template. Once the candidate is judged, it is not written back.
func CanaryEdited(editor string, traffic, judged bool) Event {
	if editor == "" {
		editor = "somebody"
	}
	taken := ""
	if traffic {
		taken = "; its requests return to the primary"
	}
	if judged {
		taken += "; the candidate is written back and the steps start again"
	}
	return Event{Warning: true, Reason: "CanaryEdited", Message: fmt.Sprintf(
		"The canary's pod template was changed by %s%s; to roll out a change, change the primary", editor, taken)}
}

// StepInterrupted says that a step starts again because a route lost its split.
func StepInterrupted(why string, step int32) Event {
	return Event{Warning: true, Reason: "StepInterrupted", Message: fmt.Sprintf("Step %d starts again: %s", step, why)}
}

// WeightAdvanced says that the weight of a step is in effect.
func WeightAdvanced(step strategy.Step, number int32, steps int) Event {
	return Event{Reason: "WeightAdvanced", Message: fmt.Sprintf(
		"Canary weight %v%%%s is in effect, step %d of %d", step.Weight, strategy.Mirrored(step), number, steps)}
}

// ShareReached says that the canary of a workload without traffic has the replicas of a step.
func ShareReached(share float64, number int32, steps int) Event {
	return Event{Reason: "ShareReached", Message: fmt.Sprintf("The canary runs %v%% of the replicas, step %d of %d", share, number, steps)}
}

// IterationStarted says that an iteration starts.
func IterationStarted(iteration string, step strategy.Step) Event {
	message := "Canary " + iteration
	if step.Match {
		message += "; matched requests go to the canary"
	}
	return Event{Reason: "IterationStarted", Message: message}
}

// AllHeld says that all requests go to the canary before it is promoted.
func AllHeld(until time.Time) Event {
	return Event{Reason: "HoldStarted", Message: fmt.Sprintf("All requests go to the canary until %s", ClockTime(until))}
}

// ShareDiffers says that the canary gets another share of the requests than its weight.
func ShareDiffers(difference string) Event {
	return Event{Warning: true, Reason: "ShareDiffers", Message: difference + "; usual causes: connections that clients keep open, session affinity of a Service or gateway, " +
		"pods that a gateway has ejected, requests that do not come through the gateway"}
}

// CheckFailed says that a round of checks has failed, and how many failures of which limits there are now.
func CheckFailed(why string, counts ...string) Event {
	return Event{Warning: true, Reason: "CheckFailed", Message: fmt.Sprintf("%s (%s)", why, strings.Join(counts, "; "))}
}

// OfThreshold says how many failed checks there are of those at which the rollout rolls back.
func OfThreshold(failed, threshold int32) string {
	return fmt.Sprintf("failed checks: %d of %d", failed, threshold)
}

// CheckInconclusive says that a step cannot end because its checks are inconclusive.
func CheckInconclusive(why string) Event {
	return Event{Warning: true, Reason: "CheckInconclusive", Message: why}
}
