package target

import (
	"fmt"
	"regexp"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

// beingMade says that a generated object is being created, that a dry run would create it, or why it is rejected.
func beingMade(o observed.World, made observed.GeneratedKey) string {
	if refused := o.Applied[made].Refused; refused != "" {
		return refused
	}
	if o.DryRun {
		return fmt.Sprintf("would create %s", made)
	}
	return fmt.Sprintf("%s is being created", made)
}

// awaitedService says why a Service that the policy asks for is missing; empty when it exists or the policy asks for none.
func awaitedService(policy config.Policy, o observed.World) string {
	made, problem := WantedService(policy, o)
	if made == nil {
		return problem
	}
	if slices.ContainsFunc(workload.ServicesOf(o.Primary, o.Services), func(s corev1.Service) bool { return s.Name == made.Name }) {
		return ""
	}
	if behind, _ := WantedRoute(policy, o, *made); o.DryRun && behind != nil {
		return fmt.Sprintf("would create Service %s and HTTPRoute %s", made.Name, behind.Name)
	}
	return beingMade(o, observed.GeneratedKey{Kind: "Service", Name: made.Name})
}

// awaitedRoute says why a route that the policy asks for is missing; empty when the policy asks for none.
func awaitedRoute(policy config.Policy, o observed.World, service corev1.Service) string {
	made, problem := WantedRoute(policy, o, service)
	if made == nil {
		return problem
	}
	return beingMade(o, observed.GeneratedKey{Kind: route.HTTP, Name: made.Name})
}

// unknownField matches the API server's message about a field that its schema lacks.
var unknownField = regexp.MustCompile(`\.(spec[^ ]*): field not declared in schema`)

// Refused says why a generated object cannot be created, and what to do.
func Refused(kind, name string, err error) string {
	made := observed.GeneratedKey{Kind: kind, Name: name}
	if found := unknownField.FindStringSubmatch(err.Error()); found != nil {
		return fmt.Sprintf("%s cannot be created: the cluster's %s CRD has no field %s; install the Gateway API CRDs that have it "+
			"(some are only in the experimental channel), or leave it out of the policy", made, kind, found[1])
	}
	return fmt.Sprintf("%s cannot be created from the policy: %v", made, err)
}
