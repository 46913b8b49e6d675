package workload

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/config"
)

func networkPolicy(name string, pods, from map[string]string) networkingv1.NetworkPolicy {
	policy := networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
	policy.Spec.PodSelector.MatchLabels = pods
	policy.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{{PodSelector: &metav1.LabelSelector{MatchLabels: from}}}}}
	return policy
}

func TestNetworkPoliciesAreCopiedWhereTheyMissTheCanary(t *testing.T) {
	primary := primaryNamed("podinfo")
	canary := canaryOf(t, primary)
	of := func(key, value string) map[string]string { return map[string]string{key: value} }
	all := []networkingv1.NetworkPolicy{
		networkPolicy("primarys", of("app", "podinfo"), of("app", "gateway")), networkPolicy("everybodys", nil, nil),
		networkPolicy("teams", of("team", "shop"), nil), networkPolicy("others", of("app", "other"), nil),
	}
	made := MakeCanaryNetworkPolicies(all, primary, canary)
	if len(made) != 1 || made[0].Name != "primarys-canary" || made[0].Labels[config.LabelRole] != config.RoleCanary {
		t.Fatalf("made %v", made)
	}
	if diff := cmp.Diff(canary.Spec.Selector.MatchLabels, made[0].Spec.PodSelector.MatchLabels); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(all[0].Spec.Ingress, made[0].Spec.Ingress); diff != "" {
		t.Error(diff)
	}
}

func TestBudgetsAreCopiedWhereTheyMissTheCanary(t *testing.T) {
	primary := primaryNamed("podinfo")
	canary := canaryOf(t, primary)
	number, percent, one := intstr.FromInt32(3), intstr.FromString("60%"), intstr.FromInt32(1)
	for name, c := range map[string]struct {
		spec                         policyv1.PodDisruptionBudgetSpec
		minAvailable, maxUnavailable *intstr.IntOrString
	}{
		"a number that stays":     {policyv1.PodDisruptionBudgetSpec{MinAvailable: &number}, nil, &one},
		"a number that goes":      {policyv1.PodDisruptionBudgetSpec{MaxUnavailable: &number}, nil, &one},
		"a percentage that stays": {policyv1.PodDisruptionBudgetSpec{MinAvailable: &percent}, &percent, nil},
		"a percentage that goes":  {policyv1.PodDisruptionBudgetSpec{MaxUnavailable: &percent}, nil, &percent},
	} {
		t.Run(name, func(t *testing.T) {
			c.spec.Selector = primary.Spec.Selector
			c.spec.UnhealthyPodEvictionPolicy = ptr.To(policyv1.AlwaysAllow)
			all := []policyv1.PodDisruptionBudget{{ObjectMeta: metav1.ObjectMeta{Name: "podinfo"}, Spec: c.spec},
				{ObjectMeta: metav1.ObjectMeta{Name: "teams"}, Spec: policyv1.PodDisruptionBudgetSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "shop"}}}},
				{ObjectMeta: metav1.ObjectMeta{Name: "nobodys"}}}
			made := MakeCanaryBudgets(all, primary, canary)
			if len(made) != 1 || made[0].Name != "podinfo-canary" {
				t.Fatalf("made %v", made)
			}
			want := policyv1.PodDisruptionBudgetSpec{MinAvailable: c.minAvailable, MaxUnavailable: c.maxUnavailable,
				Selector: canary.Spec.Selector, UnhealthyPodEvictionPolicy: ptr.To(policyv1.AlwaysAllow)}
			if diff := cmp.Diff(want, made[0].Spec); diff != "" {
				t.Error(diff)
			}
		})
	}
}
