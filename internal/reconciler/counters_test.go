package reconciler

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/rollout"
	"sluice.dev/sluice/rollout/observed"
)

// counted is a tick that needs counters, or the last hour.
func counted(counters, history string) reading {
	o := reading{World: observed.World{Namespace: subject.Namespace, Name: subject.Name}}
	if counters != "" {
		o.needs.Counters = &rollout.RawQuery{Round: counters, Query: analysis.Query{Expression: counters}}
	}
	if history != "" {
		o.needs.History = &rollout.RawQuery{Round: history, Query: analysis.Query{Expression: history}}
	}
	return o
}

// tick observes the answers that have arrived and asks for the others.
func (c *counters) tick(t *testing.T, o reading) (both, history *observed.Counters) {
	o.Counters, o.History = c.answers(subject, o.needs)
	c.ask(t.Context(), o)
	return o.Counters, o.History
}

func TestCountersWakeTheirCanaryAndAreObservedOnce(t *testing.T) {
	g := NewWithT(t)
	c := newCounters(func(_ context.Context, query analysis.Query) ([]analysis.RawSeries, string) {
		if query.Expression == "broken" {
			return nil, "Prometheus could not answer: connection refused"
		}
		return []analysis.RawSeries{{Labels: map[string]string{"of": query.Expression}}}, ""
	}, nil)
	before := time.Now()
	both, history := c.tick(t, counted("first", ""))
	g.Expect([]*observed.Counters{both, history}).To(HaveEach(BeNil()), "a tick does not wait")
	g.Expect((<-c.woken).Object.GetName()).To(Equal("podinfo"))
	g.Expect(c.lastAsked(subject)).To(BeZero(), "no tick has observed the answer")
	both, history = c.tick(t, counted("first", ""))
	g.Expect(history).To(BeNil())
	g.Expect(both.Series).To(HaveLen(1))
	g.Expect(both.Asked).To(And(BeTemporally(">=", before), BeTemporally("<=", time.Now())))
	g.Expect(c.lastAsked(subject)).To(Equal(observed.Asked{Round: "first", At: both.Asked}))
	expectNothingKept(g, c.rounds)

	c.tick(t, counted("", "the last hour"))
	<-c.woken
	both, history = c.tick(t, counted("", "the last hour"))
	g.Expect(both).To(BeNil())
	g.Expect(history.Series[0].Labels).To(HaveKeyWithValue("of", "the last hour"))
	g.Expect(c.lastAsked(subject).Round).To(Equal("the last hour"))

	c.tick(t, counted("broken", ""))
	<-c.woken
	both, _ = c.tick(t, counted("broken", ""))
	g.Expect(both.Err).To(Equal("Prometheus could not answer: connection refused"))
	g.Expect(c.lastAsked(subject).Round).To(Equal("broken"), "a failed query is asked again in time, not at once")
	c.forget(subject)
	g.Expect(c.lastAsked(subject)).To(BeZero())
	expectNothingKept(g, c.rounds)
}

// TestCountersThatNobodyAnswersHoldUpNoChecks holds that the two kinds of rounds do not wait for each other.
func TestCountersThatNobodyAnswersHoldUpNoChecks(t *testing.T) {
	w := newWorld(t, subject.Namespace)
	w.initialize(subject.Namespace)
	var asked, ended atomic.Int32
	r := w.reconciler(w.client, Options{Counters: func(ctx context.Context, _ analysis.Query) ([]analysis.RawSeries, string) {
		asked.Add(1)
		<-ctx.Done()
		ended.Add(1)
		return nil, "Prometheus could not answer: " + ctx.Err().Error()
	}})
	for i := range 2 * mostRounds {
		o := counted("slow", "")
		o.Name = fmt.Sprint(i)
		r.memory.counters.ask(t.Context(), o)
	}
	primary := w.primary()
	text, err := candidateFor(primary).Encode()
	w.Expect(err).NotTo(HaveOccurred())
	// The guard waits for counters, and a check of the user's is made beside it.
	primary.Annotations[config.AnnotationCandidate], primary.Annotations[config.AnnotationMinSuccessRate] = text, "99"
	w.Expect(w.client.Update(t.Context(), primary)).To(Succeed())
	w.until(r, "checks that were made", func(s observed.State) bool { return s.LastCheckTime != nil })
	w.Expect(asked.Load()).To(BeNumerically(">", 0))
	r.memory.end()
	w.Eventually(ended.Load, patience).Should(Equal(asked.Load()), "queries end with the reconciler")
}

// TestARestartAsksForCountersAgain holds that what was asked for is not remembered beyond the process, so nothing waits for it.
func TestARestartAsksForCountersAgain(t *testing.T) {
	g := NewWithT(t)
	answer := func(context.Context, analysis.Query) ([]analysis.RawSeries, string) { return nil, "" }
	for _, process := range []*counters{newCounters(answer, nil), newCounters(answer, nil)} {
		g.Expect(process.lastAsked(subject)).To(BeZero())
		process.tick(t, counted("round", ""))
		g.Eventually(process.woken, patience).Should(Receive())
		both, _ := process.tick(t, counted("round", ""))
		g.Expect(both).NotTo(BeNil())
	}
}

// TestPairsAreAskedForWithTheCounters holds that the policy's own counters come with those of requests, and not without them.
func TestPairsAreAskedForWithTheCounters(t *testing.T) {
	for problem, want := range map[string]int{"": 2, "Prometheus could not answer: connection refused": 0} {
		g := NewWithT(t)
		c := newCounters(func(context.Context, analysis.Query) ([]analysis.RawSeries, string) { return nil, problem },
			func(_ context.Context, queries []analysis.Query) []analysis.Sample {
				return make([]analysis.Sample, len(queries))
			})
		o := counted("first", "")
		o.needs.Counters.Pairs = make([]analysis.Query, 2)
		c.tick(t, o)
		<-c.woken
		both, _ := c.tick(t, o)
		g.Expect(both.Err).To(Equal(problem))
		g.Expect(both.Pairs).To(HaveLen(want))
	}
}

// TestAWorkloadWithoutRequestsIsAskedForItsOwnCountersOnly has pairs of counters and no query for requests.
func TestAWorkloadWithoutRequestsIsAskedForItsOwnCountersOnly(t *testing.T) {
	g := NewWithT(t)
	c := newCounters(func(context.Context, analysis.Query) ([]analysis.RawSeries, string) {
		return nil, "an empty query was sent"
	}, func(_ context.Context, queries []analysis.Query) []analysis.Sample {
		return []analysis.Sample{{Check: queries[0].Check, Value: 7}}
	})
	o := counted("work", "")
	o.needs.Counters.Query, o.needs.Counters.Pairs = analysis.Query{}, []analysis.Query{{Check: "failed messages"}}
	c.tick(t, o)
	<-c.woken
	both, _ := c.tick(t, o)
	g.Expect(both.Err).To(BeEmpty())
	g.Expect(both.Pairs).To(Equal([]analysis.Sample{{Check: "failed messages", Value: 7}}))
	g.Expect(both.Series).To(BeEmpty())
}
