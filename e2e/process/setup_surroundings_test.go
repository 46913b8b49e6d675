package process

import (
	"fmt"
	"strings"

	. "github.com/onsi/gomega"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// surround gives the primary an autoscaler, a disruption budget and a NetworkPolicy, of which the canary gets copies, and the
// claim that setImageAndVolume names.
func (s *shop) surround() {
	s.t.Helper()
	named := metav1.ObjectMeta{Namespace: shopNamespace, Name: "podinfo"}
	pods := metav1.LabelSelector{MatchLabels: map[string]string{"app": "podinfo"}}
	half := intstr.FromString("50%")
	for _, object := range []client.Object{
		&autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: named, Spec: autoscalingv2.HorizontalPodAutoscalerSpec{MaxReplicas: 10,
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "podinfo"}}},
		&policyv1.PodDisruptionBudget{ObjectMeta: named, Spec: policyv1.PodDisruptionBudgetSpec{Selector: &pods, MaxUnavailable: &half}},
		&networkingv1.NetworkPolicy{ObjectMeta: named, Spec: networkingv1.NetworkPolicySpec{PodSelector: pods, Ingress: []networkingv1.NetworkPolicyIngressRule{{}}}},
		&corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: shopNamespace, Name: "data"}, Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}}}},
	} {
		s.Expect(s.client.Create(s.t.Context(), object)).To(Succeed())
	}
}

func scaledObject(name string) *unstructured.Unstructured {
	scaled := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject"}}
	scaled.SetNamespace(shopNamespace)
	scaled.SetName(name)
	return scaled
}

// setImageAndVolume changes the image to one that also needs a claim.
func (s *shop) setImageAndVolume(image string) {
	s.t.Helper()
	s.patch(fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":"app","image":%q}],"volumes":[{"name":"data","persistentVolumeClaim":{"claimName":"data"}}]}}}}`, image))
}

// scaledByKeda makes KEDA scale the primary instead of the autoscaler.
func (s *shop) scaledByKeda() {
	s.t.Helper()
	scaled := scaledObject("podinfo")
	scaled.Object["spec"] = map[string]any{"scaleTargetRef": map[string]any{"name": "podinfo"}, "maxReplicaCount": int64(10)}
	s.Expect(s.client.Create(s.t.Context(), scaled)).To(Succeed())
}

// surroundingsChange changes the primary's surroundings, and waits until the copies have followed.
func (s *shop) surroundingsChange(p *process) {
	s.t.Helper()
	named := metav1.ObjectMeta{Namespace: shopNamespace, Name: "podinfo"}
	for _, change := range []struct {
		object         client.Object
		patch, follows string
	}{
		{&policyv1.PodDisruptionBudget{ObjectMeta: named}, `{"spec":{"maxUnavailable":"37%"}}`, `"37%"`},
		{&networkingv1.NetworkPolicy{ObjectMeta: named}, `{"spec":{"ingress":[{"ports":[{"port":3737}]}]}}`, `3737`},
		{scaledObject("podinfo"), `{"spec":{"cooldownPeriod":37}}`, `"cooldownPeriod":37`},
	} {
		s.Expect(s.client.Patch(s.t.Context(), change.object, client.RawPatch(types.MergePatchType, []byte(change.patch)))).To(Succeed())
		kind, err := s.client.GroupVersionKindFor(change.object)
		s.Expect(err).NotTo(HaveOccurred())
		copied := &unstructured.Unstructured{}
		copied.SetGroupVersionKind(kind)
		s.Eventually(func() string {
			if err := s.client.Get(s.t.Context(), client.ObjectKey{Namespace: shopNamespace, Name: "podinfo-canary"}, copied); err != nil {
				return err.Error()
			}
			content, err := copied.MarshalJSON()
			s.Expect(err).NotTo(HaveOccurred())
			return strings.Join(strings.Fields(string(content)), "")
		}, patience, glance).Should(ContainSubstring(change.follows), p.lines)
	}
}
