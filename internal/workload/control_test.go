package workload

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/config"
)

// TestAControlIsApartFromBothVersions holds that nothing selects the pods of a control that selects those of the primary or of the
// canary, and that what protects the primary's pods protects the control's.
func TestAControlIsApartFromBothVersions(t *testing.T) {
	labels := map[string]string{"app": "shop", "tier": "web"}
	primary := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "shop", Labels: map[string]string{"app": "shop", "helm.sh/chart": "x"}}}
	primary.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "shop"}}
	primary.Spec.Template.Labels = labels
	service := corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "shop"}}}
	identity, err := ControlIdentity(primary, []corev1.Service{service}, nil)
	if err != nil {
		t.Fatal(err)
	}
	control := MakeControl(primary, "7c9e41d2", identity, 3, metav1.OwnerReference{Name: "shop"})
	made := MakeCanaryService(&service, primary, control, metav1.OwnerReference{})
	if control.Name != "shop-baseline" || made.Name != "web-baseline" || *control.Spec.Replicas != 3 || control.Annotations[config.AnnotationTemplateHash] != "7c9e41d2" {
		t.Errorf("%s with %s: %+v", control.Name, made.Name, control.ObjectMeta)
	}
	pods := map[string]string{"app": "shop-baseline", "tier": "web", config.LabelRole: config.RoleControl}
	if diff := cmp.Diff(pods, control.Spec.Template.Labels); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"app": "shop-baseline", config.LabelRole: config.RoleControl}, made.Spec.Selector); diff != "" {
		t.Error(diff)
	}
	if !IsCopy(control) || !IsCopy(made) || len(ServicesOf(primary, []corev1.Service{service, *made})) != 1 || primary.Spec.Template.Labels["app"] != "shop" {
		t.Errorf("the control is not told apart: %v", made.Labels)
	}
	policy := networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: "deny"}, Spec: networkingv1.NetworkPolicySpec{PodSelector: *primary.Spec.Selector}}
	protecting := MakeCanaryNetworkPolicies([]networkingv1.NetworkPolicy{policy}, primary, control)
	if len(protecting) != 1 || protecting[0].Name != "deny-baseline" || RoleOf(protecting[0]) != config.RoleControl || protecting[0].Spec.PodSelector.MatchLabels["app"] != "shop-baseline" {
		t.Errorf("%+v", protecting)
	}
	if left := MakeCanaryNetworkPolicies([]networkingv1.NetworkPolicy{*protecting[0]}, primary, control); len(left) != 0 {
		t.Errorf("a copy is copied: %+v", left)
	}
}
