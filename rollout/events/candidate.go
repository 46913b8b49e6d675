package events

import (
	"fmt"
	"strings"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
)

// Initialized says that everything a rollout needs was found.
func Initialized(message string) Event {
	return Event{Reason: "Initialized", Message: message}
}

// NotReady says that something a rollout needs is missing.
func NotReady(problem string) Event {
	return Event{Warning: true, Reason: "NotReady", Message: problem}
}

// DeletionHeld says that the deletion of a Canary waits.
func DeletionHeld(why string) Event {
	return Event{Warning: true, Reason: "DeletionHeld", Message: why}
}

// CandidateHeld says that the rollout of a new template starts.
func CandidateHeld(hash, by string) Event {
	return Event{Reason: "CandidateHeld", Message: fmt.Sprintf("New template %s from %s is held back; starting the canary", workload.Short(hash), by)}
}

// CandidateBlocked says that the rollout of a new template cannot start.
func CandidateBlocked(hash, problem string) Event {
	return Event{Warning: true, Reason: "CandidateBlocked", Message: fmt.Sprintf(
		"New template %s is held back; its rollout cannot start yet: %s", workload.Short(hash), problem)}
}

// FeaturesUnknown says that a gateway does not report whether it supports what the policy needs.
func FeaturesUnknown(what string) Event {
	return Event{Warning: true, Reason: "FeatureUnknown", Message: what + "; the rollout continues, and without that support this part of the policy has no effect"}
}

// CandidateRetried says that a failed template is judged again.
func CandidateRetried(hash, by string, attempt int32) Event {
	return Event{Reason: "CandidateRetried", Message: fmt.Sprintf("Retrying template %s (attempt %d), requested by %s; starting the canary",
		workload.Short(hash), attempt, Who(by, ""))}
}

// RequestIgnored says that a request does not match the present candidate.
func RequestIgnored(verb string, request *v1alpha1.Request, present string) Event {
	return Event{Warning: true, Reason: "RequestIgnored", Message: fmt.Sprintf("Ignored the request by %s to %s %s: %s",
		Who(request.By, ""), verb, workload.Short(request.Candidate), present)}
}

// Queued says that a candidate waits for other rollouts to end.
func Queued(hash, place string) Event {
	return Event{Reason: "Queued", Message: fmt.Sprintf("New template %s is held back: %s", workload.Short(hash), place)}
}

// VolumesOnOneNode says that the canary's pods can start on one node only.
func VolumesOnOneNode(claims []string) Event {
	return Event{Warning: true, Reason: "VolumesOnOneNode", Message: fmt.Sprintf("The canary mounts PersistentVolumeClaim %s (ReadWriteOnce): "+
		"its pods start only on the node on which the primary's pods use it, and both write to it", strings.Join(claims, ", "))}
}

// CanaryUnprotected says that policies that apply to the primary miss the canary.
func CanaryUnprotected(why string) Event {
	return Event{Warning: true, Reason: "PoliciesMissCanary", Message: why}
}

// PrimaryUnserved says that requests to the primary cannot be answered because its Service was changed with the template.
func PrimaryUnserved(why string) Event {
	return Event{Warning: true, Reason: "PrimaryUnserved", Message: why}
}

// PoliciesUnread says of which policies nobody knows whether they miss the canary.
func PoliciesUnread(why string) Event {
	return Event{Warning: true, Reason: "PoliciesUnread", Message: why}
}

// CanaryUnscraped says that monitors miss the canary.
func CanaryUnscraped(why string) Event {
	return Event{Warning: true, Reason: "MonitorsMissCanary", Message: why}
}

// PolicyAdvice says which part of the policy has no effect or hardly means what it says.
func PolicyAdvice(why string) Event {
	return Event{Warning: true, Reason: "PolicyAdvice", Message: why}
}

// listedRoutes is how many skipped routes an event names.
const listedRoutes = 5

// RoutesSkipped says which routes of other namespaces take no part in the rollout.
func RoutesSkipped(skipped []string) Event {
	more := ""
	if n := len(skipped) - listedRoutes; n > 0 {
		skipped, more = skipped[:listedRoutes], fmt.Sprintf("; and %d more", n)
	}
	return Event{Warning: true, Reason: "RoutesSkipped", Message: fmt.Sprintf(
		"Routes of other namespaces cannot be split, so all their requests go to the primary: %s%s", strings.Join(skipped, "; "), more)}
}
