package workload

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// Template is a pod template as decoded JSON, so that fields that this release does not know survive.
type Template map[string]any

// UnmarshalJSON decodes whole numbers as integers, like unstructured objects.
func (t *Template) UnmarshalJSON(content []byte) error {
	var fields map[string]any
	if err := utiljson.Unmarshal(content, &fields); err != nil {
		return err
	}
	*t = fields
	return nil
}

// TemplateOf converts a typed pod template.
func TemplateOf(template corev1.PodTemplateSpec) (Template, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&template)
	if err != nil {
		return nil, fmt.Errorf("read pod template: %w", err)
	}
	return content, nil
}

// Pod returns the typed pod template. It leaves out fields that this release does not know.
func (t Template) Pod() (corev1.PodTemplateSpec, error) {
	var template corev1.PodTemplateSpec
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(t, &template); err != nil {
		return template, fmt.Errorf("read pod template: %w", err)
	}
	return template, nil
}

// Hash returns SHA-256 over the template's JSON with sorted keys and without nulls, as 64 hex digits. It is the same in every
// release of Sluice and Go, even if a release adds fields to the types.
func (t Template) Hash() string {
	canonical, err := json.Marshal(pruned(map[string]any(t)))
	if err != nil {
		// Decoded JSON can always be encoded. A hash that equals no other prevents an accidental promotion.
		canonical = []byte(err.Error())
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])
}

// pruned removes nulls and empty lists, which mean the same as an absent field in a pod template. Empty maps stay: an empty
// namespaceSelector or emptyDir has a meaning.
func pruned(value any) any {
	switch v := value.(type) {
	case map[string]any:
		kept := make(map[string]any, len(v))
		for key, item := range v {
			if item = pruned(item); item != nil {
				kept[key] = item
			}
		}
		return kept
	case []any:
		if len(v) == 0 {
			return nil
		}
		kept := make([]any, len(v))
		for i, item := range v {
			kept[i] = pruned(item)
		}
		return kept
	}
	return value
}

// Equal reports whether two templates mean the same. It compares quantities by value and treats absent lists and maps as
// empty.
func Equal(a, b Template) bool { return ComparableOf(a).Equal(ComparableOf(b)) }

// Comparable is a template that is compared several times. It computes what a comparison needs only once, so the template
// must not change.
type Comparable struct {
	Template
	hash func() string
	pod  func() (corev1.PodTemplateSpec, error)
}

// ComparableOf makes a template comparable.
func ComparableOf(template Template) Comparable {
	return Comparable{template, sync.OnceValue(template.Hash), sync.OnceValues(template.Pod)}
}

// Hash returns the template's hash, like Template.Hash.
func (c Comparable) Hash() string { return c.hash() }

// Equal reports whether two templates mean the same, like the function Equal.
func (c Comparable) Equal(other Comparable) bool {
	if c.hash() == other.hash() {
		return true
	}
	pod, err := c.pod()
	otherPod, otherErr := other.pod()
	if err != nil || otherErr != nil {
		return false
	}
	return equality.Semantic.DeepEqual(pod, otherPod) && unknown(c.Template, pod).Hash() == unknown(other.Template, otherPod).Hash()
}

// unknown returns the part of a template that the types of this release do not have.
func unknown(t Template, pod corev1.PodTemplateSpec) Template {
	known, err := TemplateOf(pod)
	if err != nil {
		return t
	}
	rest, _ := without(map[string]any(t), map[string]any(known)).(map[string]any)
	return rest
}

// without returns the part of a value that known does not have. It drops leaves that both have, even if they differ: the
// typed comparison has judged them.
func without(value, known any) any {
	switch v := value.(type) {
	case map[string]any:
		other, ok := known.(map[string]any)
		if !ok {
			return pruned(v)
		}
		kept := map[string]any{}
		for key, item := range v {
			if rest := without(item, other[key]); !empty(rest) {
				kept[key] = rest
			}
		}
		return kept
	case []any:
		other, ok := known.([]any)
		if !ok || len(other) != len(v) {
			return pruned(v)
		}
		kept := make([]any, 0, len(v))
		for i, item := range v {
			if rest := without(item, other[i]); !empty(rest) {
				kept = append(kept, rest)
			}
		}
		return kept
	}
	if known != nil {
		return nil
	}
	return value
}

func empty(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	case string:
		return v == ""
	}
	return false
}

// Size estimates how many bytes of memory the template takes.
func (t Template) Size() int { return sizeOf(map[string]any(t)) }

// A map of up to eight fields takes as much as one with eight.
const (
	sizeOfMap  = 48
	sizeOfSlot = 40
	slots      = 8
)

func sizeOf(value any) int {
	const sizeOfInterface = 16
	switch v := value.(type) {
	case map[string]any:
		size := sizeOfMap + (len(v)+slots-1)/slots*slots*sizeOfSlot
		for key, item := range v {
			size += len(key) + sizeOf(item)
		}
		return size
	case []any:
		size := (len(v) + 2) * sizeOfInterface
		for _, item := range v {
			size += sizeOf(item)
		}
		return size
	case string:
		return len(v) + sizeOfInterface
	}
	return sizeOfInterface / 2
}
