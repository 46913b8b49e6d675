package workload

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// MakeCanaryNetworkPolicies copies, for the canary's pods, the policies that select the primary's pods and would miss the
// canary's.
func MakeCanaryNetworkPolicies(policies []networkingv1.NetworkPolicy, primary, canary *appsv1.Deployment) []*networkingv1.NetworkPolicy {
	var made []*networkingv1.NetworkPolicy
	for i := range policies {
		policy := &policies[i]
		if IsCanarys(policy) || !misses(&policy.Spec.PodSelector, primary.Spec.Template.Labels, canary.Spec.Template.Labels) {
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
		if IsCanarys(budget) || !misses(budget.Spec.Selector, primary.Spec.Template.Labels, canary.Spec.Template.Labels) {
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

// Missed names the policies that select the primary's pods by label and would miss the canary's: policies of other kinds,
// which are not copied, and NetworkPolicies of other pods that admit traffic from or to the primary's pods.
func Missed(others []unstructured.Unstructured, policies []networkingv1.NetworkPolicy, primaryPod, canaryPod map[string]string) []string {
	var names []string
	for i := range others {
		for _, selector := range selectorsOf(&others[i]) {
			if misses(selector, primaryPod, canaryPod) {
				names = append(names, fmt.Sprintf("%s %s", others[i].GetKind(), others[i].GetName()))
			}
		}
	}
	for i := range policies {
		if slices.ContainsFunc(peersOf(&policies[i]), func(peer networkingv1.NetworkPolicyPeer) bool {
			return peer.PodSelector != nil && misses(peer.PodSelector, primaryPod, canaryPod)
		}) {
			names = append(names, "NetworkPolicy "+policies[i].Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// peersOf returns the peers in the rules of a policy.
func peersOf(policy *networkingv1.NetworkPolicy) []networkingv1.NetworkPolicyPeer {
	var peers []networkingv1.NetworkPolicyPeer
	for _, rule := range policy.Spec.Ingress {
		peers = append(peers, rule.From...)
	}
	for _, rule := range policy.Spec.Egress {
		peers = append(peers, rule.To...)
	}
	return peers
}

// selectorsOf returns the pod selectors of a policy of Istio (spec.selector) or of Cilium (spec and specs, endpointSelector).
func selectorsOf(policy *unstructured.Unstructured) []*metav1.LabelSelector {
	spec, _, _ := unstructured.NestedMap(policy.Object, "spec")
	specs, _, _ := unstructured.NestedSlice(policy.Object, "specs")
	var found []*metav1.LabelSelector
	for _, one := range append(specs, spec) {
		fields, _ := one.(map[string]any)
		for _, key := range []string{"selector", "endpointSelector"} {
			content, _ := fields[key].(map[string]any)
			selector := &metav1.LabelSelector{}
			if content != nil && runtime.DefaultUnstructuredConverter.FromUnstructured(content, selector) == nil {
				found = append(found, withoutSources(selector))
			}
		}
	}
	return found
}

// withoutSources removes the prefixes of label keys by which Cilium says where a label comes from.
func withoutSources(selector *metav1.LabelSelector) *metav1.LabelSelector {
	plain := &metav1.LabelSelector{MatchLabels: map[string]string{}}
	for key, value := range selector.MatchLabels {
		plain.MatchLabels[withoutSource(key)] = value
	}
	for _, expression := range selector.MatchExpressions {
		expression.Key = withoutSource(expression.Key)
		plain.MatchExpressions = append(plain.MatchExpressions, expression)
	}
	return plain
}

func withoutSource(key string) string {
	for _, source := range []string{"k8s:", "any:"} {
		if rest, has := strings.CutPrefix(key, source); has {
			return rest
		}
	}
	return key
}
