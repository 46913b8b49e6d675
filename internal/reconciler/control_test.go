package reconciler

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/testserver"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
)

// freeze creates a Freeze for this test's namespace. It does not affect other tests.
func (a *app) freeze(mode v1alpha1.FreezeMode) *v1alpha1.Freeze {
	a.t.Helper()
	made := &v1alpha1.Freeze{ObjectMeta: metav1.ObjectMeta{Name: a.namespace}, Spec: v1alpha1.FreezeSpec{Reason: "outage", Mode: mode, Namespaces: []string{a.namespace}}}
	a.create(made)
	return made
}

func TestAFreezeHoldsACandidateAndARolloutInFlight(t *testing.T) {
	a := newApp(t)
	a.waitForPhase(v1alpha1.PhaseInitialized)
	stop := a.freeze(v1alpha1.FreezeStart)
	a.Eventually(func() bool {
		var found v1alpha1.Freeze
		return server.Client.Get(t.Context(), client.ObjectKeyFromObject(stop), &found) == nil && found.Status.Active
	}, patience, glance).Should(BeTrue(), "the status tells that it is in force")
	a.hold()
	a.waitFor("frozen", func(s v1alpha1.CanaryStatus) bool {
		return s.Phase == v1alpha1.PhaseWaiting && strings.Contains(s.Frozen, "Freeze/"+a.namespace+": outage")
	})
	a.Expect(server.Client.Delete(t.Context(), stop)).To(Succeed())
	a.waitFor("a rollout", func(s v1alpha1.CanaryStatus) bool { return s.Phase == v1alpha1.PhaseProgressing && s.Frozen == "" })
	a.freeze(v1alpha1.FreezePause)
	a.waitFor("paused", func(s v1alpha1.CanaryStatus) bool {
		return s.Paused != nil && s.Paused.Kind == v1alpha1.PauseFreeze && s.Phase == v1alpha1.PhaseProgressing
	})
	a.Expect(a.events("Frozen")).NotTo(BeEmpty())
	a.Expect(a.events("Unfrozen")).NotTo(BeEmpty())
}

func TestFreezesThatCannotBeMeantAreRejected(t *testing.T) {
	for name, c := range map[string]struct {
		spec  v1alpha1.FreezeSpec
		wrong string
	}{
		"a schedule without a duration": {v1alpha1.FreezeSpec{Reason: "x", Schedule: "0 0 * * *"}, "schedule and duration belong together"},
		"a duration of no time":         {v1alpha1.FreezeSpec{Reason: "x", Schedule: "0 0 * * *", Duration: &metav1.Duration{Duration: time.Second}}, "duration must be from 1m to 744h"},
		"four fields":                   {v1alpha1.FreezeSpec{Reason: "x", Schedule: "0 0 * *", Duration: &metav1.Duration{Duration: time.Hour}}, "spec.schedule"},
		"a mode that is none":           {v1alpha1.FreezeSpec{Reason: "x", Mode: "Off"}, "spec.mode"},
		"no reason":                     {v1alpha1.FreezeSpec{}, "spec.reason"},
	} {
		t.Run(name, func(t *testing.T) {
			err := server.Client.Create(t.Context(), &v1alpha1.Freeze{ObjectMeta: metav1.ObjectMeta{GenerateName: "wrong-"}, Spec: c.spec})
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(c.wrong)))
		})
	}
}

