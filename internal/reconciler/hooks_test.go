package reconciler

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/rollout"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
)

func asking(question string) []plan.HookCall {
	return []plan.HookCall{{Hook: v1alpha1.Webhook{Name: "gate"}, Question: question}}
}

// tick takes the answers to some calls, and makes those that have not been made.
func (h *hooks) tick(ctx context.Context, key types.NamespacedName, calls []plan.HookCall) []observed.HookAnswer {
	answers := h.answers(key, calls)
	h.ask(ctx, key, calls)
	return answers
}

func TestAnAnswerWakesItsCanaryAndCountsForItsQuestionOnly(t *testing.T) {
	g := NewWithT(t)
	var calls atomic.Int32
	h := newHooks(func(_ context.Context, call plan.HookCall) observed.HookAnswer {
		calls.Add(1)
		return observed.HookAnswer{Name: call.Hook.Name, Yes: true}
	})
	g.Expect(h.tick(t.Context(), subject, asking("first"))).To(BeEmpty(), "a tick does not wait")
	g.Expect((<-h.woken).Object.GetName()).To(Equal("podinfo"))
	for range 2 {
		g.Expect(h.tick(t.Context(), subject, asking("first"))).To(Equal([]observed.HookAnswer{{Name: "gate", Yes: true}}), "a tick may come again")
	}
	g.Expect(calls.Load()).To(Equal(int32(1)))
	g.Expect(h.tick(t.Context(), subject, asking("second"))).To(BeEmpty(), "the answer is to another question")
	<-h.woken
	g.Expect(calls.Load()).To(Equal(int32(2)))
}

func TestASlowHookHoldsNobodyAndEndsWithItsQuestion(t *testing.T) {
	g := NewWithT(t)
	ended := make(chan struct{}, 2)
	h := newHooks(func(ctx context.Context, _ plan.HookCall) observed.HookAnswer {
		<-ctx.Done()
		ended <- struct{}{}
		return observed.HookAnswer{}
	})
	tick, over := context.WithCancel(t.Context())
	g.Expect(h.tick(tick, subject, asking("first"))).To(BeEmpty())
	over()
	g.Consistently(ended, 100*time.Millisecond).ShouldNot(Receive(), "a call outlives its tick")
	g.Expect(h.tick(t.Context(), subject, asking("second"))).To(BeEmpty())
	g.Eventually(ended, patience).Should(Receive(), "a new question ends the call before")
	h.forget(subject)
	g.Eventually(ended, patience).Should(Receive(), "a Canary that is gone asks nothing")
	g.Expect(h.asked).To(BeEmpty())
}

func TestHooksThatDoNotKeepUpAreToldNoMore(t *testing.T) {
	g := NewWithT(t)
	let := make(chan struct{})
	h := newHooks(func(_ context.Context, call plan.HookCall) observed.HookAnswer {
		<-let
		return observed.HookAnswer{Name: call.Hook.Name}
	})
	var told atomic.Int32
	for range mostTold + 5 {
		h.tell(t.Context(), subject, asking(""), func(v1alpha1.Webhook, observed.HookAnswer) { told.Add(1) })
	}
	close(let)
	g.Eventually(told.Load, patience).Should(Equal(int32(mostTold)))
	g.Eventually(func() int { h.mu.Lock(); defer h.mu.Unlock(); return len(h.telling) }, patience).Should(BeZero())
}

func TestAnAnswerThatNobodyWaitsForIsForgotten(t *testing.T) {
	g := NewWithT(t)
	var calls atomic.Int32
	h := newHooks(func(_ context.Context, call plan.HookCall) observed.HookAnswer {
		calls.Add(1)
		return observed.HookAnswer{Name: call.Hook.Name, Yes: true}
	})
	h.tick(t.Context(), subject, asking("step 0"))
	<-h.woken
	g.Expect(h.tick(t.Context(), subject, asking("step 0"))).To(HaveLen(1))
	g.Expect(h.tick(t.Context(), subject, nil)).To(BeEmpty())
	g.Expect(h.tick(t.Context(), subject, asking("step 0"))).To(BeEmpty(), "back at the step, it is asked anew")
	<-h.woken
	g.Expect(calls.Load()).To(Equal(int32(2)))
}

func TestCallsAndQueriesEndWithTheReconciler(t *testing.T) {
	g := NewWithT(t)
	left := make(chan string, 4)
	m := &memory{hooks: newHooks(func(ctx context.Context, call plan.HookCall) observed.HookAnswer {
		if call.Question == "slow" {
			<-ctx.Done()
		}
		left <- call.Question
		return observed.HookAnswer{}
	}), samples: newSamples(func(ctx context.Context, _ []analysis.Query) []analysis.Sample {
		<-ctx.Done()
		left <- "query"
		return nil
	}), counters: newCounters(func(ctx context.Context, _ analysis.Query) ([]analysis.RawSeries, string) {
		<-ctx.Done()
		left <- "counters"
		return nil, ""
	}, nil)}
	m.hooks.ask(t.Context(), subject, asking("slow"))
	m.samples.ask(t.Context(), subject, ofChecks(rollout.Needs{Round: "first", Queries: make([]analysis.Query, 1)}), time.Time{})
	m.counters.ask(t.Context(), reading{World: observed.World{Namespace: subject.Namespace, Name: subject.Name}, needs: rollout.Needs{Counters: &rollout.RawQuery{Round: "first", Query: analysis.Query{Expression: "up"}}}})
	m.hooks.ask(t.Context(), types.NamespacedName{Name: "other"}, asking("answered"))
	g.Eventually(left, patience).Should(Receive(Equal("answered")), "nobody takes the answer any more")
	m.end()
	g.Eventually(left, patience).Should(Receive())
	g.Eventually(left, patience).Should(Receive())
	g.Eventually(left, patience).Should(Receive())
}

// TestNotificationsEndWithTheirCanary has hooks that never answer, and goes on with another Canary of the same name.
func TestNotificationsEndWithTheirCanary(t *testing.T) {
	for name, goes := range map[string]func(*hooks){
		"the Canary is gone":        func(h *hooks) { h.forget(subject) },
		"nobody reconciles anymore": func(h *hooks) { h.end() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var open atomic.Int32
				h := newHooks(func(ctx context.Context, _ plan.HookCall) observed.HookAnswer {
					open.Add(1)
					defer open.Add(-1)
					<-ctx.Done()
					return observed.HookAnswer{}
				})
				tell := func() { h.tell(t.Context(), subject, asking(""), func(v1alpha1.Webhook, observed.HookAnswer) {}) }
				for range mostTold {
					tell()
				}
				synctest.Wait()
				if open.Load() != mostTold {
					t.Errorf("%d calls are open", open.Load())
				}
				goes(h)
				time.Sleep(lastCalls - time.Nanosecond)
				synctest.Wait()
				if open.Load() != mostTold {
					t.Errorf("%d calls are left before their time is over", open.Load())
				}
				time.Sleep(time.Nanosecond)
				synctest.Wait()
				if open.Load() != 0 || len(h.telling) > 0 {
					t.Errorf("%d calls outlive it", open.Load())
				}
				tell()
				synctest.Wait()
				if open.Load() != 1 {
					t.Error("another Canary of the same name is not told")
				}
				h.forget(subject)
				time.Sleep(lastCalls)
			})
		})
	}
}
