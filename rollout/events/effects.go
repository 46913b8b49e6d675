package events

import (
	"fmt"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

// HookTold says how a post-rollout hook answered the end of a rollout.
func HookTold(hook v1alpha1.Webhook, answer observed.HookAnswer) Event {
	if answer.Yes {
		return Event{Reason: "HookTold", Message: fmt.Sprintf("Notified hook %s (%s)", hook.Name, hook.Type)}
	}
	return Event{Warning: true, Reason: "HookFailed", Message: fmt.Sprintf("Hook %s (%s) failed: %s", hook.Name, hook.Type, answer.Message)}
}

// AskRejected says that the API server rejects a promotion, or another change asked of admission. The cause is mostly
// another webhook or a policy.
func AskRejected(key, hash string, err error) Event {
	return Event{Warning: true, Reason: "AskRejected", Message: fmt.Sprintf(
		"The API server rejects %s of %s; retrying until the progress deadline: %v", key, workload.Short(hash), err)}
}

// CanaryRejected says that something forbids the canary, such as a quota, for now. A canary whose Deployment is invalid is
// rolled back.
func CanaryRejected(err error) Event {
	return Event{Warning: true, Reason: "CanaryRejected", Message: fmt.Sprintf(
		"The API server rejects the canary; retrying until the progress deadline: %v", err)}
}

// Limited says that a Canary has had so many events that repeats are dropped from now on.
func Limited(most int, until time.Time) Event {
	return Event{Warning: true, Reason: "EventsLimited", Message: fmt.Sprintf(
		"%d events within an hour: until %s only the first event of each kind is recorded", most, ClockTime(until))}
}

// Dropped says how many events of a Canary were dropped.
func Dropped(dropped int, from, to time.Time) Event {
	return Event{Warning: true, Reason: "EventsDropped", Message: fmt.Sprintf(
		"%d events between %s and %s were not recorded: there were too many", dropped, ClockTime(from), ClockTime(to))}
}
