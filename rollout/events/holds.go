package events

import (
	"fmt"
	"strings"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
)

// Paused says that the rollout takes no more steps.
func Paused(why string) Event {
	return Event{Reason: "Paused", Message: "No step starts: " + why}
}

// Resumed says that the rollout takes steps again.
func Resumed() Event {
	return Event{Reason: "Resumed", Message: "Steps continue"}
}

// PlaceGivenBack says that a rollout that is held no longer keeps others from starting.
func PlaceGivenBack(after time.Duration) Event {
	return Event{Reason: "PlaceGivenBack", Message: fmt.Sprintf("Held for %s: others may start in its place; it waits for a place when it goes on", after)}
}

// PlaceAwaited says that a rollout that has given its place back waits for another one.
func PlaceAwaited(where string) Event {
	return Event{Reason: "PlaceAwaited", Message: "Takes no step: " + where}
}

// PlaceTaken says that a rollout that had given its place back has one again.
func PlaceTaken() Event {
	return Event{Reason: "PlaceTaken", Message: "Has a place again; steps continue"}
}

// Frozen says that a Freeze starts to hold the rollout.
func Frozen(why string) Event {
	return Event{Reason: "Frozen", Message: "Waits: " + why}
}

// Unfrozen says that no Freeze holds the rollout any more.
func Unfrozen() Event {
	return Event{Reason: "Unfrozen", Message: "No Freeze is in force anymore"}
}

// GateReached says that hooks must approve before the rollout continues.
func GateReached(gate v1alpha1.HookType, hooks []v1alpha1.Webhook) Event {
	names := make([]string, 0, len(hooks))
	for _, hook := range hooks {
		names = append(names, hook.Name)
	}
	return Event{Reason: "GateReached", Message: fmt.Sprintf("Waiting for the %s hooks to approve: %s", gate, strings.Join(names, ", "))}
}

// MemberBlocked says that a group waits for a member that cannot start.
func MemberBlocked(group, blocked string) Event {
	return Event{Warning: true, Reason: "GroupBlocked", Message: fmt.Sprintf(
		"Group %s waits for %s; if this lasts until the progress deadline, the group is rolled back", group, blocked)}
}
