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

// Template is a pod template as decoded JSON, so that fields which this release does not know survive.
type Template map[string]any

// UnmarshalJSON decodes whole numbers as such, as unstructured objects hold them.
func (t *Template) UnmarshalJSON(content []byte) error {
	var fields map[string]any
	if err := utiljson.Unmarshal(content, &fields); err != nil {
		return err
	}
	*t = fields
	return nil
}

// TemplateOf turns a typed pod template into a Template.
func TemplateOf(template corev1.PodTemplateSpec) (Template, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&template)
	if err != nil {
		return nil, fmt.Errorf("read pod template: %w", err)
	}
	return content, nil
}

// Pod is the typed pod template; fields that this release does not know are left out.
func (t Template) Pod() (corev1.PodTemplateSpec, error) {
	var template corev1.PodTemplateSpec
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(t, &template); err != nil {
		return template, fmt.Errorf("read pod template: %w", err)
	}
	return template, nil
}

// hashLength is how many hex digits of SHA-256 name a template.
const hashLength = 8

// Hash names a template by 8 hex digits of SHA-256 over its JSON with sorted keys and without nulls, so that it is
// the same in every release of sluice and Go, whatever fields they add to the types.
func (t Template) Hash() string {
	canonical, err := json.Marshal(pruned(map[string]any(t)))
	if err != nil {
		// JSON that was decoded can be encoded; a hash that equals no other keeps a promotion from matching by accident.
		canonical = []byte(err.Error())
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])[:hashLength]
}

// pruned leaves out nulls and empty lists, which mean the same as an absent field in a pod template. Empty maps stay: an
// empty namespaceSelector or emptyDir says something.
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

// Equal reports whether two templates mean the same: quantities by value, absent lists and maps as empty ones.
func Equal(a, b Template) bool { return ComparableOf(a).Equal(ComparableOf(b)) }

// Comparable is a template that is compared several times: what that needs is worked out once. The template must stay as
// it is.
type Comparable struct {
	Template
	hash func() string
	pod  func() (corev1.PodTemplateSpec, error)
}

// ComparableOf makes a template comparable.
func ComparableOf(template Template) Comparable {
	return Comparable{template, sync.OnceValue(template.Hash), sync.OnceValues(template.Pod)}
}

// Hash names the template, as Template.Hash does.
func (c Comparable) Hash() string { return c.hash() }

// Equal reports whether two templates mean the same, as the function Equal does.
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

// unknown is the part of a template that the types of this release do not have.
func unknown(t Template, pod corev1.PodTemplateSpec) Template {
	known, err := TemplateOf(pod)
	if err != nil {
		return t
	}
	rest, _ := without(map[string]any(t), map[string]any(known)).(map[string]any)
	return rest
}

// without keeps of a value what has no counterpart in known. Leaves that both have are dropped whatever they are: the
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
