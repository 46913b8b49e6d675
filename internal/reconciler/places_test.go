package reconciler

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/rollout/observed"
)

// givenBack brings the rollout of each namespace to its first step, lets it give its place back, and resumes it. It returns the
// Canaries as they are then.
func (w *world) givenBack(namespaces []string) v1alpha1.CanaryList {
	w.initialize(namespaces...)
	r := w.reconciler(w.client, Options{})
	for _, namespace := range namespaces {
		key := types.NamespacedName{Namespace: namespace, Name: subject.Name}
		primary, canary := w.primary(), &v1alpha1.Canary{}
		w.Expect(w.client.Get(w.t.Context(), key, primary)).To(Succeed())
		text, err := candidateFor(primary).Encode()
		w.Expect(err).NotTo(HaveOccurred())
		primary.Annotations[config.AnnotationCandidate] = text
		w.Expect(w.client.Update(w.t.Context(), primary)).To(Succeed())
		w.Eventually(func() bool {
			_, err := r.Reconcile(w.t.Context(), ctrl.Request{NamespacedName: key})
			w.Expect(err).NotTo(HaveOccurred())
			w.Expect(w.client.Get(w.t.Context(), key, canary)).To(Succeed())
			return observed.Checked(canary.Status)
		}, patience, glance).Should(BeTrue(), func() string { return canary.Status.Message })
		canary.Status.Rollout.HeldSince, canary.Status.Rollout.PlaceGivenBack = new(metav1.NowMicro()), new(metav1.NowMicro())
		canary.Status.Paused = &v1alpha1.PauseCause{Kind: v1alpha1.PauseQueue, Text: "it has given its place back"}
		w.Expect(w.client.Status().Update(w.t.Context(), canary)).To(Succeed())
	}
	var all v1alpha1.CanaryList
	w.Expect(w.client.List(w.t.Context(), &all)).To(Succeed())
	return all
}

// TestRolloutsThatGoOnTogetherKeepTheLimit resumes rollouts that have given their places back, in ticks at the same time and in any
// order, with a cache that shows none of their writes.
func TestRolloutsThatGoOnTogetherKeepTheLimit(t *testing.T) {
	const rollouts = 4
	var namespaces []string
	for i := range rollouts {
		namespaces = append(namespaces, fmt.Sprintf("shop-%d", i))
	}
	namespaces[0] = subject.Namespace
	w := newWorld(t, namespaces...)
	given := w.givenBack(namespaces)
	for seed := range uint64(12) {
		chance := rand.New(rand.NewPCG(seed, 8))
		limit := 1 + chance.IntN(rollouts-1)
		for i := range given.Items {
			reset := &v1alpha1.Canary{}
			w.Expect(w.client.Get(t.Context(), client.ObjectKeyFromObject(&given.Items[i]), reset)).To(Succeed())
			reset.Status = *given.Items[i].Status.DeepCopy()
			w.Expect(w.client.Status().Update(t.Context(), reset)).To(Succeed())
		}
		r := w.reconciler(w.client, Options{Limits: observed.Limits{Cluster: limit, HeldFor: time.Minute}})
		r.cached = w.showing(given)
		w.tickAll(r, chance, namespaces)
		going := 0
		for _, namespace := range namespaces {
			canary := &v1alpha1.Canary{}
			w.Expect(w.client.Get(t.Context(), types.NamespacedName{Namespace: namespace, Name: subject.Name}, canary)).To(Succeed())
			if observed.HasPlace(canary.Status) {
				going++
			}
		}
		if going != limit {
			t.Fatalf("seed %d: %d rollouts go on, want %d", seed, going, limit)
		}
	}
}

// showing is a cache that always shows these Canaries.
func (w *world) showing(canaries v1alpha1.CanaryList) client.WithWatch {
	return interceptor.NewClient(w.client, interceptor.Funcs{
		List: func(ctx context.Context, next client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if all, is := list.(*v1alpha1.CanaryList); is {
				canaries.DeepCopyInto(all)
				return nil
			}
			return next.List(ctx, list, options...)
		},
		Get: func(ctx context.Context, next client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
			err := next.Get(ctx, key, object, options...)
			for i := range canaries.Items {
				if canary, is := object.(*v1alpha1.Canary); is && key == client.ObjectKeyFromObject(&canaries.Items[i]) {
					canary.Status = *canaries.Items[i].Status.DeepCopy()
				}
			}
			return err
		},
	})
}

// tickAll ticks each rollout some times, until it has decided about its place.
func (w *world) tickAll(r *Reconciler, chance *rand.Rand, namespaces []string) {
	var ticks sync.WaitGroup
	for _, i := range chance.Perm(3 * len(namespaces)) {
		begins := time.Duration(chance.IntN(20)) * time.Millisecond
		ticks.Go(func() {
			<-time.After(begins)
			r.tick(w.t.Context(), namespaces[i%len(namespaces)])
		})
	}
	ticks.Wait()
}
