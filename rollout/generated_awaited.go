package rollout

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
)

// beingMade says that a generated object is on its way, that it would be, or why it is refused.
func beingMade(o Observation, made GeneratedKey) string {
	if refused := o.Applied[made].Refused; refused != "" {
		return refused
	}
	if o.DryRun {
		return fmt.Sprintf("would create %s", made)
	}
	return fmt.Sprintf("%s is being created", made)
}

// awaitedService says why a Service that the policy has made is not there; empty when it is, or none is asked for.
func awaitedService(policy config.Policy, o Observation) string {
	made, problem := wantedService(policy, o)
	if made == nil {
		return problem
	}
	if slices.ContainsFunc(workload.ServicesOf(o.Primary, o.Services), func(s corev1.Service) bool { return s.Name == made.Name }) {
		return ""
	}
	if behind, _ := wantedRoute(policy, o, *made); o.DryRun && behind != nil {
		return fmt.Sprintf("would create Service %s and HTTPRoute %s", made.Name, behind.Name)
	}
	return beingMade(o, GeneratedKey{Kind: "Service", Name: made.Name})
}

// awaitedRoute says why a route that the policy has made is not there; empty when none is asked for.
func awaitedRoute(policy config.Policy, o Observation, service corev1.Service) string {
	made, problem := wantedRoute(policy, o, service)
	if made == nil {
		return problem
	}
	return beingMade(o, GeneratedKey{Kind: route.HTTP, Name: made.Name})
}

// notReadyYet says what of the generated objects keeps a Deployment from being initialized, or the next rollout from beginning;
// empty when nothing does.
func (f Facts) notReadyYet(target Target) string {
	if Active(f.before) {
		return ""
	}
	for _, made := range slices.SortedFunc(maps.Keys(f.o.Applied), func(a, b GeneratedKey) int { return strings.Compare(a.String(), b.String()) }) {
		if refused := f.o.Applied[made].Refused; refused != "" {
			return refused
		}
	}
	if phase := f.before.Phase; phase != "" && phase != v1alpha1.PhaseInitializing {
		return ""
	}
	for _, r := range target.Routes {
		if ok, why := route.InEffect(r); !ok && generated(f.o, r) {
			return fmt.Sprintf("%s was created but is not in effect yet: %s", r.Key().From(f.o.Namespace), why)
		}
	}
	return ""
}

// unknownField is how the API server names a field that its schema does not have.
var unknownField = regexp.MustCompile(`\.(spec[^ ]*): field not declared in schema`)

// GeneratedRefused says why a generated object cannot be made, and what to do.
func GeneratedRefused(kind, name string, err error) string {
	made := GeneratedKey{Kind: kind, Name: name}
	if found := unknownField.FindStringSubmatch(err.Error()); found != nil {
		return fmt.Sprintf("%s cannot be created: the cluster's %s CRD has no field %s; install the Gateway API CRDs that have it "+
			"(some are only in the experimental channel), or leave it out of the policy", made, kind, found[1])
	}
	return fmt.Sprintf("%s cannot be created from the policy: %v", made, err)
}
