package reconciler

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// blinking is how long ticks of a Canary may fail to read what they decide by until that counts as a break.
const blinking = 10 * time.Second

// attention knows since when ticks have looked at each Canary without a break. It lives in memory only: a process that has just
// taken the lease begins to look, and so does one whose API server was away, because that costs it the lease.
type attention struct {
	mu sync.Mutex
	// since is when the ticks of a Canary began to look. blind is when they began to fail.
	since, blind map[types.NamespacedName]time.Time
}

// looked notes a tick that has read everything, and returns since when ticks have. A clock that is set back takes that back,
// too.
func (a *attention) looked(key types.NamespacedName, now time.Time) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.since == nil {
		a.since = map[types.NamespacedName]time.Time{}
	}
	// Stamps in a status have no monotonic part.
	now = now.Round(0)
	since, known := a.since[key]
	failing, blind := a.blind[key]
	if !known || since.After(now) || blind && now.Sub(failing) >= blinking {
		since = now
	}
	delete(a.blind, key)
	a.since[key] = since
	return since
}

// failed notes a tick that could not read everything.
func (a *attention) failed(key types.NamespacedName, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.blind == nil {
		a.blind = map[types.NamespacedName]time.Time{}
	}
	if _, blind := a.blind[key]; !blind {
		a.blind[key] = now.Round(0)
	}
}

func (a *attention) forget(key types.NamespacedName) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.since, key)
	delete(a.blind, key)
}
