package reconciler

import (
	"context"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/rollout"
)

// QueryFunc runs queries and returns one sample for each. A failed query gives a sample with an error. It runs outside of
// ticks, stops when its context ends, and sets its own time limit.
type QueryFunc func(ctx context.Context, queries []analysis.Query) []analysis.Sample

// mostRounds is how many rounds of checks run for one namespace at the same time. Others wait for their turn, so servers that
// never answer delay only their own namespace.
const mostRounds = 4

// samples runs the queries of checks outside of ticks. When a round is complete, it wakes the Canary, and the next tick judges
// the samples. Rounds live in memory only; after a restart they run again.
type samples struct {
	query QueryFunc
	woken chan event.GenericEvent

	mu      sync.Mutex
	rounds  map[types.NamespacedName]*round
	asking  map[string]int
	waiting map[string][]*round
}

// round is the latest round of one Canary.
type round struct {
	key     types.NamespacedName
	name    string
	queries []analysis.Query
	ctx     context.Context
	cancel  context.CancelFunc
	// asked is when its queries started.
	asked   time.Time
	done    bool
	samples []analysis.Sample
}

func newSamples(query QueryFunc) *samples {
	return &samples{query: query, woken: make(chan event.GenericEvent), rounds: map[types.NamespacedName]*round{},
		asking: map[string]int{}, waiting: map[string][]*round{}}
}

// answers returns the samples of the round that a tick needs, and when its queries started. It returns nil while the round is
// not complete.
func (s *samples) answers(key types.NamespacedName, needs rollout.Needs) ([]analysis.Sample, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.rounds[key]
	if len(needs.Queries) == 0 || last == nil || last.name != needs.Round || !last.done {
		return nil, time.Time{}
	}
	return last.samples, last.asked
}

// ask queues the round that a tick needs, once. It ends a round that the tick no longer needs or has observed: if the result of
// the tick cannot be written, the next tick asks for the samples again.
func (s *samples) ask(ctx context.Context, key types.NamespacedName, needs rollout.Needs, sampled time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.rounds[key]
	if last != nil && last.done && last.asked.Equal(sampled) {
		s.drop(last)
		return
	}
	if last != nil && (len(needs.Queries) == 0 || last.name != needs.Round) {
		s.drop(last)
		last = nil
	}
	if last == nil && len(needs.Queries) > 0 {
		s.enqueue(ctx, key, needs)
	}
}

// enqueue queues a round. The lock must be held.
func (s *samples) enqueue(ctx context.Context, key types.NamespacedName, needs rollout.Needs) {
	asked := &round{key: key, name: needs.Round, queries: needs.Queries}
	asked.ctx, asked.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.rounds[key] = asked
	s.waiting[key.Namespace] = append(s.waiting[key.Namespace], asked)
	s.next(key.Namespace)
}

// next starts as many rounds of a namespace as it may, in the order of the queue. The lock must be held.
func (s *samples) next(namespace string) {
	for s.asking[namespace] < mostRounds && len(s.waiting[namespace]) > 0 {
		first := s.waiting[namespace][0]
		s.waiting[namespace] = s.waiting[namespace][1:]
		s.asking[namespace]++
		first.asked = time.Now()
		go s.answer(first)
	}
	if len(s.waiting[namespace]) == 0 {
		delete(s.waiting, namespace)
	}
	if s.asking[namespace] == 0 {
		delete(s.asking, namespace)
	}
}

func (s *samples) answer(asked *round) {
	answers := s.query(asked.ctx, asked.queries)
	s.mu.Lock()
	asked.samples, asked.done = answers, true
	s.asking[asked.key.Namespace]--
	s.next(asked.key.Namespace)
	s.mu.Unlock()
	select {
	case s.woken <- wakeUp(asked.key):
	case <-asked.ctx.Done():
	}
}

// drop ends a round that no tick waits for. The lock must be held.
func (s *samples) drop(last *round) {
	last.cancel()
	delete(s.rounds, last.key)
	namespace := last.key.Namespace
	s.waiting[namespace] = slices.DeleteFunc(s.waiting[namespace], func(other *round) bool { return other == last })
	if len(s.waiting[namespace]) == 0 {
		delete(s.waiting, namespace)
	}
}

// forget ends the round of a Canary that is gone.
func (s *samples) forget(key types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := s.rounds[key]; last != nil {
		s.drop(last)
	}
}

// end ends all rounds.
func (s *samples) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, last := range s.rounds {
		s.drop(last)
	}
}