// queueing is a separate reconciler with limits. Its cache is a snapshot of the client's first read: it never shows a later
// write, which is the worst that a cache can do. Each Deployment holds back a candidate that no other reconciler sees. Writes
// go only to the function.
func queueing(t *testing.T, limits observed.Limits, names []string, written func(v1alpha1.CanaryStatus)) *Reconciler {
	t.Helper()
	stale := interceptor.NewClient(server.Client, interceptor.Funcs{
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
	nowhere := interceptor.NewClient(server.Client, interceptor.Funcs{
		Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error { return nil },
		Patch: func(context.Context, client.WithWatch, client.Object, client.Patch, ...client.PatchOption) error {
			return nil
		},
		SubResourceUpdate: func(_ context.Context, _ client.Client, _ string, object client.Object, _ ...client.SubResourceUpdateOption) error {
			written(object.(*v1alpha1.Canary).Status)
			return nil
		},
	})
	r := &Reconciler{client: nowhere, recorder: record.NewFakeRecorder(1000), wake: make(chan event.GenericEvent, wakeBuffer), reader: &reader{
		cached: stale, live: server.Client, routes: server.Client, options: Options{Prometheus: true, Limits: limits},
		memory: newMemory(testserver.AllIsWell, nil, prometheus.NewRegistry())}}
	r.kinds.Store(&kinds{routes: []string{route.HTTP}})
	return r
}

// TestManyTicksAtOnceKeepTheLimit lets several candidates decide at the same time, several times each, with a cache that shows
// no state at all.
func TestManyTicksAtOnceKeepTheLimit(t *testing.T) {
	const candidates, limit = 8, 3
	g := NewWithT(t)
	var names []string
	for range candidates {
		a := newApp(t)
		a.waitForPhase(v1alpha1.PhaseInitialized)
		names = append(names, a.namespace)
	}
	states := make(chan observed.State, 4*candidates)
	r := queueing(t, observed.Limits{Cluster: limit}, names, func(next observed.State) { states <- next })
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
	g.Expect(open).To(Equal(limit), "as many start as may")
	g.Expect(started).To(BeNumerically(">=", limit))
	g.Expect(waited).To(BeNumerically(">", 0), "the others wait in the queue")
}

// tick is one tick of a candidate whose turn may come.
func (r *Reconciler) tick(ctx context.Context, namespace string) {
	for {
		result, err := r.Reconcile(ctx, ctrl.Request{NamespacedName: client.ObjectKey{Namespace: namespace, Name: "podinfo"}})
		if err != nil || result.RequeueAfter != turnRetry {
			return
		}
		<-time.After(result.RequeueAfter)
	}
}

func TestACandidateThatFindsAnotherOneDecidingLooksAgain(t *testing.T) {
	a := newApp(t)
	a.waitForPhase(v1alpha1.PhaseInitialized)
	var states []observed.State
	r := queueing(t, observed.Limits{Cluster: 1}, []string{a.namespace}, func(next observed.State) { states = append(states, next) })
	request := ctrl.Request{NamespacedName: client.ObjectKey{Namespace: a.namespace, Name: "podinfo"}}
	r.memory.slots.queue.Lock()
	result, err := r.Reconcile(t.Context(), request)
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(result).To(Equal(ctrl.Result{RequeueAfter: turnRetry}))
	a.Expect(states).To(BeEmpty(), "it has decided")

	r.memory.slots.set(request.NamespacedName, true)
	_, err = r.Reconcile(t.Context(), request)
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(states).To(HaveLen(1), "a rollout that has its slot waits for nobody")
	r.memory.slots.forget(request.NamespacedName)
	r.memory.slots.queue.Unlock()
	for range 2 {
		r.memory.slots.forget(request.NamespacedName)
		result, err = r.Reconcile(t.Context(), request)
		a.Expect(err).NotTo(HaveOccurred())
		a.Expect(result.RequeueAfter).NotTo(Equal(turnRetry), "the turn ends with the tick")
	}
}

// candidateFor returns a candidate for a Deployment.
func candidateFor(primary *appsv1.Deployment) *workload.Candidate {
	template, err := workload.TemplateOf(primary.Spec.Template)
	if err != nil {
		panic(err)
	}
	return &workload.Candidate{Hash: "7c9e41d2", Template: template, By: "jane", At: time.Now()}
}

func TestTheEndOfARolloutWakesTheNext(t *testing.T) {
	g := NewWithT(t)
	a := newApp(t)
	a.waitForPhase(v1alpha1.PhaseInitialized)
	r := queueing(t, observed.Limits{Cluster: 1}, nil, nil)
	key := client.ObjectKey{Namespace: a.namespace, Name: "podinfo"}
	r.memory.slots.set(key, true)
	r.cached = interceptor.NewClient(server.Client, interceptor.Funcs{
		List: func(ctx context.Context, next client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			canaries, ok := list.(*v1alpha1.CanaryList)
			if !ok {
				return next.List(ctx, list, options...)
			}
			waits := v1alpha1.Canary{ObjectMeta: metav1.ObjectMeta{Namespace: a.namespace, Name: "waits"}}
			waits.Status = v1alpha1.CanaryStatus{Phase: v1alpha1.PhaseWaiting, Queue: &v1alpha1.QueueStatus{Position: 1}}
			canaries.Items = []v1alpha1.Canary{waits}
			return nil
		},
	})
	canary := a.canary()
	r.settleSlot(t.Context(), &canary, plan.Plan{Next: observed.State{Phase: v1alpha1.PhaseSucceeded}})
	g.Expect(r.wake).To(HaveLen(1))
	g.Expect((<-r.wake).Object.GetName()).To(Equal("waits"))
	r.settleSlot(t.Context(), &canary, plan.Plan{Next: observed.State{Phase: v1alpha1.PhaseSucceeded}})
	g.Expect(r.wake).To(BeEmpty(), "a slot is given back once")
}

func TestADryRunRefusesEveryOtherWrite(t *testing.T) {
	g := NewWithT(t)
	a := newApp(t)
	r := refusing{server.Client}
	d, err := get(a, "podinfo", &appsv1.Deployment{})
	g.Expect(err).NotTo(HaveOccurred())
	for verb, write := range map[string]func() error{
		"create": func() error { return r.Create(t.Context(), &corev1.Service{ObjectMeta: a.named("x")}) },
		"update": func() error { return r.Update(t.Context(), d) },
		"patch":  func() error { return r.Patch(t.Context(), d, client.MergeFrom(d.DeepCopy())) },
		"delete": func() error { return r.Delete(t.Context(), d) },
		"delete of all": func() error {
			return r.DeleteAllOf(t.Context(), &appsv1.Deployment{}, client.InNamespace(a.namespace))
		},
		"status of a Deployment": func() error { return r.Status().Update(t.Context(), d) },
		"scale":                  func() error { return r.SubResource("scale").Update(t.Context(), d) },
		"status patch": func() error {
			return r.Status().Patch(t.Context(), d, client.MergeFrom(d.DeepCopy()))
		},
		"a finalizer": func() error {
			canary := a.canary()
			return r.Patch(t.Context(), &canary, client.MergeFrom(canary.DeepCopy()))
		},
	} {
		g.Expect(write()).To(MatchError(ContainSubstring("dry run: ")), verb)
	}
	deleted := a.canary()
	deleted.DeletionTimestamp = &metav1.Time{Time: time.Now()}
	g.Expect(r.Patch(t.Context(), &deleted, client.MergeFrom(deleted.DeepCopy()), client.DryRunAll)).To(Succeed(), "a Canary that is deleted is let go")
	after, err := get(a, "podinfo", &appsv1.Deployment{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(after.Generation).To(Equal(d.Generation))
	a.waitForPhase(v1alpha1.PhaseInitialized)
	a.Eventually(func() error {
		canary := a.canary()
		canary.Status.Message = "Dry run: x"
		return r.Status().Update(t.Context(), &canary)
	}, patience, glance).Should(Succeed(), "the status of a Canary is written")
}
