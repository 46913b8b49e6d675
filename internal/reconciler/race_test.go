package reconciler

import (
	"context"
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/testserver"
)

// second is another reconciler on the same API server. It runs a function just before it reads the routes, and counts its
// writes to them.
func second(t *testing.T, beforeRoutes func()) (reconciler *Reconciler, written *int) {
	t.Helper()
	written = new(int)
	intercepted := interceptor.NewClient(server.Client, interceptor.Funcs{
		List: func(ctx context.Context, next client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if list.GetObjectKind().GroupVersionKind().Kind == "HTTPRouteList" {
				beforeRoutes()
			}
			return next.List(ctx, list, options...)
		},
		Patch: func(ctx context.Context, next client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
			err := next.Patch(ctx, object, patch, options...)
			if object.GetObjectKind().GroupVersionKind().Kind == "HTTPRoute" && err == nil {
				*written++
			}
			return err
		},
	})
	r := &Reconciler{client: intercepted, recorder: record.NewFakeRecorder(100), reader: &reader{cached: intercepted, live: server.Client, routes: intercepted,
		options: Options{Prometheus: true}, memory: newMemory(testserver.AllIsWell, nil, prometheus.NewRegistry())}}
	r.kinds.Store(&kinds{routes: []string{route.HTTP}})
	return r, written
}

func TestACanaryThatTheCacheDoesNotShowYetIsNotMadeAgain(t *testing.T) {
	a := newApp(t)
	a.waitForPhase(v1alpha1.PhaseInitialized)
	before := a.canary()
	late, _ := second(t, func() {})
	events := record.NewFakeRecorder(100)
	late.recorder = events
	late.cached = interceptor.NewClient(server.Client, interceptor.Funcs{
		Get: func(ctx context.Context, next client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
			if _, is := object.(*v1alpha1.Canary); is {
				return apierrors.NewNotFound(schema.GroupResource{Resource: "canaries"}, key.Name)
			}
			return next.Get(ctx, key, object, options...)
		},
	})
	late.client = interceptor.NewClient(server.Client, interceptor.Funcs{
		Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
			return errors.New("nothing is to be made")
		},
	})
	result, err := late.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&before)})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(result.RequeueAfter).NotTo(Equal(staleRetry))
	a.Expect(events.Events).To(BeEmpty(), "its first tick was another one")
	a.Expect(a.canary().UID).To(Equal(before.UID))
}

func TestAnOldStateGivesNoWeightAfterASecondControllerTookItAway(t *testing.T) {
	a := newApp(t)
	a.inFlight()
	// While paused, the state of the rollout does not change by itself, so only the order of reads matters.
	a.ask(func(spec *v1alpha1.CanarySpec) { spec.Paused = &v1alpha1.Pause{Stamp: byJane()} })
	a.waitFor("paused", func(s v1alpha1.CanaryStatus) bool { return s.Paused != nil })
	late, written := second(t, func() {
		a.ask(func(spec *v1alpha1.CanarySpec) {
			spec.Abort = &v1alpha1.Request{Candidate: "7c9e41d2", Stamp: byJane()}
		})
		a.Eventually(a.weights, patience, glance).Should(Equal("podinfo=1"))
	})
	_, err := late.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: a.namespace, Name: "podinfo"}})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(*written).To(BeZero(), "the route was given a weight that no state asks for any more")
}

func TestSamplesOfATickWhoseStateCannotBeWrittenAreAskedForAnew(t *testing.T) {
	a := newApp(t)
	a.inFlight()
	a.ask(func(spec *v1alpha1.CanarySpec) { spec.Paused = &v1alpha1.Pause{Stamp: byJane()} })
	a.waitFor("paused", func(s v1alpha1.CanaryStatus) bool { return s.Paused != nil })
	still := a.canary()
	longAgo := metav1.NewMicroTime(time.Now().Add(-time.Minute))
	still.Status.Rollout.Step.InEffect, still.Status.Rollout.Canary.TrafficStarted, still.Status.LastCheckTime = &longAgo, &longAgo, nil
	standing := interceptor.NewClient(server.Client, interceptor.Funcs{
		Get: func(ctx context.Context, next client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
			if canary, is := object.(*v1alpha1.Canary); is {
				still.DeepCopyInto(canary)
				return nil
			}
			return next.Get(ctx, key, object, options...)
		},
	})
	r, _ := second(t, func() {})
	r.cached, r.live, r.client = standing, standing, interceptor.NewClient(server.Client, interceptor.Funcs{
		SubResourceUpdate: func(context.Context, client.Client, string, client.Object, ...client.SubResourceUpdateOption) error {
			return errors.New("the state cannot be written")
		},
	})
	tick := func() {
		_, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&still)})
		a.Expect(err).To(MatchError(ContainSubstring("the state cannot be written")))
	}
	tick()
	a.Eventually(r.memory.samples.woken, patience).Should(Receive())
	tick()
	expectNothingKept(a.WithT, r.memory.samples)
}
