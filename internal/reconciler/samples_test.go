package reconciler

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/rollout"
)

func needing(round string) rollout.Needs {
	return rollout.Needs{Round: round, Queries: []analysis.Query{{Check: round}}}
}

func named(namespace string, number int) types.NamespacedName {
	return types.NamespacedName{Namespace: namespace, Name: fmt.Sprint(number)}
}

// takeAt takes the samples of a round, and when they were asked for. If there is no such round yet, it asks for one.
func takeAt(ctx context.Context, s *samples, key types.NamespacedName, needs rollout.Needs) ([]analysis.Sample, time.Time) {
	samples, sampled, _ := s.answers(key, ofChecks(needs))
	s.ask(ctx, key, ofChecks(needs), sampled)
	return samples, sampled
}

// take returns the samples that a tick gets, without the time.
func take(t *testing.T, s *samples, key types.NamespacedName, needs rollout.Needs) []analysis.Sample {
	taken, _ := takeAt(t.Context(), s, key, needs)
	return taken
}

// expectNothingKept checks that nothing is remembered once all rounds have ended.
func expectNothingKept[Q, A any](g *WithT, s *rounds[Q, A]) {
	g.Eventually(func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.rounds) + len(s.asking) + len(s.waiting) + len(s.turns)
	}, patience).Should(BeZero())
}

func TestSamplesWakeTheirCanaryAndAreTakenOnce(t *testing.T) {
	g := NewWithT(t)
	var calls atomic.Int32
	s := newSamples(func(_ context.Context, queries []analysis.Query) []analysis.Sample {
		return []analysis.Sample{{Check: queries[0].Check, Value: float64(calls.Add(1))}}
	})
	before := time.Now()
	g.Expect(take(t, s, subject, needing("first"))).To(BeNil(), "a tick does not wait")
	g.Expect((<-s.woken).Object.GetName()).To(Equal("podinfo"))
	taken, asked := takeAt(t.Context(), s, subject, needing("first"))
	g.Expect(taken).To(Equal([]analysis.Sample{{Check: "first", Value: 1}}))
	g.Expect(asked).To(And(BeTemporally(">=", before), BeTemporally("<=", time.Now())))

	g.Expect(take(t, s, subject, needing("first"))).To(BeNil(), "a tick that could not write what it made of them asks anew")
	<-s.woken
	g.Expect(take(t, s, subject, needing("second"))).To(BeNil(), "they are of another round")
	<-s.woken
	g.Expect(take(t, s, subject, needing("second"))).To(Equal([]analysis.Sample{{Check: "second", Value: 3}}))
	expectNothingKept(g, s)
}

func TestARoundEndsWithItsNeed(t *testing.T) {
	g := NewWithT(t)
	began, ended := make(chan string, 10), make(chan string, 10)
	s := newSamples(func(ctx context.Context, queries []analysis.Query) []analysis.Sample {
		began <- queries[0].Check
		<-ctx.Done()
		ended <- queries[0].Check
		return nil
	})
	tick, over := context.WithCancel(t.Context())
	takeAt(tick, s, subject, needing("first"))
	g.Eventually(began, patience).Should(Receive(Equal("first")))
	over()
	g.Expect(take(t, s, subject, needing("first"))).To(BeNil())
	g.Consistently(ended, 100*time.Millisecond).ShouldNot(Receive(), "a round outlives its tick")
	g.Expect(began).To(BeEmpty(), "a round is asked for once")
	take(t, s, subject, needing("second"))
	g.Eventually(ended, patience).Should(Receive(Equal("first")), "another round ends it")
	g.Eventually(began, patience).Should(Receive(Equal("second")))
	take(t, s, subject, rollout.Needs{Round: "second"})
	g.Eventually(ended, patience).Should(Receive(Equal("second")), "what is needed no more ends")
	take(t, s, subject, needing("third"))
	g.Eventually(began, patience).Should(Receive(Equal("third")))
	s.forget(subject)
	g.Eventually(ended, patience).Should(Receive(Equal("third")), "a Canary that is gone asks nothing")
	s.forget(subject)
	expectNothingKept(g, s)
	g.Expect(s.woken).NotTo(Receive(), "nobody is woken for samples that nobody needs")
}

func TestServersThatDoNotAnswerHoldUpTheirNamespaceOnly(t *testing.T) {
	g := NewWithT(t)
	var asking, most atomic.Int32
	let := make(chan struct{})
	s := newSamples(func(ctx context.Context, queries []analysis.Query) []analysis.Sample {
		if queries[0].Check == "slow" {
			most.Store(max(most.Load(), asking.Add(1)))
			defer asking.Add(-1)
			select {
			case <-let:
			case <-ctx.Done():
			}
		}
		return []analysis.Sample{{Check: queries[0].Check}}
	})
	const crowd = 3 * mostRounds
	for i := range crowd {
		g.Expect(take(t, s, named("crowded", i), needing("slow"))).To(BeNil())
	}
	g.Eventually(asking.Load, patience).Should(Equal(int32(mostRounds)))
	take(t, s, named("shop", 0), needing("quick"))
	g.Eventually(s.woken, patience).Should(Receive(), "another namespace waits for nobody")
	g.Expect(take(t, s, named("shop", 0), needing("quick"))).To(HaveLen(1))

	take(t, s, named("crowded", crowd), needing("quick"))
	take(t, s, named("crowded", crowd+1), needing("quick"))
	s.forget(named("crowded", crowd+1))
	g.Consistently(s.woken, 100*time.Millisecond).ShouldNot(Receive(), "the namespace has no turn left")
	let <- struct{}{}
	g.Eventually(s.woken, patience).Should(Receive())
	g.Expect(asking.Load()).To(BeNumerically("<=", mostRounds))
	for i := range crowd {
		s.forget(named("crowded", i))
	}
	g.Eventually(func() []analysis.Sample { return take(t, s, named("crowded", crowd), needing("quick")) }, patience).Should(HaveLen(1), "its turn comes")
	g.Expect(most.Load()).To(Equal(int32(mostRounds)))
	expectNothingKept(g, s)
}

func TestManyNamespacesDoNotKeepAnotherFromItsTurn(t *testing.T) {
	g := NewWithT(t)
	var asking atomic.Int32
	began, let := make(chan string, 10), make(chan struct{})
	s := newSamples(func(ctx context.Context, queries []analysis.Query) []analysis.Sample {
		if queries[0].Check == "slow" {
			asking.Add(1)
			select {
			case <-let:
			case <-ctx.Done():
			}
			return nil
		}
		began <- queries[0].Check
		return nil
	})
	const crowd = 2 * mostRoundsInAll / mostRounds
	for i := range crowd * mostRounds {
		take(t, s, named(fmt.Sprint("crowded-", i%crowd), i), needing("slow"))
	}
	take(t, s, named("shop", 0), needing("quick"))
	g.Eventually(asking.Load, patience).Should(Equal(int32(mostRoundsInAll)))
	g.Expect(began).NotTo(Receive())
	for range mostRoundsInAll {
		let <- struct{}{}
	}
	g.Eventually(began, patience).Should(Receive(Equal("quick")), "before the crowd has its next turns")
	for i := range crowd * mostRounds {
		s.forget(named(fmt.Sprint("crowded-", i%crowd), i))
	}
	s.forget(named("shop", 0))
	expectNothingKept(g, s)
}
