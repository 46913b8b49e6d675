package reconciler

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

var ofPrimary = metav1.LabelSelector{MatchLabels: map[string]string{"app": "podinfo"}}

// surround gives the primary an autoscaler, a disruption budget and a NetworkPolicy.
func (a *app) surround() {
	a.t.Helper()
	a.create(&autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: a.named("podinfo"), Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
		ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "podinfo"},
		MinReplicas:    ptr.To(int32(4)), MaxReplicas: 20}})
	a.create(&policyv1.PodDisruptionBudget{ObjectMeta: a.named("podinfo"), Spec: policyv1.PodDisruptionBudgetSpec{
		Selector: &ofPrimary, MinAvailable: ptr.To(intstr.FromInt32(3))}})
	a.create(&networkingv1.NetworkPolicy{ObjectMeta: a.named("podinfo"), Spec: networkingv1.NetworkPolicySpec{
		PodSelector: ofPrimary, Ingress: []networkingv1.NetworkPolicyIngressRule{{}}}})
}

func (a *app) autoscaler() string {
	hpa, err := get(a, "podinfo-canary", &autoscalingv2.HorizontalPodAutoscaler{})
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s from %d to %d", hpa.Spec.ScaleTargetRef.Name, *hpa.Spec.MinReplicas, hpa.Spec.MaxReplicas)
}

func (a *app) expectGone(objects ...client.Object) {
	a.t.Helper()
	for _, object := range objects {
		a.Eventually(func() bool {
			_, err := get(a, "podinfo-canary", object)
			return apierrors.IsNotFound(err)
		}, patience, glance).Should(BeTrue(), "%T is still there", object)
	}
}

func TestWhatSurroundsThePrimaryIsCopiedFollowsAndGoes(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.surround()
	a.inFlight()
	a.Eventually(a.autoscaler, patience, glance).Should(Equal("podinfo-canary from 1 to 2"))
	canary, err := get(a, "podinfo-canary", &appsv1.Deployment{})
	a.Expect(err).NotTo(HaveOccurred())
	budget, err := get(a, "podinfo-canary", &policyv1.PodDisruptionBudget{})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(budget.Spec.Selector).To(Equal(canary.Spec.Selector))
	a.Expect(budget.Spec.MaxUnavailable.IntValue()).To(Equal(1))
	policy, err := get(a, "podinfo-canary", &networkingv1.NetworkPolicy{})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(policy.Spec.PodSelector).To(Equal(*canary.Spec.Selector))
	a.Expect(policy.CreationTimestamp.Time).NotTo(BeTemporally(">", canary.CreationTimestamp.Time))
	for _, object := range []client.Object{budget, policy} {
		a.Expect(metav1.IsControlledBy(object, ptr.To(a.canary()))).To(BeTrue(), "%T", object)
	}

	primarys, err := get(a, "podinfo", &networkingv1.NetworkPolicy{})
	a.Expect(err).NotTo(HaveOccurred())
	primarys.Spec.Ingress[0].Ports = []networkingv1.NetworkPolicyPort{{Port: ptr.To(intstr.FromInt32(80))}}
	a.Expect(server.Client.Update(t.Context(), primarys)).To(Succeed())
	a.Eventually(func() int {
		copied, err := get(a, "podinfo-canary", &networkingv1.NetworkPolicy{})
		if err != nil {
			return -1
		}
		return len(copied.Spec.Ingress[0].Ports)
	}, patience, glance).Should(Equal(1))

	a.annotate(config.AnnotationCandidate, "")
	a.expectRestored()
	a.waitForPhase(v1alpha1.PhaseInitialized)
	a.expectGone(&autoscalingv2.HorizontalPodAutoscaler{}, &policyv1.PodDisruptionBudget{}, &networkingv1.NetworkPolicy{})
	for _, object := range []client.Object{&autoscalingv2.HorizontalPodAutoscaler{}, &policyv1.PodDisruptionBudget{}, &networkingv1.NetworkPolicy{}} {
		_, err := get(a, "podinfo", object)
		a.Expect(err).NotTo(HaveOccurred(), "the primary's %T must stay", object)
	}
}

func TestReplicasThatTheCanarysAutoscalerAddsStay(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.surround()
	a.inFlight()
	scaled := func(replicas int32) {
		t.Helper()
		a.Eventually(func() error {
			d, err := get(a, "podinfo-canary", &appsv1.Deployment{})
			if err != nil {
				return err
			}
			d.Spec.Replicas = &replicas
			return server.Client.Update(t.Context(), d)
		}, patience, glance).Should(Succeed())
		a.available("podinfo-canary")
	}
	scaled(3)
	a.Eventually(a.weights, patience, glance).Should(Equal("podinfo=80 podinfo-canary=20"))
	a.accept()
	a.waitFor("the second step in effect", func(s v1alpha1.CanaryStatus) bool {
		return s.Open().Step.Number == 2 && s.Open().Step.InEffect != nil || s.Open().Step.Number > 2
	})
	canary, err := get(a, "podinfo-canary", &appsv1.Deployment{})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(*canary.Spec.Replicas).To(Equal(int32(3)))
}

func TestAnAutoscalerOfSomebodyElseHoldsTheRollout(t *testing.T) {
	a := newApp(t)
	a.surround()
	foreign := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: a.named("podinfo-canary"), Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
		ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "other"}, MaxReplicas: 3}}
	a.create(foreign)
	a.waitForPhase(v1alpha1.PhaseInitialized)
	a.hold()
	a.waitFor("a message that names it", func(s v1alpha1.CanaryStatus) bool {
		return s.Phase == v1alpha1.PhaseWaiting && s.Message == "HorizontalPodAutoscaler podinfo-canary exists but was not created for this Deployment: rename or delete it, because the canary needs the name"
	})
	_, err := get(a, "podinfo-canary", &appsv1.Deployment{})
	a.Expect(apierrors.IsNotFound(err)).To(BeTrue())
}

func TestAScaledObjectIsCopied(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	scaled := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject",
		"spec": map[string]any{"scaleTargetRef": map[string]any{"name": "podinfo"}, "maxReplicaCount": int64(20),
			"triggers": []any{map[string]any{"type": "prometheus", "metadata": map[string]any{"query": `requests{deployment="podinfo"}`}}}}}}
	scaled.SetNamespace(a.namespace)
	scaled.SetName("podinfo")
	a.create(scaled)
	a.inFlight()
	copied := &unstructured.Unstructured{}
	copied.SetGroupVersionKind(scaled.GroupVersionKind())
	a.Eventually(func() error { _, err := get(a, "podinfo-canary", copied); return err }, patience, glance).Should(Succeed())
	spec, _, _ := unstructured.NestedMap(copied.Object, "spec")
	a.Expect(spec).To(Equal(map[string]any{"scaleTargetRef": map[string]any{"name": "podinfo-canary"}, "minReplicaCount": int64(1), "maxReplicaCount": int64(2),
		"triggers": []any{map[string]any{"type": "prometheus", "metadata": map[string]any{"query": `requests{deployment="podinfo-canary"}`}}}}))
	a.annotate(config.AnnotationCandidate, "")
	a.expectRestored()
	a.expectGone(copied)
	after := scaled.DeepCopy()
	_, err := get(a, "podinfo", after)
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(after.GetResourceVersion()).To(Equal(scaled.GetResourceVersion()), "the primary's ScaledObject was changed")
}
