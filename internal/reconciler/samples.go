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

// mostRoundsInAll is how many rounds run at the same time. Namespaces get their turns one after another.
const mostRoundsInAll = 32

// samples runs the queries of checks outside of ticks. When a round is complete, it wakes the Canary, and the next tick judges
// the samples. Rounds live in memory only; after a restart they run again.
type samples struct {
	query QueryFunc
	woken chan event.GenericEvent

	mu      sync.Mutex
	rounds  map[types.NamespacedName]*round
	asking  map[string]int
	waiting map[string][]*round
	// turns are the namespaces that wait, in the order of their turns.
	turns []string
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
	if !slices.Contains(s.turns, key.Namespace) {
		s.turns = append(s.turns, key.Namespace)
	}
	s.start()
}

// start starts as many rounds as may run, of one namespace after another. The lock must be held.
func (s *samples) start() {
	for s.running() < mostRoundsInAll {
		turn := slices.IndexFunc(s.turns, func(namespace string) bool { return s.asking[namespace] < mostRounds })
		if turn < 0 {
			return
		}
		namespace := s.turns[turn]
		first := s.waiting[namespace][0]
		s.unqueue(first)
		if i := slices.Index(s.turns, namespace); i >= 0 {
			s.turns = append(slices.Delete(s.turns, i, i+1), namespace)
		}
		s.asking[namespace]++
		first.asked = time.Now()
		go s.answer(first)
	}
}

// running returns how many rounds run. The lock must be held.
func (s *samples) running() int {
	n := 0
	for _, rounds := range s.asking {
		n += rounds
	}
	return n
}

// unqueue takes a round out of the queue, if it waits there. The lock must be held.
func (s *samples) unqueue(waits *round) {
	namespace := waits.key.Namespace
	s.waiting[namespace] = slices.DeleteFunc(s.waiting[namespace], func(other *round) bool { return other == waits })
	if len(s.waiting[namespace]) == 0 {
		delete(s.waiting, namespace)
		s.turns = slices.DeleteFunc(s.turns, func(other string) bool { return other == namespace })
	}
}

func (s *samples) answer(asked *round) {
	answers := s.query(asked.ctx, asked.queries)
	s.mu.Lock()
	asked.samples, asked.done = answers, true
	if s.asking[asked.key.Namespace]--; s.asking[asked.key.Namespace] == 0 {
		delete(s.asking, asked.key.Namespace)
	}
	s.start()
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
	s.unqueue(last)
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
