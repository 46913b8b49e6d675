package reconciler

import (
	"slices"
	"sync"
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"sluice.dev/sluice/rollout/observed"
)

const (
	// parallelTicks is how many ticks run at the same time.
	parallelTicks = 8
	// mostOfOne is how many of them may be of one namespace, so that no tenant keeps the others waiting.
	mostOfOne = parallelTicks / 2
	// mostCalm is how many may be of rollouts whose canary gets no requests. The rest is always free for those that are exposed.
	mostCalm = parallelTicks - 2
	// restPeriod is how often a Canary without an open rollout ticks at most because other objects change.
	restPeriod = time.Second
)

// turns is the queue of ticks. The most urgent come first, in the order in which they were asked for. A request that may not run
// yet is set aside until a tick ends.
type turns struct {
	priorityqueue.PriorityQueue[reconcile.Request]
	urgencies *urgencies
	now       func() time.Time

	mu sync.Mutex
	// running are the urgencies of the ticks that run.
	running map[reconcile.Request]observed.Urgency
	aside   []reconcile.Request
	// began is when the last tick of each Canary began that is known. It is kept for the rest period only.
	began map[reconcile.Request]time.Time
}

// turnsOf returns how to make the queue of a controller.
func turnsOf(u *urgencies) func(string, workqueue.TypedRateLimiter[reconcile.Request]) workqueue.TypedRateLimitingInterface[reconcile.Request] {
	return func(name string, limiter workqueue.TypedRateLimiter[reconcile.Request]) workqueue.TypedRateLimitingInterface[reconcile.Request] {
		return newTurns(u, priorityqueue.New(name, func(o *priorityqueue.Opts[reconcile.Request]) { o.RateLimiter = limiter }))
	}
}

func newTurns(u *urgencies, queue priorityqueue.PriorityQueue[reconcile.Request]) *turns {
	return &turns{PriorityQueue: queue, urgencies: u, now: time.Now,
		running: map[reconcile.Request]observed.Urgency{}, began: map[reconcile.Request]time.Time{}}
}

// Add asks for a tick because another object has changed.
func (t *turns) Add(item reconcile.Request) {
	t.AddWithOpts(priorityqueue.AddOpts{}, item)
}

// AddAfter asks for a tick after a time.
func (t *turns) AddAfter(item reconcile.Request, after time.Duration) {
	t.AddWithOpts(priorityqueue.AddOpts{After: after}, item)
}

// AddRateLimited asks for a tick after one that has failed.
func (t *turns) AddRateLimited(item reconcile.Request) {
	t.AddWithOpts(priorityqueue.AddOpts{RateLimited: true}, item)
}

// AddWithOpts asks for ticks. The state of the rollout says how urgent they are. A priority in the options raises that for a
// change that concerns the Canary itself, but not for a tick that comes back after a time.
func (t *turns) AddWithOpts(o priorityqueue.AddOpts, items ...reconcile.Request) {
	returns := o.After > 0 || o.RateLimited
	for _, item := range items {
		urgency, opts := t.urgencies.of(item.NamespacedName), o
		if o.Priority != nil && !returns {
			urgency = max(urgency, observed.Urgency(*o.Priority))
		}
		if urgency == observed.AtRest && !returns {
			opts.After = t.rest(item)
		}
		opts.Priority = new(int(urgency))
		t.PriorityQueue.AddWithOpts(opts, item)
	}
}

// rest is how long a Canary at rest still rests after its last tick.
func (t *turns) rest(item reconcile.Request) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	began, known := t.began[item]
	if !known {
		return 0
	}
	return max(0, restPeriod-t.now().Sub(began))
}

// GetWithPriority waits for the next request that may run.
func (t *turns) GetWithPriority() (item reconcile.Request, priority int, shutdown bool) {
	for {
		item, priority, shutdown = t.PriorityQueue.GetWithPriority()
		if shutdown || t.begin(item, observed.Urgency(priority)) {
			return item, priority, shutdown
		}
		t.PriorityQueue.Done(item)
	}
}

// Get waits for the next request that may run.
func (t *turns) Get() (item reconcile.Request, shutdown bool) {
	item, _, shutdown = t.GetWithPriority()
	return item, shutdown
}

// begin notes that a tick runs, or sets its request aside and returns false.
func (t *turns) begin(item reconcile.Request, urgency observed.Urgency) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.fits(item, urgency) {
		if !slices.Contains(t.aside, item) {
			t.aside = append(t.aside, item)
		}
		return false
	}
	t.running[item] = urgency
	t.aside = slices.DeleteFunc(t.aside, func(waiting reconcile.Request) bool { return waiting == item })
	now := t.now()
	t.began[item] = now
	if len(t.began) > mostBegan {
		t.forgetBegan(now)
	}
	return true
}

// mostBegan is how many beginnings are kept before those that no longer matter are dropped.
const mostBegan = 1024

func (t *turns) forgetBegan(now time.Time) {
	for item, began := range t.began {
		if now.Sub(began) >= restPeriod {
			delete(t.began, item)
		}
	}
}

// fits reports whether a tick may run beside those that run.
func (t *turns) fits(item reconcile.Request, urgency observed.Urgency) bool {
	ofOne, calm := 0, 0
	for other, theirs := range t.running {
		if other.Namespace == item.Namespace {
			ofOne++
		}
		if theirs < observed.Exposed {
			calm++
		}
	}
	return ofOne < mostOfOne && (urgency >= observed.Exposed || calm < mostCalm)
}

// Done ends a tick and brings back the most urgent request that may run in its place.
func (t *turns) Done(item reconcile.Request) {
	t.PriorityQueue.Done(item)
	if next, found := t.end(item); found {
		t.PriorityQueue.AddWithOpts(priorityqueue.AddOpts{Priority: new(int(t.urgencies.of(next.NamespacedName)))}, next)
	}
}

func (t *turns) end(item reconcile.Request) (next reconcile.Request, found bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.running, item)
	at, best := -1, observed.AtRest-1
	for i, waiting := range t.aside {
		urgency := t.urgencies.of(waiting.NamespacedName)
		if _, runs := t.running[waiting]; urgency > best && !runs && t.fits(waiting, urgency) {
			at, best = i, urgency
		}
	}
	if at < 0 {
		return next, false
	}
	next = t.aside[at]
	t.aside = slices.Delete(t.aside, at, at+1)
	return next, true
}
