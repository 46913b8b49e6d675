package events

import (
	"fmt"
	"time"

	"sluice.dev/sluice/internal/workload"
)

// AnalysisPassed says that a candidate has passed its checks and is promoted.
func AnalysisPassed(hash string, took time.Duration) Event {
	return Event{Reason: "AnalysisPassed", Message: fmt.Sprintf("Analysis of %s passed after %s; promoting it", workload.Short(hash), took.Round(time.Second))}
}

// NothingToJudge says that a candidate without configured checks is promoted.
func NothingToJudge(hash string, took time.Duration) Event {
	return Event{Reason: "AnalysisPassed", Message: fmt.Sprintf(
		"Nobody measured %s, because no checks are configured; its canary stayed ready for %s; promoting it", workload.Short(hash), took.Round(time.Second))}
}

// PromotionAsked says that a candidate is promoted before its last step because a user asked for it.
func PromotionAsked(hash, who string) Event {
	return Event{Reason: "PromotionAsked", Message: fmt.Sprintf("Promoting %s without the remaining steps, requested by %s", workload.Short(hash), who)}
}

// AnalysisSkipped says that a candidate is promoted without checks.
func AnalysisSkipped(hash, who string) Event {
	return Event{Reason: "AnalysisSkipped", Message: fmt.Sprintf("Promoting %s without analysis, requested %s", workload.Short(hash), who)}
}

// TrafficShifted says that all requests go to the canary while the primary changes.
func TrafficShifted(why string) Event {
	return Event{Reason: "TrafficShifted", Message: "All requests go to the canary while the primary is updated, because " + why}
}

// WeightReturned says that some requests return to the primary.
func WeightReturned(weight float64) Event {
	return Event{Reason: "WeightReturned", Message: fmt.Sprintf(
		"The primary is ready with the candidate; lowering the canary's weight to %v%%", weight)}
}

// PrimaryUpdated says that the primary has the candidate's template.
func PrimaryUpdated(hash string) Event {
	return Event{Reason: "PromotionStarted", Message: fmt.Sprintf("The primary now has template %s; waiting for its pods", workload.Short(hash))}
}

// CanaryLost says that the canary has lost something that it needs while the primary changes, and which weight it keeps.
func CanaryLost(why string, left float64) Event {
	return Event{Warning: true, Reason: "CanaryLost", Message: fmt.Sprintf(
		"The canary has lost something while the primary is updated: %s; its weight falls to %v%%", why, left)}
}

// PromotionFailed says that the primary gets its previous template back.
func PromotionFailed(why, previous string) Event {
	return Event{Warning: true, Reason: "PromotionFailed", Message: fmt.Sprintf("%s; restoring the previous template %s", why, workload.Short(previous))}
}

// CanaryGivesWay says that the canary is scaled down, so that the primary gets its pods.
func CanaryGivesWay(why string, traffic bool) Event {
	doing := "the canary is scaled down"
	if traffic {
		doing = "the requests return to the primary and the canary is scaled down"
	}
	return Event{Warning: true, Reason: "CanaryGivesWay", Message: fmt.Sprintf("A quota has no room for the primary's new pods beside the canary's; %s: %s", doing, why)}
}

// PrimaryTooSmall says that all requests return to the primary before it can serve them.
func PrimaryTooSmall(available, whole int32, waited time.Duration) Event {
	return Event{Warning: true, Reason: "PrimaryTooSmall", Message: fmt.Sprintf(
		"All requests return to the primary although only %d of the %d replicas needed are available; waited %s", available, whole, waited)}
}
