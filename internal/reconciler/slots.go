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

// slots knows which rollouts have a place before the cache does, because the cache shows a written state a moment later. Only
// one process reconciles, so nothing else takes places.
type slots struct {
	// queue is locked while a rollout observes and decides whether it takes a place.
	queue sync.Mutex

	mu    sync.Mutex
	taken map[types.NamespacedName]bool
	// returning are the rollouts that would take the place again that they have given back.
	returning kept[bool]
}

func (s *slots) set(key types.NamespacedName, has bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken == nil {
		s.taken = map[types.NamespacedName]bool{}
	}
	s.taken[key] = has
}

func (s *slots) forget(key types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.taken, key)
	s.returning.forget(key)
}

// holds reports whether the rollout has a place by the decision of this process.
func (s *slots) holds(key types.NamespacedName) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken[key]
}

// has reports whether a rollout has a place: by the decision of this process, else by the cache.
func (s *slots) has(key types.NamespacedName, cached observed.State) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if has, known := s.taken[key]; known {
		return has
	}
	return observed.HasPlace(cached)
}

// elsewhere returns the rollouts with a place whose Canary the cache does not show yet.
func (s *slots) elsewhere(shown map[types.NamespacedName]bool) []types.NamespacedName {
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []types.NamespacedName
	for key, has := range s.taken {
		if has && !shown[key] {
			keys = append(keys, key)
		}
	}
	return keys
}

// turnRetry is how long a rollout waits while another one decides.
const turnRetry = 100 * time.Millisecond

// turn is what a tick may do about places.
type turn struct {
	// end lets others decide.
	end func()
	// takes is whether the tick may take a place.
	takes bool
}

// takeTurn locks the queue for a rollout that may take a place. Other ticks need no lock. It does not wait for the lock, because a
// tick may read for seconds and open rollouts need the workers.
func (r *Reconciler) takeTurn(of subjects) (t turn, free bool) {
	if !r.mayTake(of) {
		return turn{end: func() {}}, true
	}
	if !r.memory.slots.queue.TryLock() {
		return turn{}, false
	}
	r.memory.slots.returning.forget(of.key)
	return turn{end: sync.OnceFunc(r.memory.slots.queue.Unlock), takes: true}, true
}

// mayTake reports whether a tick may take a place that its Deployment does not have yet. A rollout that has given its place back is
// watched without the lock, because its canary may get requests. Only once a tick finds that it goes on, the next one takes the
// lock.
func (r *Reconciler) mayTake(of subjects) bool {
	slots := &r.memory.slots
	switch {
	case !r.options.Limits.Any() || of.canary == nil || of.primary == nil || slots.holds(of.key):
		return false
	case of.canary.Status.Open().PlaceGivenBack != nil:
		returns, _ := slots.returning.get(of.key)
		return returns
	}
	return of.primary.Annotations[config.AnnotationCandidate] != ""
}

// needsTurn reports whether a plan goes on with a rollout that has given its place back, in a tick that may not take one. It notes
// that for the next tick. Nothing that takes requests away from the canary needs a place.
func (r *Reconciler) needsTurn(of turn, o reading, p plan.Plan) bool {
	before := o.canary.Status
	if of.takes || !r.options.Limits.Any() || before.Gate != nil || before.Open().PlaceGivenBack == nil ||
		!observed.Judging(p.Next) || !observed.HasPlace(p.Next) {
		return false
	}
	r.memory.slots.returning.put(o.Key(), true)
	return true
}

// takeSlot takes the place of a rollout before the next candidate looks. If the state cannot be written, the next tick takes the
// place again or gives it back.
func (r *Reconciler) takeSlot(key types.NamespacedName, p plan.Plan) {
	if r.options.Limits.Any() && observed.HasPlace(p.Next) {
		r.memory.slots.set(key, true)
	}
}

// settleSlot gives a place back once a state is written that needs none, and wakes the next in the queue.
func (r *Reconciler) settleSlot(ctx context.Context, canary *v1alpha1.Canary, p plan.Plan) {
	key := client.ObjectKeyFromObject(canary)
	if !r.options.Limits.Any() || observed.HasPlace(p.Next) || !r.memory.slots.has(key, canary.Status) {
		return
	}
	r.memory.slots.set(key, false)
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
