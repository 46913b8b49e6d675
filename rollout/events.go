package rollout

import (
	"fmt"
	"strings"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
)

// Event is one thing that happened, told on the Canary and on the Deployment after it was written.
type Event struct {
	// Warning marks what somebody should look at.
	Warning bool
	// Reason is a word for machines, e.g. WeightAdvanced.
	Reason string
	// Message is a sentence for people.
	Message string
}

func initialized(message string) Event {
	return Event{Reason: "Initialized", Message: message}
}

func notReady(problem string) Event {
	return Event{Warning: true, Reason: "NotReady", Message: problem}
}

func deletionHeld(why string) Event {
	return Event{Warning: true, Reason: "DeletionHeld", Message: why}
}

func candidateHeld(hash, by string) Event {
	return Event{Reason: "CandidateHeld", Message: fmt.Sprintf("New template %s from %s is held back; starting the canary", hash, by)}
}

func candidateBlocked(hash, problem string) Event {
	return Event{Warning: true, Reason: "CandidateBlocked", Message: fmt.Sprintf("New template %s is held back; its rollout cannot start yet: %s", hash, problem)}
}

func featuresUnknown(what string) Event {
	return Event{Warning: true, Reason: "FeatureUnknown", Message: what + "; the rollout continues, and without that support this part of the policy has no effect"}
}

func candidateRetried(hash, by string, attempt int32) Event {
	return Event{Reason: "CandidateRetried", Message: fmt.Sprintf("Retrying template %s (attempt %d), requested by %s; starting the canary",
		hash, attempt, whoAndWhy(by, ""))}
}

func requestIgnored(verb string, request *v1alpha1.Request, present string) Event {
	return Event{Warning: true, Reason: "RequestIgnored", Message: fmt.Sprintf("Ignored the request by %s to %s %s: %s",
		whoAndWhy(request.By, ""), verb, request.Candidate, present)}
}

func paused(why string) Event {
	return Event{Reason: "Paused", Message: "No step starts: " + why}
}

func resumed() Event {
	return Event{Reason: "Resumed", Message: "Steps continue"}
}

func frozen(why string) Event {
	return Event{Reason: "Frozen", Message: "Waits: " + why}
}

func unfrozen() Event {
	return Event{Reason: "Unfrozen", Message: "No Freeze is in force anymore"}
}

func queued(hash, place string) Event {
	return Event{Reason: "Queued", Message: fmt.Sprintf("New template %s is held back: %s", hash, place)}
}

func canaryReady(available int32) Event {
	return Event{Reason: "CanaryReady", Message: fmt.Sprintf("The canary is ready; available replicas: %d", available)}
}

func canaryNotReady(why string, traffic bool, failed, threshold int32) Event {
	lost := "The canary lost replicas; it starts again at the first step"
	if traffic {
		lost = "The canary lost replicas; its weight returns to 0"
	}
	return Event{Warning: true, Reason: "CanaryNotReady", Message: fmt.Sprintf("%s: %s (failed checks: %d of %d)", lost, why, failed, threshold)}
}

func weightAdvanced(step PlannedStep, number int32, steps int) Event {
	return Event{Reason: "WeightAdvanced", Message: fmt.Sprintf("Canary weight %v%%%s is in effect, step %d of %d", step.Weight, copies(step), number, steps)}
}

func shareReached(share float64, number int32, steps int) Event {
	return Event{Reason: "ShareReached", Message: fmt.Sprintf("The canary runs %v%% of the replicas, step %d of %d", share, number, steps)}
}

func iterationStarted(iteration string, step PlannedStep) Event {
	message := "Canary " + iteration
	if step.Match {
		message += "; matched requests go to the canary"
	}
	return Event{Reason: "IterationStarted", Message: message}
}

func allHeld(until time.Time) Event {
	return Event{Reason: "HoldStarted", Message: fmt.Sprintf("All requests go to the canary until %s", clockTime(until))}
}

func checkFailed(why string, failed, threshold int32) Event {
	return Event{Warning: true, Reason: "CheckFailed", Message: fmt.Sprintf("%s (failed checks: %d of %d)", why, failed, threshold)}
}

func checkInconclusive(why string) Event {
	return Event{Warning: true, Reason: "CheckInconclusive", Message: why}
}

func analysisPassed(hash string, took time.Duration) Event {
	return Event{Reason: "AnalysisPassed", Message: fmt.Sprintf("Analysis of %s passed after %s; promoting it", hash, took.Round(time.Second))}
}

func gateReached(gate v1alpha1.HookType, hooks []v1alpha1.Webhook) Event {
	names := make([]string, 0, len(hooks))
	for _, hook := range hooks {
		names = append(names, hook.Name)
	}
	return Event{Reason: "GateReached", Message: fmt.Sprintf("Waiting for the %s hooks to approve: %s", gate, strings.Join(names, ", "))}
}

// HookTold is the event of a post-rollout hook that was told of the end.
func HookTold(hook v1alpha1.Webhook, answer HookAnswer) Event {
	if answer.Yes {
		return Event{Reason: "HookTold", Message: fmt.Sprintf("Notified hook %s (%s)", hook.Name, hook.Type)}
	}
	return Event{Warning: true, Reason: "HookFailed", Message: fmt.Sprintf("Hook %s (%s) failed: %s", hook.Name, hook.Type, answer.Message)}
}

func nothingToJudge(hash string, took time.Duration) Event {
	return Event{Reason: "AnalysisPassed", Message: fmt.Sprintf("No checks are configured for %s, and its canary stayed ready for %s; promoting it", hash, took.Round(time.Second))}
}

