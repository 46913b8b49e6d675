package reconciler

import (
	"context"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/event"
)

// mostRounds is how many rounds of a kind run for one namespace at the same time. Others wait for their turn, so servers that
// never answer delay only their own namespace.
const mostRounds = 4

// mostRoundsInAll is how many rounds of a kind run at the same time. Namespaces get their turns one after another.
const mostRoundsInAll = 32

// rounds runs the questions of ticks outside of them. When a round is complete, it wakes the Canary, and the next tick observes the
// answer. Rounds live in memory only; after a restart they run again.
type rounds[Q, A any] struct {
	query func(context.Context, Q) A
	woken chan event.GenericEvent

	mu      sync.Mutex
	rounds  map[types.NamespacedName]*round[Q, A]
	asking  map[string]int
	waiting map[string][]*round[Q, A]
	// turns are the namespaces that wait, in the order of their turns.
	turns []string
}

// need is what a tick needs of a round. Its zero value needs nothing.
type need[Q any] struct {
	// name identifies the round; empty for none. The questions of a round may differ a little.
	name     string
	question Q
}

// round is the latest round of one Canary.
type round[Q, A any] struct {
	need[Q]
	key    types.NamespacedName
	ctx    context.Context
	cancel context.CancelFunc
	// asked is when its queries started.
	asked  time.Time
	done   bool
	answer A
}

func newRounds[Q, A any](query func(context.Context, Q) A) *rounds[Q, A] {
	return &rounds[Q, A]{query: query, woken: make(chan event.GenericEvent), rounds: map[types.NamespacedName]*round[Q, A]{},
		asking: map[string]int{}, waiting: map[string][]*round[Q, A]{}}
}

// answers returns the answer of the round that a tick needs, and when its queries started. It is false while the round is not
// complete.
func (s *rounds[Q, A]) answers(key types.NamespacedName, needs need[Q]) (answer A, asked time.Time, done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.rounds[key]
	if needs.name == "" || last == nil || last.name != needs.name || !last.done {
		return answer, asked, false
	}
	return last.answer, last.asked, true
}

// ask queues the round that a tick needs, once. It ends a round that the tick no longer needs or has observed, as it was asked for at
// that time: if the result of the tick cannot be written, the next tick asks again. It returns the name of a round that was observed.
func (s *rounds[Q, A]) ask(ctx context.Context, key types.NamespacedName, needs need[Q], observed time.Time) (name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.rounds[key]
	if last != nil && last.done && last.asked.Equal(observed) {
		s.drop(last)
		return last.name
	}
	if last != nil && last.name != needs.name {
		s.drop(last)
		last = nil
	}
	if last == nil && needs.name != "" {
		s.enqueue(ctx, key, needs)
	}
	return ""
}

// enqueue queues a round. The lock must be held.
func (s *rounds[Q, A]) enqueue(ctx context.Context, key types.NamespacedName, needs need[Q]) {
	asked := &round[Q, A]{key: key, need: needs}
	asked.ctx, asked.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.rounds[key] = asked
	s.waiting[key.Namespace] = append(s.waiting[key.Namespace], asked)
	if !slices.Contains(s.turns, key.Namespace) {
		s.turns = append(s.turns, key.Namespace)
	}
	s.start()
}

// start starts as many rounds as may run, of one namespace after another. The lock must be held.
func (s *rounds[Q, A]) start() {
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
func (s *rounds[Q, A]) running() int {
	n := 0
	for _, rounds := range s.asking {
		n += rounds
	}
	return n
}

// unqueue takes a round out of the queue, if it waits there. The lock must be held.
func (s *rounds[Q, A]) unqueue(waits *round[Q, A]) {
	namespace := waits.key.Namespace
	s.waiting[namespace] = slices.DeleteFunc(s.waiting[namespace], func(other *round[Q, A]) bool { return other == waits })
	if len(s.waiting[namespace]) == 0 {
		delete(s.waiting, namespace)
		s.turns = slices.DeleteFunc(s.turns, func(other string) bool { return other == namespace })
	}
}

func (s *rounds[Q, A]) answer(asked *round[Q, A]) {
	answer := s.query(asked.ctx, asked.question)
	s.mu.Lock()
	asked.answer, asked.done = answer, true
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
func (s *rounds[Q, A]) drop(last *round[Q, A]) {
	last.cancel()
	delete(s.rounds, last.key)
	s.unqueue(last)
}

// forget ends the round of a Canary that is gone.
func (s *rounds[Q, A]) forget(key types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := s.rounds[key]; last != nil {
		s.drop(last)
	}
}

// end ends all rounds.
func (s *rounds[Q, A]) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, last := range s.rounds {
		s.drop(last)
	}
}
