package reconciler

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/rollout/observed"
)

// written remembers what was last written to each canary. After a restart nothing is known, and the template is written again.
type written struct {
	mu sync.Mutex
	of map[types.NamespacedName]observed.Written
}

// get returns what was last written to the canary of a Deployment, or nil if nothing was.
func (w *written) get(key types.NamespacedName) *observed.Written {
	w.mu.Lock()
	defer w.mu.Unlock()
	last, known := w.of[key]
	if !known {
		return nil
	}
	return &last
}

func (w *written) put(key types.NamespacedName, last observed.Written) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of == nil {
		w.of = map[types.NamespacedName]observed.Written{}
	}
	w.of[key] = last
}

func (w *written) forget(key types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.of, key)
}
