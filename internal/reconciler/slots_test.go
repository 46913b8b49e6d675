package reconciler

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
)

// queueing is a separate reconciler with limits. Its cache is a snapshot of the client's first read: it never shows a later
// write, which is the worst that a cache can do. Each Deployment holds back a candidate that no other reconciler sees. Writes
// go only to the function.
func (w *world) queueing(limits observed.Limits, names []string, written func(v1alpha1.CanaryStatus)) *Reconciler {
	stale := interceptor.NewClient(w.client, interceptor.Funcs{
		Get: func(ctx context.Context, next client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
			err := next.Get(ctx, key, object, options...)
			if primary, is := object.(*appsv1.Deployment); is && err == nil {
				text, _ := candidateFor(primary).Encode()
				metav1.SetMetaDataAnnotation(&primary.ObjectMeta, config.AnnotationCandidate, text)
			}
			return err
		},
		List: func(ctx context.Context, next client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if err := next.List(ctx, list, options...); err != nil {
				return err
			}
			canaries, ok := list.(*v1alpha1.CanaryList)
			if !ok {
				return nil
			}
			var mine []v1alpha1.Canary
			for _, canary := range canaries.Items {
				for _, name := range names {
					if canary.Namespace == name {
						canary.Status = v1alpha1.CanaryStatus{}
						mine = append(mine, canary)
					}
				}
			}
			canaries.Items = mine
			return nil
		},
	})
	r := w.reconciler(stale, Options{Limits: limits})
	r.live, r.routes, r.client = w.client, w.client, interceptor.NewClient(w.client, interceptor.Funcs{
		Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error { return nil },
		Patch: func(context.Context, client.WithWatch, client.Object, client.Patch, ...client.PatchOption) error {
			return nil
		},
		SubResourceUpdate: func(_ context.Context, _ client.Client, _ string, object client.Object, _ ...client.SubResourceUpdateOption) error {
			written(object.(*v1alpha1.Canary).Status)
			return nil
		},
	})
	return r
}

// TestManyTicksAtOnceKeepTheLimit lets several candidates decide at the same time, several times each, with a cache that shows
// no state at all.
func TestManyTicksAtOnceKeepTheLimit(t *testing.T) {
	const candidates, limit = 8, 3
	var names []string
	for i := range candidates {
		names = append(names, fmt.Sprintf("shop-%d", i))
	}
	w := newWorld(t, names...)
	w.initialize(names...)
	states := make(chan observed.State, 4*candidates)
	r := w.queueing(observed.Limits{Cluster: limit}, names, func(next observed.State) { states <- next })
	var ticks sync.WaitGroup
	for range 4 {
		for _, name := range names {
			ticks.Add(1)
			go func() {
				defer ticks.Done()
				r.tick(t.Context(), name)
			}()
		}
	}
	ticks.Wait()
	close(states)
	started, waited := 0, 0
	for next := range states {
		if observed.Active(next) {
			started++
		} else if next.Queue != nil {
			waited++
		}
	}
	slots := &r.memory.slots
	slots.mu.Lock()
	open := 0
	for _, taken := range slots.taken {
		if taken {
			open++
		}
	}
	slots.mu.Unlock()
	w.Expect(open).To(Equal(limit), "as many start as may")
	w.Expect(started).To(BeNumerically(">=", limit))
	w.Expect(waited).To(BeNumerically(">", 0), "the others wait in the queue")
}

// tick is one tick of a candidate whose turn may come.
func (r *Reconciler) tick(ctx context.Context, namespace string) {
	for {
		result, err := r.Reconcile(ctx, ctrl.Request{NamespacedName: client.ObjectKey{Namespace: namespace, Name: subject.Name}})
		if err != nil || result.RequeueAfter != turnRetry {
			return
		}
		<-time.After(result.RequeueAfter)
	}
}

func TestACandidateThatFindsAnotherOneDecidingLooksAgain(t *testing.T) {
	w := newWorld(t, subject.Namespace)
	w.initialize(subject.Namespace)
	var states []observed.State
	r := w.queueing(observed.Limits{Cluster: 1}, []string{subject.Namespace}, func(next observed.State) { states = append(states, next) })
	request := ctrl.Request{NamespacedName: subject}
	r.memory.slots.queue.Lock()
	result, err := r.Reconcile(t.Context(), request)
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(result).To(Equal(ctrl.Result{RequeueAfter: turnRetry}))
	w.Expect(states).To(BeEmpty(), "it has decided")

	r.memory.slots.set(request.NamespacedName, true)
	_, err = r.Reconcile(t.Context(), request)
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(states).To(HaveLen(1), "a rollout that has its slot waits for nobody")
	r.memory.slots.forget(request.NamespacedName)
	r.memory.slots.queue.Unlock()
	for range 2 {
		r.memory.slots.forget(request.NamespacedName)
		result, err = r.Reconcile(t.Context(), request)
		w.Expect(err).NotTo(HaveOccurred())
		w.Expect(result.RequeueAfter).NotTo(Equal(turnRetry), "the turn ends with the tick")
	}
}

func TestTheEndOfARolloutWakesTheNext(t *testing.T) {
	w := newWorld(t, subject.Namespace)
	w.initialize(subject.Namespace)
	r := w.queueing(observed.Limits{Cluster: 1}, nil, nil)
	r.memory.slots.set(subject, true)
	r.cached = interceptor.NewClient(w.client, interceptor.Funcs{
		List: func(ctx context.Context, next client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			canaries, ok := list.(*v1alpha1.CanaryList)
			if !ok {
				return next.List(ctx, list, options...)
			}
			waits := v1alpha1.Canary{ObjectMeta: metav1.ObjectMeta{Namespace: subject.Namespace, Name: "waits"}}
			waits.Status = v1alpha1.CanaryStatus{Phase: v1alpha1.PhaseWaiting, Queue: &v1alpha1.QueueStatus{Position: 1}}
			canaries.Items = []v1alpha1.Canary{waits}
			return nil
		},
	})
	r.settleSlot(t.Context(), w.canary(), plan.Plan{Next: observed.State{Phase: v1alpha1.PhaseSucceeded}})
	w.Expect(r.wake).To(HaveLen(1))
	w.Expect((<-r.wake).Object.GetName()).To(Equal("waits"))
	r.settleSlot(t.Context(), w.canary(), plan.Plan{Next: observed.State{Phase: v1alpha1.PhaseSucceeded}})
	w.Expect(r.wake).To(BeEmpty(), "a slot is given back once")

	held := observed.State{Phase: v1alpha1.PhaseProgressing, Rollout: &v1alpha1.RolloutStatus{}}
	given := *held.DeepCopy()
	given.Rollout.PlaceGivenBack = &metav1.MicroTime{Time: time.Now()}
	open := w.canary()
	open.Status = held
	r.takeSlot(subject, plan.Plan{Next: held})
	r.settleSlot(t.Context(), open, plan.Plan{Next: held})
	w.Expect(r.wake).To(BeEmpty(), "it has its place")
	r.settleSlot(t.Context(), open, plan.Plan{Next: given})
	w.Expect(r.wake).To(HaveLen(1), "the place of a rollout that is held")
	<-r.wake
	open.Status = given
	r.settleSlot(t.Context(), open, plan.Plan{Next: given})
	w.Expect(r.wake).To(BeEmpty(), "its place is given back once")
}
