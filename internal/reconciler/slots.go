package reconciler

import (
	"context"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
	"sluice.dev/sluice/rollout/queue"
)

// slots knows which rollouts are open before the cache does, because the cache shows a written state a moment later. Only one
// process reconciles, so nothing else opens rollouts.
type slots struct {
	// queue is locked while a candidate observes and decides whether it starts.
	queue sync.Mutex

	mu    sync.Mutex
	taken map[types.NamespacedName]bool
}

func (s *slots) set(key types.NamespacedName, open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken == nil {
		s.taken = map[types.NamespacedName]bool{}
	}
	s.taken[key] = open
}

func (s *slots) forget(key types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.taken, key)
}

// holds reports whether this process has opened the rollout.
func (s *slots) holds(key types.NamespacedName) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken[key]
}

// open reports whether a rollout is open: by the decision of this process, else by the cache.
func (s *slots) open(key types.NamespacedName, cached observed.State) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if open, known := s.taken[key]; known {
		return open
	}
	return observed.Active(cached)
}

// openElsewhere returns the open rollouts whose Canary the cache does not show yet.
func (s *slots) openElsewhere(shown map[types.NamespacedName]bool) []types.NamespacedName {
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []types.NamespacedName
	for key, open := range s.taken {
		if open && !shown[key] {
			keys = append(keys, key)
		}
	}
	return keys
}

// turnRetry is how long a candidate waits while another one decides.
const turnRetry = 100 * time.Millisecond

// lockQueue locks the queue for a candidate that may start. Other ticks need no lock. It does not wait for the lock, because a
// candidate may read for seconds and open rollouts need the workers.
func (r *Reconciler) lockQueue(of subjects) (unlock func(), locked bool) {
	if !r.mayStart(of) {
		return func() {}, true
	}
	if !r.memory.slots.queue.TryLock() {
		return nil, false
	}
	return sync.OnceFunc(r.memory.slots.queue.Unlock), true
}

// mayStart reports whether a tick may take a slot that its Deployment does not have yet.
func (r *Reconciler) mayStart(of subjects) bool {
	return r.options.Limits.Any() && of.canary != nil && of.primary != nil && of.primary.Annotations[config.AnnotationCandidate] != "" &&
		!r.memory.slots.holds(of.key)
}

// takeSlot takes the slot of a rollout before the next candidate looks. If the state cannot be written, the next tick takes the
// slot again or gives it back.
func (r *Reconciler) takeSlot(key types.NamespacedName, p plan.Plan) {
	if r.options.Limits.Any() && observed.Active(p.Next) {
		r.memory.slots.set(key, true)
	}
}

// settleSlot gives a slot back once a state without an open rollout is written, and wakes the next in the queue.
func (r *Reconciler) settleSlot(ctx context.Context, canary *v1alpha1.Canary, p plan.Plan) {
	key := client.ObjectKeyFromObject(canary)
	switch {
	case !r.options.Limits.Any():
		return
	case observed.Active(p.Next):
		// A place that is given back is free once the state says so.
		if p.Next.Open().PlaceGivenBack == nil || canary.Status.Open().PlaceGivenBack != nil {
			return
		}
	case !r.memory.slots.open(key, canary.Status):
		return
	default:
		r.memory.slots.set(key, false)
	}
	peers, err := r.peersIn(ctx, metav1.NamespaceAll)
	if err != nil {
		// The queue also looks again by itself.
		ctrl.LoggerFrom(ctx).Error(err, "wake the next rollout")
		return
	}
	for _, next := range queue.Next(peers, r.options.Limits, time.Now()) {
		select {
		case r.wake <- wakeUp(next):
		default:
		}
	}
}
