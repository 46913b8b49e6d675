package reconciler

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// kept remembers a value of each Canary that has one. Ticks share it. A restart loses it.
type kept[T any] struct {
	mu sync.Mutex
	of map[types.NamespacedName]T
}

// get returns the value of a Canary, and whether it has one.
func (k *kept[T]) get(key types.NamespacedName) (value T, has bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	value, has = k.of[key]
	return value, has
}

func (k *kept[T]) put(key types.NamespacedName, value T) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.of == nil {
		k.of = map[types.NamespacedName]T{}
	}
	k.of[key] = value
}

func (k *kept[T]) forget(key types.NamespacedName) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.of, key)
}
