package reconciler

import (
	"context"
	"errors"
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"sluice.dev/sluice/config"
)

// TestEarlierReplicaSetsKeepNoTemplateThatWasDropped changes the primary's template past a candidate that the ReplicaSet before has a
// copy of. The first attempt to clear it fails.
func TestEarlierReplicaSetsKeepNoTemplateThatWasDropped(t *testing.T) {
	w := newWorld(t, subject.Namespace)
	w.initialize(subject.Namespace)
	held := w.primary().Annotations[config.AnnotationInterval]
	w.Expect(held).NotTo(BeEmpty())
	set := func(name string, owner *appsv1.Deployment, annotations map[string]string) {
		made := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Namespace: subject.Namespace, Name: name, Labels: map[string]string{"app": "podinfo"}, Annotations: annotations}}
		made.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(owner, appsv1.SchemeGroupVersion.WithKind("Deployment"))}
		w.Expect(w.client.Create(t.Context(), made)).To(Succeed())
	}
	other := w.primary()
	other.UID = "other"
	old := map[string]string{config.AnnotationCandidate: "password", config.AnnotationPrevious: "another", config.AnnotationInterval: held}
	set("earlier", w.primary(), old)
	set("others", other, old)
	set("dropped", w.primary(), map[string]string{config.AnnotationCandidate: ""})

	lists, fails := 0, true
	r := w.reconciler(interceptor.NewClient(w.client, interceptor.Funcs{
		List: func(ctx context.Context, next client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if list.GetObjectKind().GroupVersionKind().Kind == "ReplicaSetList" {
				if lists++; fails {
					return errors.New("try again")
				}
			}
			return next.List(ctx, list, options...)
		}}), Options{})
	tick := func() {
		_, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: subject})
		w.Expect(err).NotTo(HaveOccurred())
	}
	annotations := func(name string) map[string]string {
		found := &appsv1.ReplicaSet{}
		w.Expect(w.client.Get(t.Context(), types.NamespacedName{Namespace: subject.Namespace, Name: name}, found)).To(Succeed())
		return found.Annotations
	}
	tick()
	w.Expect(lists).To(BeZero(), "a Deployment at rest costs no calls")

	primary := w.primary()
	primary.Spec.Template.Spec.Containers[0].Image = "podinfo:v2"
	primary.Annotations["deployment.kubernetes.io/revision"] = "2"
	primary.Generation++
	w.Expect(w.client.Update(t.Context(), primary)).To(Succeed())
	tick()
	w.Expect(lists).To(BeZero(), "the Deployment controller has not seen the new template yet")
	primary = w.primary()
	primary.Status.ObservedGeneration = primary.Generation
	w.Expect(w.client.Status().Update(t.Context(), primary)).To(Succeed())
	tick()
	w.Expect(annotations("earlier")).To(Equal(old))
	fails = false
	tick()
	w.Expect(annotations("earlier")).To(Equal(map[string]string{config.AnnotationInterval: held}))
	w.Expect(annotations("others")).To(Equal(old), "it is somebody else's")
	w.Expect(annotations("dropped")).To(HaveKeyWithValue(config.AnnotationCandidate, ""), "nothing to remove")
	before := lists
	tick()
	w.Expect(lists).To(Equal(before), fmt.Sprint("it is done once, after ", before, " lists"))
}
