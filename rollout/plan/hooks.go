package plan

import "sluice.dev/sluice/api/v1alpha1"

// HookCall asks or tells one hook something.
type HookCall struct {
	Hook v1alpha1.Webhook
	// Question is the same as long as the same thing is asked: an answer to another question does not count.
	Question string
	Payload  HookPayload
}

// HookPayload is what a hook is sent, as JSON. The names are those of Flagger.
type HookPayload struct {
	// Name and Namespace are those of the Deployment.
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	// Phase of the rollout.
	Phase v1alpha1.Phase `json:"phase"`
	// Checksum is the same for all that is asked about one attempt of one candidate.
	Checksum string `json:"checksum"`
	// Metadata are those of the hook; for a hook of type event also eventMessage, eventType and timestamp in milliseconds.
	Metadata map[string]string `json:"metadata,omitempty"`
}
