package reconciler

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestADryRunRefusesEveryOtherWrite(t *testing.T) {
	w := newWorld(t, subject.Namespace)
	w.initialize(subject.Namespace)
	r := refusing{w.client}
	d := w.primary()
	for verb, write := range map[string]func() error{
		"create": func() error {
			return r.Create(t.Context(), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: subject.Namespace, Name: "x"}})
		},
		"update": func() error { return r.Update(t.Context(), d) },
		"patch":  func() error { return r.Patch(t.Context(), d, client.MergeFrom(d.DeepCopy())) },
		"delete": func() error { return r.Delete(t.Context(), d) },
		"delete of all": func() error {
			return r.DeleteAllOf(t.Context(), &appsv1.Deployment{}, client.InNamespace(subject.Namespace))
		},
		"status of a Deployment": func() error { return r.Status().Update(t.Context(), d) },
		"scale":                  func() error { return r.SubResource("scale").Update(t.Context(), d) },
		"status patch": func() error {
			return r.Status().Patch(t.Context(), d, client.MergeFrom(d.DeepCopy()))
		},
		"a finalizer": func() error {
			canary := w.canary()
			return r.Patch(t.Context(), canary, client.MergeFrom(canary.DeepCopy()))
		},
	} {
		w.Expect(write()).To(MatchError(ContainSubstring("dry run: ")), verb)
	}
	deleted := w.canary()
	deleted.DeletionTimestamp = &metav1.Time{Time: time.Now()}
	w.Expect(r.Patch(t.Context(), deleted, client.MergeFrom(deleted.DeepCopy()), client.DryRunAll)).To(Succeed(), "a Canary that is deleted is let go")
	w.Expect(w.primary().ResourceVersion).To(Equal(d.ResourceVersion))
	canary := w.canary()
	canary.Status.Message = "Dry run: x"
	w.Expect(r.Status().Update(t.Context(), canary)).To(Succeed(), "the status of a Canary is written")
	w.Expect(w.canary().Status.Message).To(Equal("Dry run: x"))
}
