package target

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/coverage"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

// missed finds the policies and monitors that apply to the primary and would miss the canary.
func missed(target Target, policy config.Policy, canary *appsv1.Deployment, o observed.World) []coverage.Miss {
	if o.Coverage == nil {
		return nil
	}
	service := &corev1.Service{}
	if target.Service.Name != "" {
		service = workload.MakeCanaryService(&target.Service, o.Primary, canary, metav1.OwnerReference{})
		if policy.Generated != nil {
			workload.WithMetadata(service, policy.Generated.Canary)
		}
	}
	objects := append(coverage.NetworkPolicies(o.NetworkPolicies), o.Coverage.Objects...)
	return coverage.Missed(objects, asWorkload(o, o.Primary, target.Service), asWorkload(o, canary, *service))
}

// asWorkload is what policies and monitors can select a Deployment and its Service by.
func asWorkload(o observed.World, d *appsv1.Deployment, service corev1.Service) coverage.Workload {
	namespace := o.Coverage.NamespaceLabels
	if namespace == nil {
		namespace = map[string]string{corev1.LabelMetadataName: o.Namespace}
	}
	return coverage.Workload{Namespace: o.Namespace, NamespaceLabels: namespace, Deployment: d.Name, DeploymentLabels: d.Labels,
		Pods: d.Spec.Template.Labels, Service: service.Name, ServiceLabels: service.Labels}
}
