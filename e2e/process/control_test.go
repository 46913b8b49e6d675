package process

import (
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
)

// controlled reports whether anything of a control exists.
func (s *shop) controlled() bool {
	s.t.Helper()
	key := client.ObjectKey{Namespace: shopNamespace, Name: "podinfo-baseline"}
	for _, object := range []client.Object{&appsv1.Deployment{}, &corev1.Service{}} {
		err := s.client.Get(s.t.Context(), key, object)
		s.Expect(client.IgnoreNotFound(err)).To(Succeed())
		if err == nil {
			return true
		}
	}
	return false
}

// expectControl expects a control as large as the canary, with the primary's template and pods that nobody else selects.
func (s *shop) expectControl() {
	s.t.Helper()
	var control, canary appsv1.Deployment
	s.Expect(s.client.Get(s.t.Context(), client.ObjectKey{Namespace: shopNamespace, Name: "podinfo-baseline"}, &control)).To(Succeed())
	s.Expect(s.client.Get(s.t.Context(), client.ObjectKey{Namespace: shopNamespace, Name: "podinfo-canary"}, &canary)).To(Succeed())
	s.Expect(control.Spec.Replicas).To(Equal(canary.Spec.Replicas))
	s.Expect(control.Spec.Template.Spec.Containers[0].Image).NotTo(Equal(canary.Spec.Template.Spec.Containers[0].Image))
	s.Expect(control.Spec.Template.Labels["app"]).To(Equal("podinfo-baseline"))
	s.Expect(metav1.IsControlledBy(&control, s.canary())).To(BeTrue())
}

// TestTheGuardComparesWithAControl has a whole rollout beside a control, one that is rolled back, and one that is taken away with the
// opt-in.
func TestTheGuardComparesWithAControl(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	s, g := c.guarded(func(guard *v1alpha1.Guard) { guard.Baseline = ptr.To("fresh") })
	p := s.ready(handedOver...)
	s.byStandard(p)

	s.setImage("podinfo:v2")
	s.judgedTo(p, "the second step judged", func(step int32, _ *v1alpha1.GuardStatus) bool { return step == 2 })
	s.expectControl()
	shares := s.shares(t.Context())
	c.Expect(shares["podinfo-baseline"]).To(BeNumerically(">", 0))
	c.Expect(shares["podinfo-baseline"]).To(Equal(shares["podinfo-canary"]))
	c.Expect(s.canary().Status.Open().Control.Ready).NotTo(BeNil())

	edit := client.RawPatch(types.StrategicMergePatchType, []byte(`{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"podinfo:v0"}]}}}}`))
	c.Expect(apierrors.IsForbidden(c.client.Patch(t.Context(), &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: shopNamespace, Name: "podinfo-baseline"}}, edit))).To(BeTrue())

	s.waitForEnd(p, v1alpha1.PhaseSucceeded, 1)
	c.Expect(s.controlled()).To(BeFalse())
	c.Expect(s.shares(t.Context())).To(HaveLen(1))
	c.Eventually(func() []string { return s.events("ControlReady") }, patience, glance).Should(HaveLen(1), p.lines)
	c.Expect(s.events("ControlOff")).To(BeEmpty())

	g.fail(0.5)
	s.setImage("podinfo:v3")
	s.waitForEnd(p, v1alpha1.PhaseFailed, 2)
	c.Expect(s.controlled()).To(BeFalse())

	g.fail(0)
	s.setImage("podinfo:v4")
	s.judgedTo(p, "the first step judged", func(step int32, _ *v1alpha1.GuardStatus) bool { return step == 1 })
	s.expectControl()
	s.optedIn(false)
	c.Eventually(s.controlled, patience, glance).Should(BeFalse(), p.lines)
	c.Expect(s.events("ControlOff")).To(BeEmpty())
	p.expectNothingForbidden()
	p.stop()
}
