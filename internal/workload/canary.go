package workload

import (
	"fmt"
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/config"
)

// MakeCanary returns the Deployment that runs the candidate beside a primary.
func MakeCanary(primary *appsv1.Deployment, candidate Candidate, identity Identity, replicas int32, owner metav1.OwnerReference) (*appsv1.Deployment, error) {
	template, err := candidate.Template.Pod()
	if err != nil {
		return nil, fmt.Errorf("candidate %s: %w", Short(candidate.Hash), err)
	}
	canary := makeCopy(config.RoleCanary, primary, template, identity, replicas, owner)
	canary.Annotations[config.AnnotationTemplateHash] = candidate.ID().String()
	canary.Annotations[config.AnnotationRequestedBy] = candidate.By
	return canary, nil
}

// makeCopy returns a copy of a primary with another template and pods of its own. It changes the template.
func makeCopy(role string, primary *appsv1.Deployment, template corev1.PodTemplateSpec, identity Identity, replicas int32, owner metav1.OwnerReference) *appsv1.Deployment {
	made := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:       primary.Namespace,
			Name:            nameOf(role, primary.Name),
			Labels:          unclaimed(primary.Labels),
			Annotations:     describing(primary.Annotations),
			OwnerReferences: []metav1.OwnerReference{owner},
		},
		Spec: *primary.Spec.DeepCopy(),
	}
	maps.Copy(made.Labels, rewrittenWhereSame(primary.Labels, template.Labels, identity))
	maps.Copy(made.Labels, labelsFor(role, primary.Name))
	made.Spec.Replicas = &replicas
	made.Spec.Paused = false
	made.Spec.Selector = copySelector(role, primary.Spec.Selector, template.Labels, identity)
	rewriteTerms(&template, identity)
	template.Labels = copyLabels(role, template.Labels, identity)
	made.Spec.Template = template
	return made
}

// rewrittenWhereSame rewrites those labels of the canary that it shares with its pods.
func rewrittenWhereSame(object, pod map[string]string, identity Identity) map[string]string {
	changed := map[string]string{}
	for key, value := range identity {
		if old, has := object[key]; has && old == pod[key] {
			changed[key] = value
		}
	}
	return changed
}

// copySelector selects only the pods of a copy: by the terms of the primary's selector that fit, the identity and the role.
func copySelector(role string, selector *metav1.LabelSelector, pod map[string]string, identity Identity) *metav1.LabelSelector {
	result := &metav1.LabelSelector{MatchLabels: map[string]string{config.LabelRole: role}}
	for key := range selector.MatchLabels {
		result.MatchLabels[key] = pod[key]
	}
	maps.Copy(result.MatchLabels, identity)
	return result
}

// rewriteTerms makes affinity and topology spread terms that select the workload's own pods select the canary's.
func rewriteTerms(template *corev1.PodTemplateSpec, identity Identity) {
	rewrite := func(selector *metav1.LabelSelector) { rewriteSelector(selector, template.Labels, identity) }
	for i := range template.Spec.TopologySpreadConstraints {
		rewrite(template.Spec.TopologySpreadConstraints[i].LabelSelector)
	}
	if template.Spec.Affinity == nil {
		return
	}
	var terms []*corev1.PodAffinityTerm
	if own := template.Spec.Affinity.PodAffinity; own != nil {
		terms = append(terms, allTerms(own.RequiredDuringSchedulingIgnoredDuringExecution, own.PreferredDuringSchedulingIgnoredDuringExecution)...)
	}
	if own := template.Spec.Affinity.PodAntiAffinity; own != nil {
		terms = append(terms, allTerms(own.RequiredDuringSchedulingIgnoredDuringExecution, own.PreferredDuringSchedulingIgnoredDuringExecution)...)
	}
	for _, term := range terms {
		rewrite(term.LabelSelector)
	}
}

func allTerms(required []corev1.PodAffinityTerm, preferred []corev1.WeightedPodAffinityTerm) []*corev1.PodAffinityTerm {
	var terms []*corev1.PodAffinityTerm
	for i := range required {
		terms = append(terms, &required[i])
	}
	for i := range preferred {
		terms = append(terms, &preferred[i].PodAffinityTerm)
	}
	return terms
}

// rewriteSelector replaces the values of rewritten labels that the pods themselves had.
func rewriteSelector(selector *metav1.LabelSelector, pod map[string]string, identity Identity) {
	if selector == nil {
		return
	}
	for key, value := range identity {
		if selector.MatchLabels[key] == pod[key] && pod[key] != "" {
			selector.MatchLabels[key] = value
		}
		for i := range selector.MatchExpressions {
			expression := &selector.MatchExpressions[i]
			for j := range expression.Values {
				if expression.Key == key && expression.Values[j] == pod[key] {
					expression.Values[j] = value
				}
			}
		}
	}
}

// MakeCanaryService returns the Service of the pods of a canary or a control, with the ports of the primary's Service. Its EndpointSlices
// get the same labels and are found by them.
func MakeCanaryService(service *corev1.Service, primary, canary *appsv1.Deployment, owner metav1.OwnerReference) *corev1.Service {
	// What the API server answers is written into the object, which must not reach the Service of the primary.
	service = service.DeepCopy()
	result := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:       service.Namespace,
			Name:            serviceNameOf(RoleOf(canary), service.Name),
			Labels:          unclaimed(service.Labels),
			Annotations:     describing(service.Annotations),
			OwnerReferences: []metav1.OwnerReference{owner},
		},
		Spec: corev1.ServiceSpec{
			Type:                corev1.ServiceTypeClusterIP,
			Selector:            maps.Clone(canary.Spec.Selector.MatchLabels),
			IPFamilies:          service.Spec.IPFamilies,
			IPFamilyPolicy:      service.Spec.IPFamilyPolicy,
			TrafficDistribution: service.Spec.TrafficDistribution,

			SessionAffinity:          service.Spec.SessionAffinity,
			SessionAffinityConfig:    service.Spec.SessionAffinityConfig,
			InternalTrafficPolicy:    service.Spec.InternalTrafficPolicy,
			PublishNotReadyAddresses: service.Spec.PublishNotReadyAddresses,
		},
	}
	if service.Spec.ClusterIP == corev1.ClusterIPNone {
		result.Spec.ClusterIP = corev1.ClusterIPNone
	}
	for _, port := range service.Spec.Ports {
		port.NodePort = 0
		result.Spec.Ports = append(result.Spec.Ports, port)
	}
	maps.Copy(result.Labels, labelsFor(RoleOf(canary), primary.Name))
	return result
}
