package reconciler

import (
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// member creates a second Deployment of the group. It holds back a candidate, but has no Service, so its canary cannot be
// judged.
func (a *app) member(name string) *appsv1.Deployment {
	a.t.Helper()
	first, err := get(a, "podinfo", &appsv1.Deployment{})
	a.Expect(err).NotTo(HaveOccurred())
	text, err := candidateFor(first).Encode()
	a.Expect(err).NotTo(HaveOccurred())
	pods := map[string]string{"app": name}
	made := &appsv1.Deployment{ObjectMeta: a.named(name), Spec: *first.Spec.DeepCopy()}
	made.Spec.Selector, made.Spec.Template.Labels = &metav1.LabelSelector{MatchLabels: pods}, pods
	made.Annotations = map[string]string{config.AnnotationCanary: "true", config.AnnotationGroup: "checkout", config.AnnotationCandidate: text}
	a.create(made)
	return made
}

func TestMembersOfAGroupWaitForEachOther(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.annotate(config.AnnotationGroup, "checkout")
	cart := a.member("cart")
	a.inFlight()
	a.waitFor("the wait for cart", func(s v1alpha1.CanaryStatus) bool {
		return s.Open().Step.Number == 1 && s.Open().Group != nil && s.Open().Group.Passed == 1 && slices.Equal(s.Open().Group.WaitingFor, []string{"cart"})
	})
	a.Expect(a.canary().Status.Message).To(ContainSubstring("group checkout waits for cart"))
	patch := []byte(`{"metadata":{"annotations":{"sluice.dev/candidate":null}}}`)
	a.Expect(server.Client.Patch(t.Context(), cart, client.RawPatch(types.MergePatchType, patch))).To(Succeed())
	a.waitFor("the wait to end", func(s v1alpha1.CanaryStatus) bool {
		return s.Open().Group != nil && len(s.Open().Group.WaitingFor) == 0
	})
}

func TestTheFailureOfAMemberRollsTheOthersBack(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.annotate(config.AnnotationGroup, "checkout")
	a.member("cart")
	a.inFlight()
	var cart v1alpha1.Canary
	a.Eventually(func() error {
		if err := server.Client.Get(t.Context(), client.ObjectKey{Namespace: a.namespace, Name: "cart"}, &cart); err != nil {
			return err
		}
		abort := &v1alpha1.Request{Candidate: cart.Status.Candidate.Hash, Stamp: byJane()}
		cart.Spec.Abort = abort
		return server.Client.Update(t.Context(), &cart)
	}, patience, glance).Should(Succeed())
	a.waitFor("a rollback", func(s v1alpha1.CanaryStatus) bool {
		return s.Candidate.Outcome == v1alpha1.OutcomeFailed && s.Candidate.Reason == "group checkout: cart was rolled back: aborted by jane"
	})
}
