package plan

import "sluice.dev/sluice/api/v1alpha1"

// HookCall is one call of a hook.
type HookCall struct {
	Hook v1alpha1.Webhook
	// Question identifies what is asked. An answer to another question does not count.
	Question string
	Payload  HookPayload
}

// HookPayload is the JSON that a hook receives. Its names are those of Flagger.
type HookPayload struct {
	// Name and Namespace are those of the Deployment.
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	// Phase of the rollout.
	Phase v1alpha1.Phase `json:"phase"`
	// Checksum is the same in all calls about one attempt of one candidate.
	Checksum string `json:"checksum"`
	// Metadata is that of the hook. A hook of type event also gets eventMessage, eventType and timestamp in milliseconds.
	Metadata map[string]string `json:"metadata,omitempty"`
}
