package reconciler

import (
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// member creates a second Deployment of the group. It holds back a candidate, but has no Service, so its canary cannot be
// judged.
func (a *app) member(name string) *appsv1.Deployment {
	a.t.Helper()
	first, err := get(a, "podinfo", &appsv1.Deployment{})
	a.Expect(err).NotTo(HaveOccurred())
	pods := map[string]string{"app": name}
	made := &appsv1.Deployment{ObjectMeta: a.named(name), Spec: *first.Spec.DeepCopy()}
	made.Spec.Selector, made.Spec.Template.Labels = &metav1.LabelSelector{MatchLabels: pods}, pods
	text, err := candidateFor(made).Encode()
	a.Expect(err).NotTo(HaveOccurred())
	made.Annotations = map[string]string{config.AnnotationCanary: "true", config.AnnotationGroup: "checkout", config.AnnotationCandidate: text}
	a.create(made)
	return made
}

// TestMembersThatDoNotFitOnARouteAreToldAtOptIn has no candidate at any time.
func TestMembersThatDoNotFitOnARouteAreToldAtOptIn(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.annotate(config.AnnotationGroup, "checkout")
	a.annotate(config.AnnotationMatch, "x-tester=yes")
	a.waitForPhase(v1alpha1.PhaseInitialized)
	pods := map[string]string{"app": "cart"}
	a.create(&corev1.Service{ObjectMeta: a.named("cart"), Spec: corev1.ServiceSpec{Selector: pods, Ports: []corev1.ServicePort{{Port: 80}}}})
	cart := gatewayv1.HTTPBackendRef{}
	cart.Name, cart.Port = "cart", ptr.To(gatewayv1.PortNumber(80))
	change := func(change func(*gatewayv1.HTTPRouteSpec)) {
		a.Eventually(func() error {
			route, err := get(a, "podinfo", &gatewayv1.HTTPRoute{})
			if err != nil {
				return err
			}
			change(&route.Spec)
			return server.Client.Update(t.Context(), route)
		}, patience, glance).Should(Succeed())
		a.accept()
	}
	change(func(spec *gatewayv1.HTTPRouteSpec) {
		spec.Rules[0].BackendRefs = append(spec.Rules[0].BackendRefs, cart)
	})
	first, err := get(a, "podinfo", &appsv1.Deployment{})
	a.Expect(err).NotTo(HaveOccurred())
	second := &appsv1.Deployment{ObjectMeta: a.named("cart"), Spec: *first.Spec.DeepCopy()}
	second.Spec.Selector, second.Spec.Template.Labels = &metav1.LabelSelector{MatchLabels: pods}, pods
	second.Annotations = map[string]string{config.AnnotationCanary: "true", config.AnnotationGroup: "checkout"}
	a.create(second)
	a.available("cart")
	for _, name := range []string{"cart", "podinfo"} {
		a.eventually("a group that cannot step together", name, func(s v1alpha1.CanaryStatus) bool {
			return s.Blocked != nil && s.Blocked.Kind == v1alpha1.BlockedGroup &&
				strings.HasPrefix(s.Blocked.Text, "Deployments cart and podinfo of group checkout do not fit on HTTPRoute podinfo together")
		})
	}
	change(func(spec *gatewayv1.HTTPRouteSpec) {
		spec.Rules = []gatewayv1.HTTPRouteRule{{BackendRefs: spec.Rules[0].BackendRefs[:1]}, {BackendRefs: []gatewayv1.HTTPBackendRef{cart}}}
	})
	for _, name := range []string{"cart", "podinfo"} {
		a.eventually("that the group can step together", name, func(s v1alpha1.CanaryStatus) bool {
			return s.Phase == v1alpha1.PhaseInitialized && s.Blocked == nil
		})
	}
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
