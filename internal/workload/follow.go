package workload

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/config"
)

// KeepPorts adds to a canary's Service those ports of its present form that are still in use although the primary's Service
// has lost them. The API server wants a name of each port when there are several, so a port without one gets a name then.
func KeepPorts(service, present *corev1.Service, used []int32) {
	if present == nil {
		return
	}
	for _, port := range present.Spec.Ports {
		if PortOf(service, port.Port) != nil || !slices.Contains(used, port.Port) {
			continue
		}
		nameOnlyPort(service)
		taken := func(other corev1.ServicePort) bool { return other.Name == port.Name }
		if port.Name == "" || slices.ContainsFunc(service.Spec.Ports, taken) {
			port.Name = fmt.Sprintf("kept-%d", port.Port)
		}
		service.Spec.Ports = append(service.Spec.Ports, port)
	}
}

// nameOnlyPort names a port that has no name because it was the only one.
func nameOnlyPort(service *corev1.Service) {
	for i := range service.Spec.Ports {
		if port := &service.Spec.Ports[i]; port.Name == "" {
			port.Name = fmt.Sprintf("port-%d", port.Port)
		}
	}
}

// SealPorts notes which ports are written to a canary's Service, so that an edit by others can be told from a change of the
// primary's Service.
func SealPorts(service *corev1.Service) {
	if service.Annotations == nil {
		service.Annotations = map[string]string{}
	}
	service.Annotations[config.AnnotationPorts] = portsHash(service)
}

// ArePortsEdited reports whether others have changed the ports of a canary's Service.
func ArePortsEdited(service *corev1.Service) bool {
	seal, sealed := service.Annotations[config.AnnotationPorts]
	return sealed && seal != portsHash(service)
}

func portsHash(service *corev1.Service) string {
	content, err := json.Marshal(service.Spec.Ports)
	if err != nil {
		panic(err) // ports can always be encoded
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// PortOf returns the port of a Service with this number, or nil if it has none.
func PortOf(service *corev1.Service, number int32) *corev1.ServicePort {
	for i := range service.Spec.Ports {
		if service.Spec.Ports[i].Port == number {
			return &service.Spec.Ports[i]
		}
	}
	return nil
}

// FollowService returns the canary's present Service with everything that follows the primary's. The API server fills in an
// address and defaults, which stay.
func FollowService(present, wanted *corev1.Service) *corev1.Service {
	updated := present.DeepCopy()
	if seal, sealed := wanted.Annotations[config.AnnotationPorts]; sealed {
		metav1.SetMetaDataAnnotation(&updated.ObjectMeta, config.AnnotationPorts, seal)
	}
	spec, want := &updated.Spec, wanted.Spec.DeepCopy()
	spec.Selector, spec.Ports = want.Selector, want.Ports
	spec.TrafficDistribution, spec.PublishNotReadyAddresses = want.TrafficDistribution, want.PublishNotReadyAddresses
	if len(want.IPFamilies) > 0 {
		spec.IPFamilies, spec.IPFamilyPolicy = want.IPFamilies, want.IPFamilyPolicy
	}
	if want.SessionAffinity != "" {
		spec.SessionAffinity, spec.SessionAffinityConfig = want.SessionAffinity, want.SessionAffinityConfig
	}
	if want.InternalTrafficPolicy != nil {
		spec.InternalTrafficPolicy = want.InternalTrafficPolicy
	}
	return updated
}
