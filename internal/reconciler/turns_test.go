package reconciler

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"sluice.dev/sluice/rollout/observed"
)

// workers take requests from a queue of ticks, as the controller's workers do. No tick ends by itself.
type workers struct {
	*turns
	urgencies *urgencies
	mu        sync.Mutex
	taken     []string
}

func withWorkers(t *testing.T, test func(*workers)) {
	synctest.Test(t, func(*testing.T) {
		u := &urgencies{}
		w := &workers{turns: newTurns(u, priorityqueue.New[reconcile.Request]("test")), urgencies: u}
		defer w.ShutDown()
		test(w)
	})
}

// work lets this many workers take one request each, and returns what all workers have taken so far.
func (w *workers) work(count int) []string {
	synctest.Wait()
	for range count {
		go func() {
			if item, shutdown := w.Get(); !shutdown {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.taken = append(w.taken, item.String())
			}
		}()
		synctest.Wait()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.taken)
}

// end ends the tick of a Canary, and lets its worker take the next request.
func (w *workers) end(name string) []string {
	w.Done(requestFor(name))
	return w.work(1)
}

func requestFor(name string) ctrl.Request {
	namespace, name, _ := strings.Cut(name, "/")
	return ctrl.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}
}

func (w *workers) is(name string, urgency observed.Urgency) {
	w.urgencies.note(requestFor(name).NamespacedName, urgency)
}

func expectTaken(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("taken %v, want %v", got, want)
	}
}

func TestTheMostUrgentTicksComeFirst(t *testing.T) {
	withWorkers(t, func(w *workers) {
		w.is("c/open", observed.Open)
		w.is("d/exposed", observed.Exposed)
		for _, name := range []string{"a/rests", "b/rests", "c/open", "d/exposed"} {
			w.Add(requestFor(name))
		}
		expectTaken(t, w.work(4), "d/exposed", "c/open", "a/rests", "b/rests")
	})
}

// TestAStormOfOneTenantLeavesRoomForOthers fills the queue with one tenant's requests first.
func TestAStormOfOneTenantLeavesRoomForOthers(t *testing.T) {
	for _, urgency := range []observed.Urgency{observed.AtRest, observed.Exposed} {
		withWorkers(t, func(w *workers) {
			for i := range 50 {
				name := fmt.Sprintf("noisy/%02d", i)
				w.is(name, urgency)
				w.Add(requestFor(name))
			}
			w.is("quiet/a", observed.AtRest)
			w.Add(requestFor("quiet/a"))
			expectTaken(t, w.work(parallelTicks), "noisy/00", "noisy/01", "noisy/02", "noisy/03", "quiet/a")
			expectTaken(t, w.end("noisy/02")[5:], "noisy/04")
			w.end("quiet/a")
			expectTaken(t, w.end("noisy/00")[6:], "noisy/05")
		})
	}
}

func TestRolloutsAtRestLeaveRoomForExposedOnes(t *testing.T) {
	withWorkers(t, func(w *workers) {
		for i := range 50 {
			w.Add(requestFor(fmt.Sprintf("n%02d/app", i)))
		}
		if got := w.work(parallelTicks); len(got) != mostCalm {
			t.Errorf("%d ticks run, want %d", len(got), mostCalm)
		}
		w.is("n49/app", observed.Exposed)
		w.is("other/app", observed.Exposed)
		w.Add(requestFor("n49/app"))
		w.Add(requestFor("other/app"))
		synctest.Wait()
		expectTaken(t, slices.Sorted(slices.Values(w.work(0)[mostCalm:])), "n49/app", "other/app")
		expectTaken(t, w.end("n49/app")[parallelTicks:])
		expectTaken(t, w.end("n00/app")[parallelTicks:], "n06/app")
	})
}

// TestEveryRequestIsServed ends ticks in the order in which they began, and adds some requests again while they run.
func TestEveryRequestIsServed(t *testing.T) {
	withWorkers(t, func(w *workers) {
		const canaries = 200
		served := map[string]int{}
		for i := range canaries {
			name := fmt.Sprintf("n%d/%03d", i%5, i)
			w.is(name, observed.Urgency(i%3))
			w.Add(requestFor(name))
		}
		taken := w.work(parallelTicks)
		for done := 0; done < len(taken); done++ {
			name := taken[done]
			if served[name]++; served[name] == 1 && strings.HasSuffix(name, "7") {
				w.AddAfter(requestFor(name), time.Millisecond)
				time.Sleep(time.Millisecond)
			}
			taken = w.end(name)
		}
		if len(served) != canaries || len(taken) != canaries+canaries/10 {
			t.Errorf("%d of %d were served, %d times", len(served), canaries, len(taken))
		}
	})
}

func TestACanaryAtRestTicksOnceASecondForChangesOfOthers(t *testing.T) {
	withWorkers(t, func(w *workers) {
		const app = "shop/app"
		// No change comes in the very moment in which a tick begins: whether that has seen it is a matter of chance.
		for range 71 {
			w.Add(requestFor(app))
			w.work(1)
			w.Done(requestFor(app))
			time.Sleep(70 * time.Millisecond)
		}
		if ticks := len(w.work(0)); ticks < 5 || ticks > 6 {
			t.Errorf("%d ticks in 5 s, want one a second", ticks)
		}
	})
}

func TestWhatConcernsACanaryItselfDoesNotWait(t *testing.T) {
	for name, add := range map[string]func(*workers, ctrl.Request){
		"its rollout is open":    func(w *workers, r ctrl.Request) { w.urgencies.note(r.NamespacedName, observed.Open); w.Add(r) },
		"somebody has asked":     func(w *workers, r ctrl.Request) { atOnce(w.turns, wakeUp(r.NamespacedName).Object) },
		"its time has come":      func(w *workers, r ctrl.Request) { w.AddAfter(r, time.Millisecond) },
		"its last tick was long": func(w *workers, r ctrl.Request) { time.Sleep(restPeriod); w.Add(r) },
	} {
		t.Run(name, func(t *testing.T) {
			withWorkers(t, func(w *workers) {
				request := requestFor("shop/app")
				w.Add(request)
				w.work(1)
				w.Done(request)
				add(w, request)
				time.Sleep(10 * time.Millisecond)
				expectTaken(t, w.work(1), "shop/app", "shop/app")
			})
		})
	}
}
