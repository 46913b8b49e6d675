package reconciler

import (
	"context"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// withoutCanary is a cache that does not show the Canary.
func (w *world) withoutCanary() client.WithWatch {
	return interceptor.NewClient(w.client, interceptor.Funcs{
		Get: func(ctx context.Context, next client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
			if _, is := object.(*v1alpha1.Canary); is {
				return apierrors.NewNotFound(schema.GroupResource{Resource: "canaries"}, key.Name)
			}
			return next.Get(ctx, key, object, options...)
		},
	})
}

// TestASplitWithoutACanaryIsRemoved looks at a route at 20 % whose Canary the cache does not show.
func TestASplitWithoutACanaryIsRemoved(t *testing.T) {
	for name, c := range map[string]struct {
		// gone is set if the API server does not know the Canary either. optedOut and deleted are what happened to its Deployment.
		gone, optedOut, deleted bool
		removed                 bool
	}{
		"the Canary and its Deployment are gone": {gone: true, deleted: true, removed: true},
		"the Deployment is opted out":            {gone: true, optedOut: true, removed: true},
		"only the cache does not show it":        {optedOut: true},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := inFlight(t)
			r, _ := w.second(func() {})
			told := record.NewFakeRecorder(10)
			r.cached, r.recorder = w.withoutCanary(), told
			primary := w.primary()
			if delete(primary.Annotations, config.AnnotationCanary); c.optedOut {
				w.Expect(w.client.Update(t.Context(), primary)).To(Succeed())
			}
			if c.deleted {
				w.Expect(w.client.Delete(t.Context(), primary)).To(Succeed())
			}
			if c.gone {
				canary := w.canary()
				canary.Finalizers = nil
				w.Expect(w.client.Update(t.Context(), canary)).To(Succeed())
				w.Expect(w.client.Delete(t.Context(), canary)).To(Succeed())
			}
			_, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: subject})
			w.Expect(err).NotTo(HaveOccurred())
			w.Expect(len(w.backends()) == 1).To(Equal(c.removed))
			said := ""
			for len(told.Events) > 0 {
				said += <-told.Events
			}
			w.Expect(strings.Contains(said, "SplitOrphaned")).To(Equal(c.removed), said)
		})
	}
}

// TestARouteWakesTheDeploymentsOfItsSplits has a split of which nobody knows the Canary.
func TestARouteWakesTheDeploymentsOfItsSplits(t *testing.T) {
	w := newWorld(t, subject.Namespace)
	left := accepted(metav1.ObjectMeta{Namespace: subject.Namespace, Name: "left"})
	left.Annotations = map[string]string{config.AnnotationSplit: `[{"deployment":"gone","primary":"gone","canary":"gone-canary","weight":20}]`}
	w.Expect(w.client.Create(t.Context(), left)).To(Succeed())
	object := routeObject("HTTPRoute")
	w.Expect(w.client.Get(t.Context(), client.ObjectKeyFromObject(left), object)).To(Succeed())
	gone := ctrl.Request{NamespacedName: client.ObjectKey{Namespace: subject.Namespace, Name: "gone"}}
	w.Expect(w.reconciler(w.client, Options{}).ofRoute(t.Context(), object)).To(ContainElement(gone))
	w.Expect(w.reconciler(w.client, Options{Namespaces: []string{"other"}}).ofRoute(t.Context(), object)).NotTo(ContainElement(gone))
}
