package workload

import (
	appsv1 "k8s.io/api/apps/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// MakeCanaryNetworkPolicies copies, for the canary's pods, the policies that select the primary's pods and would miss the
// canary's.
func MakeCanaryNetworkPolicies(policies []networkingv1.NetworkPolicy, primary, canary *appsv1.Deployment) []*networkingv1.NetworkPolicy {
	var made []*networkingv1.NetworkPolicy
	for i := range policies {
		policy := &policies[i]
		if IsCopy(policy) || !misses(&policy.Spec.PodSelector, primary.Spec.Template.Labels, canary.Spec.Template.Labels) {
			continue
		}
		copied := &networkingv1.NetworkPolicy{ObjectMeta: copiedMeta(policy, canary), Spec: *policy.Spec.DeepCopy()}
		copied.Spec.PodSelector = canarysOwn(canary)
		made = append(made, copied)
	}
	return made
}

// MakeCanaryBudgets copies, for the canary's pods, the disruption budgets that select the primary's pods and would miss the
// canary's. Percentages stay. A number is meant for the primary's size; it becomes one pod that may be unavailable.
func MakeCanaryBudgets(budgets []policyv1.PodDisruptionBudget, primary, canary *appsv1.Deployment) []*policyv1.PodDisruptionBudget {
	var made []*policyv1.PodDisruptionBudget
	for i := range budgets {
		budget := &budgets[i]
		if IsCopy(budget) || !misses(budget.Spec.Selector, primary.Spec.Template.Labels, canary.Spec.Template.Labels) {
			continue
		}
		copied := &policyv1.PodDisruptionBudget{ObjectMeta: copiedMeta(budget, canary), Spec: *budget.Spec.DeepCopy()}
		own, one := canarysOwn(canary), intstr.FromInt32(1)
		copied.Spec.Selector = &own
		if isNumber(copied.Spec.MinAvailable) || isNumber(copied.Spec.MaxUnavailable) {
			copied.Spec.MinAvailable, copied.Spec.MaxUnavailable = nil, &one
		}
		made = append(made, copied)
	}
	return made
}

func isNumber(value *intstr.IntOrString) bool {
	return value != nil && value.Type == intstr.Int
}
