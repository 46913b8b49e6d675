package reconciler

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// told returns the messages of the events with a reason.
func (a *app) told(reason string) string {
	var events corev1.EventList
	a.Expect(server.Client.List(a.t.Context(), &events, client.InNamespace(a.namespace))).To(Succeed())
	var messages []string
	for _, event := range events.Items {
		if event.Reason == reason {
			messages = append(messages, event.Message)
		}
	}
	return strings.Join(messages, "\n")
}

// inFirstStep brings a rollout to its first step, in which it stays.
func (a *app) inFirstStep() {
	a.t.Helper()
	a.annotate(config.AnnotationInterval, "1h")
	a.inFlight()
}

// expectReturn lets the canary be ready again and expects the first step, without a failed check.
func (a *app) expectReturn() {
	a.t.Helper()
	a.accept()
	a.available("podinfo-canary")
	a.Eventually(a.weights, patience, glance).Should(Equal("podinfo=100 podinfo-canary=0"))
	a.accept()
	a.waitFor("the first step", func(s v1alpha1.CanaryStatus) bool { return s.Open().Step.Number == 1 })
	a.Expect(a.canary().Status.FailedChecks).To(BeZero())
	a.Expect(a.canary().Status.Open().Interrupted).To(HaveField("Times", BeEquivalentTo(1)))
	a.Eventually(func() string { return a.told("CanaryReturns") }, patience, glance).Should(ContainSubstring("step 1 of"))
}

func TestAKilledCanaryPodCostsNoCheckAndNoStep(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.inFirstStep()
	a.Eventually(func() error {
		d, err := get(a, "podinfo-canary", &appsv1.Deployment{})
		if err != nil {
			return err
		}
		d.Status.AvailableReplicas, d.Status.ReadyReplicas = 0, 0
		return server.Client.Status().Update(t.Context(), d)
	}, patience, glance).Should(Succeed())
	a.Eventually(a.weights, patience, glance).Should(Equal("podinfo=1"))
	a.expectReturn()
}

func TestADeletedServiceOfTheCanaryTakesTheWeightAwayAndIsMadeAgain(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.inFirstStep()
	service, err := get(a, "podinfo-canary", &corev1.Service{})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(server.Client.Delete(t.Context(), service)).To(Succeed())
	a.Eventually(a.weights, patience, glance).Should(Equal("podinfo=1"))
	a.Eventually(func() error { _, err := get(a, "podinfo-canary", &corev1.Service{}); return err }, patience, glance).Should(Succeed())
	a.expectReturn()
}

func TestAnEditedCanaryIsToldOfAndWrittenBack(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.inFlight()
	edited, err := get(a, "podinfo-canary", &appsv1.Deployment{})
	a.Expect(err).NotTo(HaveOccurred())
	base := edited.DeepCopy()
	edited.Spec.Template.Spec.Containers[0].Image = "podinfo:other"
	a.Expect(server.Client.Patch(t.Context(), edited, client.MergeFrom(base), client.FieldOwner("kubectl-edit"))).To(Succeed())
	a.Eventually(a.weights, patience, glance).Should(Equal("podinfo=1"))
	a.Eventually(func() string { return a.told("CanaryEdited") }, patience, glance).Should(ContainSubstring("changed by kubectl-edit at "))
	a.accept()
	a.Eventually(func() string {
		d, err := get(a, "podinfo-canary", &appsv1.Deployment{})
		if err != nil {
			return err.Error()
		}
		return d.Spec.Template.Spec.Containers[0].Image
	}, patience, glance).Should(Equal("podinfo:v2"))
	a.available("podinfo-canary")
	a.waitFor("the candidate written anew", func(s v1alpha1.CanaryStatus) bool {
		return s.Open().Canary.Written != nil && s.Open().Canary.Edited == nil && s.Open().Interrupted.ReturnsTo == 0
	})
}

// TestAScaledCanaryIsNotEdited scales the canary past Sluice, which raises its generation.
func TestAScaledCanaryIsNotEdited(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.inFlight()
	canary, err := get(a, "podinfo-canary", &appsv1.Deployment{})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(server.Client.SubResource("scale").Update(t.Context(), canary,
		client.WithSubResourceBody(&autoscalingv1.Scale{ObjectMeta: canary.ObjectMeta, Spec: autoscalingv1.ScaleSpec{Replicas: 9}}))).To(Succeed())
	a.available("podinfo-canary")
	a.Eventually(a.weights, patience, glance).Should(Equal("podinfo=80 podinfo-canary=20"))
	scaled, err := get(a, "podinfo-canary", &appsv1.Deployment{})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(scaled.Generation).To(BeNumerically(">", canary.Generation))
	a.Expect(a.told("CanaryEdited")).To(BeEmpty())
	a.Expect(a.told("CanaryNotReady")).To(BeEmpty())
}

func TestTheCanarysServiceFollowsInPlace(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.inFlight()
	before, err := get(a, "podinfo-canary", &corev1.Service{})
	a.Expect(err).NotTo(HaveOccurred())
	service, err := get(a, "podinfo", &corev1.Service{})
	a.Expect(err).NotTo(HaveOccurred())
	base := service.DeepCopy()
	local := corev1.ServiceInternalTrafficPolicyLocal
	service.Spec.Ports = []corev1.ServicePort{{Name: "alt", Port: 81}}
	service.Spec.SessionAffinity, service.Spec.InternalTrafficPolicy, service.Spec.PublishNotReadyAddresses = corev1.ServiceAffinityClientIP, &local, true
	a.Expect(server.Client.Patch(t.Context(), service, client.MergeFrom(base))).To(Succeed())
	ports := func() []int32 {
		followed, err := get(a, "podinfo-canary", &corev1.Service{})
		a.Expect(err).NotTo(HaveOccurred())
		a.Expect(followed.UID).To(Equal(before.UID), "it was made anew")
		if followed.Spec.SessionAffinity != corev1.ServiceAffinityClientIP || *followed.Spec.InternalTrafficPolicy != local || !followed.Spec.PublishNotReadyAddresses {
			return nil
		}
		var numbers []int32
		for _, port := range followed.Spec.Ports {
			numbers = append(numbers, port.Port)
		}
		return numbers
	}
	a.Eventually(ports, patience, glance).Should(ConsistOf(int32(81), int32(80)), "the route still names port 80")
	a.Expect(a.told("CanaryNotReady")).To(BeEmpty())
}
