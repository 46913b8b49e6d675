package reconciler

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
)

// second is another reconciler in the same world. It runs a function just before it reads the routes, and counts its writes to
// them.
func (w *world) second(beforeRoutes func()) (reconciler *Reconciler, written *int) {
	written = new(int)
	return w.reconciler(interceptor.NewClient(w.client, interceptor.Funcs{
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
	}), Options{}), written
}

func TestACanaryThatTheCacheDoesNotShowYetIsNotMadeAgain(t *testing.T) {
	w := newWorld(t, subject.Namespace)
	w.initialize(subject.Namespace)
	before := w.canary()
	late, _ := w.second(func() {})
	events := record.NewFakeRecorder(100)
	late.recorder = events
	late.cached = interceptor.NewClient(w.client, interceptor.Funcs{
		Get: func(ctx context.Context, next client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
			if _, is := object.(*v1alpha1.Canary); is {
				return apierrors.NewNotFound(schema.GroupResource{Resource: "canaries"}, key.Name)
			}
			return next.Get(ctx, key, object, options...)
		},
	})
	late.client = interceptor.NewClient(w.client, interceptor.Funcs{
		Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
			return errors.New("nothing is to be made")
		},
	})
	result, err := late.Reconcile(t.Context(), ctrl.Request{NamespacedName: subject})
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(result.RequeueAfter).NotTo(Equal(staleRetry))
	w.Expect(events.Events).To(BeEmpty(), "its first tick was another one")
	w.Expect(w.canary().UID).To(Equal(before.UID))
}

func TestAnOldStateGivesNoWeightAfterASecondControllerTookItAway(t *testing.T) {
	w, first := inFlight(t)
	hash := w.canary().Status.Candidate.Hash
	late, written := w.second(func() {
		w.ask(func(spec *v1alpha1.CanarySpec) {
			spec.Abort = &v1alpha1.Request{Candidate: hash, Stamp: byJane()}
		})
		w.until(first, "rolled back", func(observed.State) bool { return slices.Equal(w.backends(), []string{"podinfo"}) })
	})
	// Its state is as good as written, so that only the order of its reads can keep it from the route.
	late.client = interceptor.NewClient(late.routes.(client.WithWatch), interceptor.Funcs{
		SubResourceUpdate: func(context.Context, client.Client, string, client.Object, ...client.SubResourceUpdateOption) error {
			return nil
		},
	})
	_, err := late.Reconcile(t.Context(), ctrl.Request{NamespacedName: subject})
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(*written).To(BeZero(), "the route was given a weight that no state asks for any more")
}

func TestSamplesOfATickWhoseStateCannotBeWrittenAreAskedForAnew(t *testing.T) {
	w, _ := inFlight(t)
	still := w.canary()
	longAgo := metav1.NewMicroTime(time.Now().Add(-time.Minute))
	still.Status.Rollout.Step.InEffect, still.Status.Rollout.Canary.TrafficStarted, still.Status.LastCheckTime = &longAgo, &longAgo, nil
	standing := interceptor.NewClient(w.client, interceptor.Funcs{
		Get: func(ctx context.Context, next client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
			if canary, is := object.(*v1alpha1.Canary); is {
				still.DeepCopyInto(canary)
				return nil
			}
			return next.Get(ctx, key, object, options...)
		},
	})
	r, _ := w.second(func() {})
	r.cached, r.live, r.client = standing, standing, interceptor.NewClient(w.client, interceptor.Funcs{
		SubResourceUpdate: func(context.Context, client.Client, string, client.Object, ...client.SubResourceUpdateOption) error {
			return errors.New("the state cannot be written")
		},
	})
	tick := func() {
		_, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: subject})
		w.Expect(err).To(MatchError(ContainSubstring("the state cannot be written")))
	}
	tick()
	w.Eventually(r.memory.samples.woken, patience).Should(Receive())
	tick()
	expectNothingKept(w.WithT, r.memory.samples)
}

// TestAnOrderIsForOneDeployment checks that an order names the Deployment that the tick has read, not another of its name.
func TestAnOrderIsForOneDeployment(t *testing.T) {
	w, _ := inFlight(t)
	var written string
	late, _ := w.second(func() {})
	late.client = interceptor.NewClient(w.client, interceptor.Funcs{
		Patch: func(_ context.Context, _ client.WithWatch, object client.Object, patch client.Patch, _ ...client.PatchOption) error {
			content, err := patch.Data(object)
			written = string(content)
			return err
		},
	})
	primary := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{UID: "of-the-one-read"}}
	o := reading{World: observed.World{Namespace: subject.Namespace, Name: subject.Name, Primary: primary}}
	of := workload.ID{Hash: "7c9e41d2", Attempt: 1, At: time.Date(2026, 1, 1, 0, 0, 0, 5000, time.UTC)}
	w.Expect(late.writeAsk(t.Context(), o, plan.Plan{Ask: plan.AskIntent{Key: config.AnnotationPromote, Of: of}})).To(Succeed())
	w.Expect(written).To(MatchJSON(`{"metadata":{"uid":"of-the-one-read","annotations":{"sluice.dev/promote":"7c9e41d2 1 2026-01-01T00:00:00.000005Z"}}}`))
}
