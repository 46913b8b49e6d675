package reconciler

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// TestOnlyAnInvalidDeploymentSpeaksAgainstTheCandidate lets the API server refuse one kind of the canary's objects.
func TestOnlyAnInvalidDeploymentSpeaksAgainstTheCandidate(t *testing.T) {
	for name, c := range map[string]struct {
		kind, field string
		fails, told bool
	}{
		"a Deployment":                       {kind: "Deployment", field: "spec.template", fails: true},
		"a Deployment that was replaced":     {kind: "Deployment", field: "metadata.uid"},
		"a Deployment that a policy refuses": {kind: "Deployment", told: true},
		"the copy of the primary's Service":  {kind: "Service", field: "spec.ports[0].name", told: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, subject.Namespace)
			w.initialize(subject.Namespace)
			invalid := apierrors.NewInvalid(schema.GroupKind{Kind: c.kind}, "podinfo-canary", field.ErrorList{field.Invalid(field.NewPath(c.field), "x", "is wrong")})
			if c.field == "" {
				// A policy of the cluster refuses so.
				invalid.ErrStatus.Message, invalid.ErrStatus.Details.Causes = "is wrong", []metav1.StatusCause{{Message: "is wrong"}}
			}
			r := w.reconciler(interceptor.NewClient(w.client, interceptor.Funcs{
				Create: func(ctx context.Context, next client.WithWatch, object client.Object, options ...client.CreateOption) error {
					if made, is := object.(workload.Object); is && workload.KindOf(made) == c.kind {
						return invalid
					}
					return next.Create(ctx, object, options...)
				}}), Options{})
			primary := w.primary()
			candidate := candidateFor(primary)
			text, err := candidate.Encode()
			w.Expect(err).NotTo(HaveOccurred())
			metav1.SetMetaDataAnnotation(&primary.ObjectMeta, config.AnnotationCandidate, text)
			w.Expect(w.client.Update(t.Context(), primary)).To(Succeed())
			w.Eventually(func() error {
				_, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: subject})
				return err
			}, patience, glance).Should(MatchError(ContainSubstring("is wrong")))
			_, _ = r.Reconcile(t.Context(), ctrl.Request{NamespacedName: subject})
			w.Expect(w.canary().Status.Candidate.Outcome == v1alpha1.OutcomeFailed).To(Equal(c.fails), "%+v", w.canary().Status)
			var events []string
			for told := r.recorder.(*record.FakeRecorder).Events; len(told) > 0; {
				events = append(events, <-told)
			}
			rejected := ContainElement(ContainSubstring("CanaryRejected"))
			if !c.told {
				rejected = Not(rejected)
			}
			w.Expect(events).To(rejected)
			if c.told {
				_, _ = r.Reconcile(t.Context(), ctrl.Request{NamespacedName: subject})
				w.Expect(w.canary().Status.Message).To(And(HavePrefix("Waiting for the canary to be ready: the canary is being created; the API server rejects it: "), ContainSubstring("is wrong")))
			}
		})
	}
}
