package events

import (
	"fmt"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/rollout/observed"
)

// HookTold is the event of a post-rollout hook that was told of the end.
func HookTold(hook v1alpha1.Webhook, answer observed.HookAnswer) Event {
	if answer.Yes {
		return Event{Reason: "HookTold", Message: fmt.Sprintf("Notified hook %s (%s)", hook.Name, hook.Type)}
	}
	return Event{Warning: true, Reason: "HookFailed", Message: fmt.Sprintf("Hook %s (%s) failed: %s", hook.Name, hook.Type, answer.Message)}
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
