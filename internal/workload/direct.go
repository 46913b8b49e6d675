package workload

import (
	"fmt"
	"slices"
	"time"

	"sluice.dev/sluice/config"
)

// DirectWay says why a pod template was allowed to change without a canary.
type DirectWay string

const (
	// DirectBypass is a change under sluice.dev/bypass.
	DirectBypass DirectWay = "bypass"
	// DirectUnavailable is a change of a primary that had no available pods for a time, or was scaled to 0.
	DirectUnavailable DirectWay = "unavailable"
	// DirectRestart is a restart under sluice.dev/restart: direct.
	DirectRestart DirectWay = "restart"
	// DirectOptedOut is the request that opted out, and every change until the Deployment is opted in again.
	DirectOptedOut DirectWay = "opted-out"
	// DirectOptedIn is a change that came with the opt-in, or before it.
	DirectOptedIn DirectWay = "opted-in"
)

// directWays are all ways that admission records.
var directWays = []DirectWay{DirectBypass, DirectUnavailable, DirectRestart, DirectOptedOut, DirectOptedIn}

// Direct is a change of the pod template that was applied without a canary. It is stored in an annotation of the primary
// until the reconciler has reported it. Opting out is recorded even if the template stays, for as long as the Deployment is
// opted out.
type Direct struct {
	// Hash is the KnownHash of the template.
	Hash string `json:"hash"`
	// How is why the change was allowed. Reason says it in a sentence.
	How    DirectWay `json:"how"`
	Reason string    `json:"reason,omitempty"`
	// By is the user who made the request. At is when.
	By string    `json:"by,omitempty"`
	At time.Time `json:"at"`
}

// Encode returns the annotation's value.
func (d Direct) Encode() (string, error) { return encode(d) }

// DirectOf returns the direct change in the annotations, or nil if there is none.
func DirectOf(annotations map[string]string) (*Direct, error) {
	value := annotations[config.AnnotationDirect]
	if value == "" {
		return nil, nil
	}
	var direct Direct
	if err := decode(value, &direct); err != nil {
		return nil, err
	}
	if !slices.Contains(directWays, direct.How) {
		return nil, fmt.Errorf("must say how the change went through: one of %v", directWays)
	}
	return &direct, nil
}

// LeftOut says who sent a manifest without the opt-in together with another template. It is stored in an annotation of the
// primary while nobody asks for the opt-in.
type LeftOut struct {
	// By is the user who made the request, Manager its field manager, and At when it was made.
	By      string    `json:"by,omitempty"`
	Manager string    `json:"manager,omitempty"`
	At      time.Time `json:"at"`
}

// Encode returns the annotation's value.
func (l LeftOut) Encode() (string, error) { return encode(l) }

// LeftOutOf returns who left the opt-in out, or nil if nobody did.
func LeftOutOf(annotations map[string]string) (*LeftOut, error) {
	value := annotations[config.AnnotationLeftOut]
	if value == "" {
		return nil, nil
	}
	var left LeftOut
	if err := decode(value, &left); err != nil {
		return nil, err
	}
	return &left, nil
}

// KnownHash is the hash of those fields of the template that the types of this release have. A reader of typed objects gets
// the same hash.
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

// WithoutRestart returns the template without the time of the last kubectl rollout restart.
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
