package events

import (
	"fmt"
	"time"

	"sluice.dev/sluice/rollout/strategy"
)

// CanaryReady says that the canary is ready for its first step.
func CanaryReady(available int32) Event {
	return Event{Reason: "CanaryReady", Message: fmt.Sprintf("The canary is ready; available replicas: %d", available)}
}

// CanaryNotReady says that the canary has lost replicas that it needs.
func CanaryNotReady(why string, traffic bool, failed, threshold int32) Event {
	lost := "The canary lost replicas; it starts again at the first step"
	if traffic {
		lost = "The canary lost replicas; its weight returns to 0"
	}
	return Event{Warning: true, Reason: "CanaryNotReady", Message: fmt.Sprintf("%s: %s (failed checks: %d of %d)", lost, why, failed, threshold)}
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

// CheckFailed says that a round of checks has failed.
func CheckFailed(why string, failed, threshold int32) Event {
	return Event{Warning: true, Reason: "CheckFailed", Message: fmt.Sprintf("%s (failed checks: %d of %d)", why, failed, threshold)}
}

// CheckInconclusive says that a step cannot end because its checks are inconclusive.
func CheckInconclusive(why string) Event {
	return Event{Warning: true, Reason: "CheckInconclusive", Message: why}
}
