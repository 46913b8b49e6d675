package workload

import (
	"time"

	"sluice.dev/sluice/config"
)

// DirectWay says by what right a pod template was changed without a canary.
type DirectWay string

const (
	// DirectBypass is a change under sluice.dev/bypass.
	DirectBypass DirectWay = "bypass"
	// DirectUnavailable is a change of a primary that served nobody.
	DirectUnavailable DirectWay = "unavailable"
	// DirectRestart is a restart under sluice.dev/restart: direct.
	DirectRestart DirectWay = "restart"
)

// Direct is a change of the pod template that went straight through. It lives in an annotation of the primary until the
// reconciler has told of it.
type Direct struct {
	// Hash is the KnownHash of the template.
	Hash string `json:"hash"`
	// How it was allowed, and Reason in a sentence.
	How    DirectWay `json:"how"`
	Reason string    `json:"reason,omitempty"`
	// By is the user of the request, At its time.
	By string    `json:"by,omitempty"`
	At time.Time `json:"at"`
}

// Encode returns the annotation's value.
func (d Direct) Encode() (string, error) { return encode(d) }

// DirectOf returns the direct change that annotations tell of, nil when there is none.
func DirectOf(annotations map[string]string) (*Direct, error) {
	value, set := annotations[config.AnnotationDirect]
	if !set {
		return nil, nil
	}
	var direct Direct
	if err := decode(value, &direct); err != nil {
		return nil, err
	}
	return &direct, nil
}

// KnownHash is the hash of what the types of this release know of the template: the one that a reader of typed objects
// finds.
func (t Template) KnownHash() string {
	pod, err := t.Pod()
	if err != nil {
		return t.Hash()
	}
	known, err := TemplateOf(pod)
	if err != nil {
		return t.Hash()
	}
	return known.Hash()
}

// restartedAt is the annotation that kubectl rollout restart sets.
const restartedAt = "kubectl.kubernetes.io/restartedAt"

// WithoutRestart is the template without the time of the last kubectl rollout restart.
func (t Template) WithoutRestart() Template {
	metadata, ok := t["metadata"].(map[string]any)
	if !ok {
		return t
	}
	annotations, ok := metadata["annotations"].(map[string]any)
	if !ok {
		return t
	}
	rest := cloneWithout(annotations, restartedAt)
	metadata = cloneWithout(metadata, "annotations")
	if len(rest) > 0 {
		metadata["annotations"] = rest
	}
	result := cloneWithout(t, "metadata")
	result["metadata"] = metadata
	return result
}

func cloneWithout(fields map[string]any, key string) map[string]any {
	kept := make(map[string]any, len(fields))
	for k, value := range fields {
		if k != key {
			kept[k] = value
		}
	}
	return kept
}
