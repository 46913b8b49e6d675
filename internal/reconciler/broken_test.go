package reconciler

import (
	"context"
	"errors"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
)

// observedBy returns the part of an observation that writing routes needs.
func (w *world) observedBy(r *Reconciler) reading {
	w.t.Helper()
	var err error
	o := observed.World{Namespace: subject.Namespace, Name: subject.Name, Finalizer: true, Primary: &appsv1.Deployment{}}
	o.Routes, err = r.listRoutes(w.t.Context(), subject.Namespace)
	w.Expect(err).NotTo(HaveOccurred())
	return reading{canary: w.canary(), World: o}
}

func TestWhatCannotBeGeneratedKeepsNoWeightOnTheRoute(t *testing.T) {
	w, _ := inFlight(t)
	broken, written := w.second(func() {})
	broken.client = interceptor.NewClient(broken.routes.(client.WithWatch), interceptor.Funcs{
		Apply: func(context.Context, client.WithWatch, runtime.ApplyConfiguration, ...client.ApplyOption) error {
			return errors.New("a webhook is away")
		},
	})
	o := w.observedBy(broken)
	made := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Service", "metadata": map[string]any{"namespace": subject.Namespace, "name": "made"}}}
	p := plan.Plan{Next: *o.canary.Status.DeepCopy(), Finalizer: true, Split: plan.SplitIntent{Action: plan.SplitRemove}}
	p.Generate.Objects = []*unstructured.Unstructured{made}
	w.Expect(broken.apply(t.Context(), o, p)).To(MatchError(ContainSubstring("a webhook is away")))
	w.Expect(*written).To(Equal(1), "the split is taken out all the same")
}

func TestARouteThatCannotBeWrittenKeepsNoTemplateFromBeingRestored(t *testing.T) {
	w, _ := inFlight(t)
	broken, _ := w.second(func() {})
	var asked []string
	broken.client = interceptor.NewClient(broken.routes.(client.WithWatch), interceptor.Funcs{
		Patch: func(_ context.Context, _ client.WithWatch, object client.Object, _ client.Patch, _ ...client.PatchOption) error {
			if _, isPrimary := object.(*appsv1.Deployment); isPrimary {
				asked = append(asked, object.GetName())
				return nil
			}
			return errors.New("a webhook is away")
		},
	})
	o := w.observedBy(broken)
	p := plan.Plan{Next: *o.canary.Status.DeepCopy(), Finalizer: true, Split: plan.SplitIntent{Action: plan.SplitRemove},
		Ask: plan.AskIntent{Key: config.AnnotationRestore, Of: workload.ID{Hash: "7c9e41d2"}}}
	w.Expect(broken.apply(t.Context(), o, p)).To(MatchError(ContainSubstring("a webhook is away")))
	w.Expect(asked).To(Equal([]string{"podinfo"}))
}
