package target

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

// candidatePod is the candidate's pod template; nil when there is none, or none that can be read.
func candidatePod(o observed.World) *corev1.PodTemplateSpec {
	if o.Candidate == nil {
		return nil
	}
	pod, err := o.Candidate.Template.Pod()
	if err != nil {
		return nil
	}
	return &pod
}

// servicesOfCandidate are the Services that would select the primary's pods if it ran the candidate; none without one.
func servicesOfCandidate(o observed.World) []corev1.Service {
	pod := candidatePod(o)
	if pod == nil {
		return nil
	}
	return workload.ServicesOfCandidate(o.Primary, *pod, o.Services)
}

// findUnserved compares the Service with the primary and the candidate. A Service and a template that change in one apply do not
// change at the same time: the template is held back, and the Service is not.
func findUnserved(target *Target, _ config.Policy, o observed.World) string {
	pod := candidatePod(o)
	if pod == nil {
		return ""
	}
	isFound := func(s corev1.Service) bool { return s.Name == target.Service.Name }
	if !slices.ContainsFunc(workload.ServicesOf(o.Primary, o.Services), isFound) {
		target.Unreachable = true
		target.Unserved = fmt.Sprintf("Service %s selects the candidate's pods and none of the primary's, so no request to the primary is answered", target.Service.Name)
		return ""
	}
	served := false
	for _, port := range target.Service.Spec.Ports {
		if !slices.Contains(target.ports(), port.Port) {
			continue
		}
		isNew, isNamed := isNewPort(port.TargetPort, o.Primary.Spec.Template.Spec, pod.Spec), port.TargetPort.Type == intstr.String
		served = served || !isNew || !isNamed
		if isNew && (isNamed || target.Unserved == "") {
			target.Unserved = describeNewPort(target.Service.Name, port)
		}
	}
	target.Unreachable = target.Unserved != "" && !served
	return ""
}

// describeNewPort says which requests to the primary are not answered. A container may listen on a port that it does not
// declare, so for a number that is only likely.
func describeNewPort(service string, port corev1.ServicePort) string {
	if port.TargetPort.Type == intstr.Int {
		return fmt.Sprintf("port %d of Service %s goes to container port %d, which the candidate declares and the primary does not; if the primary "+
			"does not listen on it either, no request to it that goes to the primary is answered", port.Port, service, port.TargetPort.IntVal)
	}
	return fmt.Sprintf("port %d of Service %s goes to container port %s, which the candidate has and the primary does not, so no "+
		"request to it that goes to the primary is answered", port.Port, service, port.TargetPort.StrVal)
}

// isNewPort reports whether only the candidate has a container port. A name means a declared port. A number need not be declared,
// so it counts only beside others that are.
func isNewPort(port intstr.IntOrString, primary, candidate corev1.PodSpec) bool {
	before, after := containerPorts(primary), containerPorts(candidate)
	if port == (intstr.IntOrString{}) || port.Type == intstr.Int && len(before) == 0 {
		return false
	}
	is := func(p corev1.ContainerPort) bool {
		return port.Type == intstr.String && p.Name == port.StrVal || port.Type == intstr.Int && p.ContainerPort == port.IntVal
	}
	return !slices.ContainsFunc(before, is) && slices.ContainsFunc(after, is)
}

// containerPorts are the declared ports of the containers that run as long as the pod: sidecars among the init containers too.
func containerPorts(pod corev1.PodSpec) []corev1.ContainerPort {
	var ports []corev1.ContainerPort
	for _, container := range pod.InitContainers {
		if policy := container.RestartPolicy; policy != nil && *policy == corev1.ContainerRestartPolicyAlways {
			ports = append(ports, container.Ports...)
		}
	}
	for _, container := range pod.Containers {
		ports = append(ports, container.Ports...)
	}
	return ports
}
