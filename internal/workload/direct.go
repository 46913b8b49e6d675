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
// until the reconciler has reported it. Opting out is recorded even if the template stays, at least for as long as the Deployment
// is opted out.
type Direct struct {
	// Hash is the KnownHash of the template.
	Hash string `json:"hash"`
	// How is why the change was allowed. Reason says it in a sentence.
	How    DirectWay `json:"how"`
	Reason string    `json:"reason,omitempty"`
	// By is the user who made the request. At is when.
	By string    `json:"by,omitempty"`
	At time.Time `json:"at"`
	// Dropped is how many changes before this one the record had no room for.
	Dropped int32 `json:"dropped,omitempty"`
}

// MostDirects is how many direct changes are recorded while the reconciler reports none. The history has room for all of them.
const MostDirects = 8

// Directs are the direct changes that the reconciler has not settled, the oldest first.
type Directs []Direct

// Encode returns the annotation's value.
func (d Directs) Encode() (string, error) { return encode(d) }

// Last is the latest change; nil if there is none.
func (d Directs) Last() *Direct {
	if len(d) == 0 {
		return nil
	}
	return &d[len(d)-1]
}

// With returns the changes and another one. Without room for all of them, the oldest go, and the oldest that stays counts them.
func (d Directs) With(change Direct) Directs {
	all := append(slices.Clone(d), change)
	for len(all) > MostDirects {
		all[1].Dropped += all[0].Dropped + 1
		all = all[1:]
	}
	return all
}

// After returns the changes after the one with this ID; all of them if it is not among them.
func (d Directs) After(id ID) Directs {
	return d[1+slices.IndexFunc(d, func(change Direct) bool { return change.ID().Is(id) }):]
}

// DirectsOf returns the direct changes in the annotations, the last MostDirects of them. An error says what cannot be read.
func DirectsOf(annotations map[string]string) (Directs, error) {
	value := annotations[config.AnnotationDirect]
	if value == "" {
		return nil, nil
	}
	var directs Directs
	if err := decode(value, &directs); err != nil {
		return nil, err
	}
	directs = directs[max(0, len(directs)-MostDirects):]
	for _, direct := range directs {
		if !slices.Contains(directWays, direct.How) {
			return nil, fmt.Errorf("must say how the change went through: one of %v", directWays)
		}
	}
	return directs, nil
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
