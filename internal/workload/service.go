package workload

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// sidecars are containers that a mesh injects. Their ports are not the application's.
var sidecars = []string{"istio-proxy", "envoy"}

// MakeService returns the primary's Service as the policy's service section describes it. Its port must be set.
func MakeService(name string, primary *appsv1.Deployment, spec v1alpha1.ServiceSpec) *corev1.Service {
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: primary.Namespace, Name: name},
		Spec: corev1.ServiceSpec{
			Selector:            selectorFor(primary),
			Ports:               portsFor(primary, spec),
			TrafficDistribution: spec.TrafficDistribution,
		},
	}
	if spec.Headless != nil && *spec.Headless {
		service.Spec.ClusterIP = corev1.ClusterIPNone
	}
	WithMetadata(service, spec.Apex)
	WithMetadata(service, spec.Primary)
	return service
}

// selectorFor returns the labels by which a Service selects the primary's pods.
func selectorFor(primary *appsv1.Deployment) map[string]string {
	if labels := primary.Spec.Selector.MatchLabels; len(labels) > 0 {
		return maps.Clone(labels)
	}
	return maps.Clone(primary.Spec.Template.Labels)
}

func portsFor(primary *appsv1.Deployment, spec v1alpha1.ServiceSpec) []corev1.ServicePort {
	first := corev1.ServicePort{Name: "http", Protocol: corev1.ProtocolTCP, Port: *spec.Port, TargetPort: intstr.FromInt32(*spec.Port), AppProtocol: spec.AppProtocol}
	if spec.PortName != nil {
		first.Name = *spec.PortName
	}
	if spec.TargetPort != nil {
		first.TargetPort = *spec.TargetPort
	}
	ports := []corev1.ServicePort{first}
	if spec.PortDiscovery == nil || !*spec.PortDiscovery {
		return ports
	}
	for _, container := range primary.Spec.Template.Spec.Containers {
		if slices.Contains(sidecars, container.Name) {
			continue
		}
		for _, port := range container.Ports {
			if more := discoveredPort(port); !hasPort(ports, port, more) {
				ports = append(ports, more)
			}
		}
	}
	return ports
}

func discoveredPort(port corev1.ContainerPort) corev1.ServicePort {
	result := corev1.ServicePort{Name: port.Name, Protocol: port.Protocol, Port: port.ContainerPort, TargetPort: intstr.FromInt32(port.ContainerPort)}
	if result.Name == "" {
		result.Name = fmt.Sprintf("port-%d", port.ContainerPort)
	}
	if result.Protocol == "" {
		result.Protocol = corev1.ProtocolTCP
	}
	return result
}

// hasPort reports whether the Service already has the container's port, or a port with the same number or name.
func hasPort(ports []corev1.ServicePort, of corev1.ContainerPort, more corev1.ServicePort) bool {
	return slices.ContainsFunc(ports, func(p corev1.ServicePort) bool {
		sameTarget := p.TargetPort == intstr.FromInt32(of.ContainerPort) || of.Name != "" && p.TargetPort == intstr.FromString(of.Name)
		return p.Protocol == more.Protocol && (sameTarget || p.Port == more.Port) || p.Name == more.Name
	})
}

// WithMetadata adds the labels and annotations of a policy to an object, except keys that belong to Sluice.
func WithMetadata(object metav1.Object, more *v1alpha1.Metadata) {
	if more == nil {
		return
	}
	object.SetLabels(withMore(object.GetLabels(), others(more.Labels)))
	object.SetAnnotations(withMore(object.GetAnnotations(), others(more.Annotations)))
}

// others returns the keys that do not belong to Sluice.
func others(metadata map[string]string) map[string]string {
	result := maps.Clone(metadata)
	maps.DeleteFunc(result, func(key, _ string) bool { return strings.HasPrefix(key, "sluice.dev/") })
	return result
}

func withMore(metadata, more map[string]string) map[string]string {
	result := maps.Clone(metadata)
	if result == nil && len(more) > 0 {
		result = map[string]string{}
	}
	maps.Copy(result, more)
	return result
}

// MarkGenerated labels an object as generated for a primary, and makes the primary its owner.
func MarkGenerated(object metav1.Object, primary *appsv1.Deployment, hash string) {
	object.SetLabels(withMore(object.GetLabels(), labelsFor(config.RoleGenerated, primary.Name)))
	object.SetAnnotations(withMore(object.GetAnnotations(), map[string]string{config.AnnotationGenerated: hash}))
	object.SetOwnerReferences([]metav1.OwnerReference{{
		APIVersion: appsv1.SchemeGroupVersion.String(), Kind: "Deployment", Name: primary.Name, UID: primary.UID,
	}})
}

// GeneratedFor reports whether Sluice generated the object for the primary of this name.
func GeneratedFor(labels map[string]string, primary string) bool {
	return labels[config.LabelRole] == config.RoleGenerated && labels[config.LabelPrimary] == LabelValue(primary)
}