func promotionAsked(hash, who string) Event {
	return Event{Reason: "PromotionAsked", Message: fmt.Sprintf("Promoting %s without the remaining steps, requested by %s", hash, who)}
}

func analysisSkipped(hash, who string) Event {
	return Event{Reason: "AnalysisSkipped", Message: fmt.Sprintf("Promoting %s without analysis, requested %s", hash, who)}
}

func trafficShifted(why string) Event {
	return Event{Reason: "TrafficShifted", Message: "All requests go to the canary while the primary is updated, because " + why}
}

func weightReturned(weight float64) Event {
	return Event{Reason: "WeightReturned", Message: fmt.Sprintf("The primary is ready with the candidate; lowering the canary's weight to %v%%", weight)}
}

func primaryUpdated(hash string) Event {
	return Event{Reason: "PromotionStarted", Message: fmt.Sprintf("The primary now has template %s; waiting for its pods", hash)}
}

func memberBlocked(group, blocked string) Event {
	return Event{Warning: true, Reason: "GroupBlocked", Message: fmt.Sprintf("Group %s waits for %s; if this lasts until the progress deadline, the group is rolled back", group, blocked)}
}

func gatewayGone(why string) Event {
	return Event{Warning: true, Reason: "GatewayGone", Message: fmt.Sprintf("The rollout ends although the gateway never confirmed the change; it was deleted or never existed: %s", why)}
}

func promotionFailed(why, previous string) Event {
	return Event{Warning: true, Reason: "PromotionFailed", Message: fmt.Sprintf("%s; restoring the previous template %s", why, previous)}
}

func primaryTooSmall(available, whole int32, waited time.Duration) Event {
	return Event{Warning: true, Reason: "PrimaryTooSmall", Message: fmt.Sprintf("All requests return to the primary although only %d of the %d replicas needed are available; waited %s", available, whole, waited)}
}

func canaryUnprotected(why string) Event {
	return Event{Warning: true, Reason: "PoliciesMissCanary", Message: why}
}

func policiesUnread(kinds []string) Event {
	return Event{Warning: true, Reason: "PoliciesUnread", Message: fmt.Sprintf("Cannot tell whether any %s misses the canary's pods, because its API fails; the rollout continues", strings.Join(kinds, " or "))}
}

func policyAdvice(why string) Event {
	return Event{Warning: true, Reason: "PolicyAdvice", Message: why}
}

func rollingBack(hash, why string) Event {
	return Event{Warning: true, Reason: "RollingBack", Message: fmt.Sprintf("Rolling back %s: %s", hash, why)}
}

func rolledBackUnseen(hash, why string) Event {
	return Event{Warning: true, Reason: "RolledBack", Message: fmt.Sprintf("%s is not rolled out: %s", hash, why)}
}

func rolledBack(hash string, traffic bool) Event {
	text := "The canary is removed; %s does not start again until you retry it or change the template"
	if traffic {
		text = "All requests go to the primary and the canary is removed; %s does not start again until you retry it or change the template"
	}
	return Event{Warning: true, Reason: "RolledBack", Message: fmt.Sprintf(text, hash)}
}

func promoted(hash string, took time.Duration) Event {
	return Event{Reason: "Promoted", Message: fmt.Sprintf("Promotion of %s completed after %s; the canary is removed", hash, took.Round(time.Second))}
}

func cancelled(hash, why string) Event {
	return Event{Reason: "Cancelled", Message: fmt.Sprintf("Rollout of %s is cancelled: %s", hash, why)}
}

func superseded(old, new, by string, traffic bool) Event {
	start := "from the beginning"
	if traffic {
		start = "at weight 0"
	}
	return Event{Reason: "Superseded", Message: fmt.Sprintf("New template %s from %s replaces %s; the analysis starts again %s", new, by, old, start)}
}

// unseen is how the template of a primary was changed when admission did not see it.
const unseen workload.DirectWay = "unseen"

func changedDirectly(direct workload.Direct) Event {
	if direct.How == unseen {
		return Event{Warning: true, Reason: "TemplateChangedDirectly", Message: fmt.Sprintf("The pod template was changed to %s without a call to sluice's webhook, and becomes the primary's: check that the webhook configurations zz-sluice exist", direct.Hash)}
	}
	return Event{Warning: direct.How != workload.DirectRestart, Reason: "ChangedDirectly", Message: fmt.Sprintf("The pod template was changed to %s by %s without a canary (%s: %s)", direct.Hash, direct.By, direct.How, direct.Reason)}
}

// AskRejected is the event of a promotion, or another thing asked of admission, that the API server refuses: mostly because
// of another webhook or a policy.
func AskRejected(key, hash string, err error) Event {
	return Event{Warning: true, Reason: "AskRejected", Message: fmt.Sprintf("The API server rejects %s of %s; retrying until the progress deadline: %v", key, hash, err)}
}

// CanaryRejected is the event of a canary that the API server refuses to make or to change.
func CanaryRejected(err error) Event {
	return Event{Warning: true, Reason: "CanaryRejected", Message: fmt.Sprintf("The API server rejects the canary; retrying until the progress deadline: %v", err)}
}

// clockTime is a moment of the day, for people.
func clockTime(at time.Time) string {
	return at.UTC().Format(time.TimeOnly)
}

// whoAndWhy names the user of a request, and the reason where one was given.
func whoAndWhy(user, reason string) string {
	if user == "" {
		user = "somebody"
	}
	if reason == "" {
		return user
	}
	return user + ": " + reason
}
