package reconciler

import (
	"slices"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/config"
)

// mostRecords is how many bytes the decoded records may take together. What does not fit is decoded in every tick.
const mostRecords = 32 << 20

// records keeps the decoded annotations of Deployments, because few change between two ticks. Nothing changes a decoded record
// in place, so ticks can share them.
type records struct {
	mu    sync.Mutex
	known map[types.NamespacedName]decodedRecord
	// size is the size of all that is known, in bytes.
	size int
}

// decodedRecord is what was decoded from the annotations of one Deployment.
type decodedRecord struct {
	texts []string
	held  held
	size  int
}

// of returns what admission has written to a Deployment, or nothing if there is none.
func (r *records) of(primary *appsv1.Deployment) held {
	if primary == nil {
		return held{}
	}
	key, texts := client.ObjectKeyFromObject(primary), make([]string, 0, 4)
	for _, name := range config.RecordKeys() {
		texts = append(texts, primary.Annotations[name])
	}
	r.mu.Lock()
	known, has := r.known[key]
	r.mu.Unlock()
	if has && slices.Equal(known.texts, texts) {
		return known.held
	}
	found := heldBy(primary)
	r.keep(key, decodedRecord{texts: texts, held: found, size: sizeOf(texts, found)})
	return found
}

// sizeOf estimates the memory that a record takes, in bytes.
func sizeOf(texts []string, found held) int {
	size := 0
	for _, text := range texts {
		size += len(text)
	}
	if found.candidate != nil {
		size += found.candidate.Template.Size()
	}
	if found.previous != nil {
		size += found.previous.Template.Size()
	}
	return size
}

// keep makes room for a record. Which others it forgets is random, so that no order of ticks makes all of them miss.
func (r *records) keep(key types.NamespacedName, one decodedRecord) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(key)
	for other := range r.known {
		if r.size+one.size <= mostRecords {
			break
		}
		r.drop(other)
	}
	if r.known == nil {
		r.known = map[types.NamespacedName]decodedRecord{}
	}
	r.known[key] = one
	r.size += one.size
}

// drop forgets a record. The lock must be held.
func (r *records) drop(key types.NamespacedName) {
	r.size -= r.known[key].size
	delete(r.known, key)
}

// forget drops the record of a Canary that is gone.
func (r *records) forget(key types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(key)
}
