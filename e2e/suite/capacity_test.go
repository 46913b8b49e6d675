package suite

import (
	"context"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/app"
)

var _ = Describe("The canary's capacity", func() {
	It("comes with it, follows a primary that is scaled in flight, and goes with it", func(ctx SpecContext) {
		const namespace = "capacity"
		r := begin(ctx, namespace, scene{
			Options: app.Options{Replicas: 2, Resources: true, Annotations: byPolicy},
			manifests: []string{
				policy(namespace, "{interval: 15s, stepWeights: [25, 50], "+successRate+"}",
					`canary: {template: {metadata: {labels: {ring: early}}, spec: {containers: [{name: podinfo, resources: {limits: {memory: 256Mi}}}]}}}`),
				app.Autoscaler(namespace, app.Name), app.DisruptionBudget(namespace, app.Name), app.NetworkPolicies(namespace, app.Name),
			},
		})
		users := r.neighbours(ctx)
		Expect(users).To(HaveLen(4))
		r.setVersion(ctx, "v2")
		r.waitUntil(ctx, "step 1", moments[1].holds)
		during := r.neighbours(ctx)
		Expect(during).To(HaveLen(7), "a copy of the autoscaler, of the budget, and of the policy that selects by label")
		for name, spec := range users {
			Expect(during).To(HaveKeyWithValue(name, spec), "the user's own is untouched")
		}
		hpa := during["HorizontalPodAutoscaler/podinfo-canary"].(autoscalingv2.HorizontalPodAutoscalerSpec)
		Expect(hpa.ScaleTargetRef.Name).To(Equal("podinfo-canary"))
		Expect([]any{*hpa.MinReplicas, hpa.MaxReplicas}).To(Equal([]any{int32(1), int32(2)}), "a quarter of 2, and of 6 at most")
		pdb := during["PodDisruptionBudget/podinfo-canary"].(policyv1.PodDisruptionBudgetSpec)
		deny := during["NetworkPolicy/podinfo-canary"].(networkingv1.NetworkPolicySpec)
		for _, pod := range r.canaryPods(ctx) {
			Expect(pod.Labels).To(HaveKeyWithValue("ring", "early"))
			Expect(pod.Spec.Containers[0].Resources.Limits.Memory().String()).To(Equal("256Mi"))
			for _, labels := range []map[string]string{pdb.Selector.MatchLabels, deny.PodSelector.MatchLabels} {
				for key, value := range labels {
					Expect(pod.Labels).To(HaveKeyWithValue(key, value))
				}
			}
		}

		By("the primary is scaled to 4")
		r.kubectl(ctx, "scale", "deployment", "podinfo", "--replicas=4")
		s := r.waitUntil(ctx, "step 2", inEffect(2))
		Expect(s.Open().Canary.Replicas).To(Equal(int32(2)), "half of 4 were ready before the weight was given")
		Eventually(ctx, func() int32 {
			return ptr.Deref(r.neighbours(ctx)["HorizontalPodAutoscaler/podinfo-canary"].(autoscalingv2.HorizontalPodAutoscalerSpec).MinReplicas, 0)
		}, patience(), glance).Should(Equal(int32(2)))
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v2")
		Eventually(ctx, func() map[string]any { return r.neighbours(ctx) }, patience(), glance).Should(Equal(users))
		primary, err := r.Deployment(ctx, app.Name)
		Expect(err).NotTo(HaveOccurred())
		Expect(*primary.Spec.Replicas).To(Equal(int32(4)))
		Expect(primary.Spec.Template.Labels).NotTo(HaveKey("ring"), "the candidate is promoted, not the override")
		r.expectNoFailures(ctx, "nobody")
	})
})

// neighbours returns the specs of autoscalers, disruption budgets and network policies by kind and name.
func (r *rollout) neighbours(ctx context.Context) map[string]any {
	GinkgoHelper()
	var scalers autoscalingv2.HorizontalPodAutoscalerList
	var budgets policyv1.PodDisruptionBudgetList
	var policies networkingv1.NetworkPolicyList
	for _, list := range []client.ObjectList{&scalers, &budgets, &policies} {
		Expect(r.Client.List(ctx, list, client.InNamespace(r.Namespace))).To(Succeed())
	}
	found := map[string]any{}
	for _, o := range scalers.Items {
		found["HorizontalPodAutoscaler/"+o.Name] = o.Spec
	}
	for _, o := range budgets.Items {
		found["PodDisruptionBudget/"+o.Name] = o.Spec
	}
	for _, o := range policies.Items {
		found["NetworkPolicy/"+o.Name] = o.Spec
	}
	return found
}

// canaryPods returns the pods of the canary, at least one.
func (r *rollout) canaryPods(ctx context.Context) []corev1.Pod {
	GinkgoHelper()
	canary, err := r.Deployment(ctx, "podinfo-canary")
	Expect(err).NotTo(HaveOccurred())
	var pods corev1.PodList
	Expect(r.Client.List(ctx, &pods, client.InNamespace(r.Namespace), client.MatchingLabels(canary.Spec.Selector.MatchLabels))).To(Succeed())
	Expect(pods.Items).NotTo(BeEmpty(), fmt.Sprint(canary.Spec.Selector))
	return pods.Items
}
