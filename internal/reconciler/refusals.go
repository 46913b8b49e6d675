package reconciler

import (
	"errors"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/internal/workload"
)

// refusals remembers of which candidates the API server refuses the canary as invalid. Losing that costs one more attempt to
// create it.
type refusals struct {
	mu sync.Mutex
	of map[types.NamespacedName]refusal
}

// refusal is what the API server says of one candidate.
type refusal struct {
	candidate workload.ID
	text      string
}

// note remembers the result of a write of the canary's Deployment.
func (r *refusals) note(key types.NamespacedName, candidate *workload.Candidate, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if candidate == nil || !apierrors.IsInvalid(err) || isForAnother(err) {
		delete(r.of, key)
		return
	}
	if r.of == nil {
		r.of = map[types.NamespacedName]refusal{}
	}
	text := err.Error()
	if status := apierrors.APIStatus(nil); errors.As(err, &status) {
		text = status.Status().Message
	}
	r.of[key] = refusal{candidate.ID(), text}
}

// get returns what the API server says of the canary of a candidate. It is empty if it does not refuse it.
func (r *refusals) get(key types.NamespacedName, candidate *workload.Candidate) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, refused := r.of[key]; refused && candidate != nil && known.candidate.Is(candidate.ID()) {
		return known.text
	}
	return ""
}

func (r *refusals) forget(key types.NamespacedName) { r.note(key, nil, nil) }
