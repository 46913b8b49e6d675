package target

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

// keepIdentity gives the target the identity of the existing canary, which is fixed when the canary is made. If that does
// not do any more, it says why the canary must be made anew.
func keepIdentity(target *Target, policy config.Policy, o observed.World, pod corev1.PodTemplateSpec) {
	if o.CanaryDeployment == nil || o.DryRun {
		return
	}
	have := workload.IdentityOf(o.CanaryDeployment, pod)
	switch who := workload.MixedUp(o.Primary, pod, o.Services, have); {
	case have == nil:
		target.Stale = "its selector does not select the candidate's pods"
	case who != "":
		target.Stale = who + " would select its pods"
	case len(policy.IdentityLabels) > 0 && !sameKeys(have, policy.IdentityLabels):
		target.Stale = fmt.Sprintf("annotation %s now names %s", config.AnnotationIdentityLabels, strings.Join(policy.IdentityLabels, ", "))
	default:
		target.Identity = have
		target.Stale = staleService(*target, o)
	}
}

func sameKeys(identity workload.Identity, keys []string) bool {
	return slices.Equal(slices.Sorted(maps.Keys(identity)), slices.Compact(slices.Sorted(slices.Values(keys))))
}

// staleService says why the canary's Service must be made anew: its name and whether it has an address cannot be changed.
func staleService(target Target, o observed.World) string {
	have := o.CanaryService
	if have == nil || target.Service.Name == "" {
		return ""
	}
	isHeadless := func(s corev1.Service) bool { return s.Spec.ClusterIP == corev1.ClusterIPNone }
	switch {
	case have.Name != target.CanaryService():
		return fmt.Sprintf("Service %s serves the primary now", target.Service.Name)
	case isHeadless(*have) != isHeadless(target.Service):
		return fmt.Sprintf("Service %s was replaced by one of another kind", target.Service.Name)
	}
	return ""
}

// Unserved says why requests that routes send to the canary's Service do not reach the canary; empty if they do.
func Unserved(target Target, o observed.World) string {
	service := o.CanaryService
	if service == nil {
		return fmt.Sprintf("Service %s does not exist", target.CanaryService())
	}
	if canary := o.CanaryDeployment; canary != nil && canary.Spec.Selector != nil && !maps.Equal(service.Spec.Selector, canary.Spec.Selector.MatchLabels) {
		return fmt.Sprintf("Service %s does not select the canary's pods", service.Name)
	}
	for _, r := range o.Routes {
		// The port that a guest sends to is its owner's affair.
		if route.SplitFor(r, o.Key()) == nil || slices.Contains(target.guests, r.Key()) {
			continue
		}
		for _, number := range route.PortsTo(r, keyOf(service)) {
			if why := unservedPort(target.Service, service, number); why != "" {
				return fmt.Sprintf("%s sends to port %d, %s", r.Key().From(o.Namespace), number, why)
			}
		}
	}
	return ""
}

// unservedPort compares a port that others have edited with that of the primary's Service. A port that only the canary's
// Service has is kept for routes that still name it. If the primary's Service has changed, the present port still serves.
func unservedPort(original corev1.Service, service *corev1.Service, number int32) string {
	have, want := workload.PortOf(service, number), workload.PortOf(&original, number)
	switch {
	case have == nil:
		return fmt.Sprintf("which Service %s does not have", service.Name)
	case want == nil || !workload.ArePortsEdited(service):
		return ""
	case have.TargetPort != want.TargetPort:
		return fmt.Sprintf("whose target port in Service %s is %s instead of %s", service.Name, have.TargetPort.String(), want.TargetPort.String())
	}
	return ""
}
