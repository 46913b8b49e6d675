package target

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/coverage"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/strategy"
)

// Target is everything that a rollout acts on.
type Target struct {
	// Service selects the primary's pods.
	Service corev1.Service
	// Routes send to Service.
	Routes []route.Route
	// Gateway is the first gateway of the routes; empty when their parents are Services only.
	Gateway types.NamespacedName
	// Skipped says which routes of other namespaces also send to Service but are left out, and why.
	Skipped []string
	// guests are those of Routes that cannot hold the rollout. See Deciding.
	guests []route.Key
	// Block is the kind of the problem; empty if something is missing.
	Block v1alpha1.BlockedKind
	// Awaits says which other rollout must give way before this one, which keeps its other routes, fits on the routes Taken;
	// empty if none must.
	Awaits string
	Taken  []route.Key
	// Match selects the requests that go to the canary at any weight.
	Match []route.Match
	// Unknown says which needed features the gateways do not report.
	Unknown []string
	// Preset names the queries of the checks and of the counters. uncounted says why there is none that the guard can use.
	Preset    config.Preset
	uncounted string
	// FailedStatuses are the HTTP statuses of failed requests; empty for 5xx.
	FailedStatuses []string
	// Unserved says which requests to the primary nobody can answer, because its Service was changed together with the
	// template; empty when all can. Unreachable is set when those are all requests.
	Unserved    string
	Unreachable bool
	// Identity are the labels that distinguish the canary's pods from the primary's; nil while there is no candidate.
	Identity workload.Identity
	// Stale says why the existing canary must be made anew; empty if it need not.
	Stale string
	// OneNode are the PersistentVolumeClaims of the canary that only pods of one node may use.
	OneNode []string
	// Missed are policies and monitors that would miss the canary.
	Missed []coverage.Miss
}

// CanaryService is the name of the Service of the canary's pods.
func (t Target) CanaryService() string {
	return workload.CanaryServiceName(t.Service.Name)
}

// RouteNames are the names of all routes, as the status shows them.
func (t Target) RouteNames() []string {
	var names []string
	for _, r := range t.Routes {
		names = append(names, r.Key().Short(t.Service.Namespace))
	}
	return names
}

// Status is the part of the target that the status shows.
func (t Target) Status() *v1alpha1.TargetStatus {
	status := &v1alpha1.TargetStatus{Service: t.Service.Name, Metrics: string(t.Preset), Routes: t.RouteNames()}
	if more := len(status.Routes) - v1alpha1.ListedRoutes; more > 0 {
		status.Routes, status.MoreRoutes = status.Routes[:v1alpha1.ListedRoutes], int32(more)
	}
	if t.Gateway.Name != "" {
		status.Gateway = t.Gateway.String()
	}
	return status
}

// finder finds one part of the target, or says what is missing.
type finder func(*Target, config.Policy, observed.World) string

// Discover finds the Service, the routes, the gateway and the queries for a primary. The problem, if any, says what is
// missing and what to do. No rollout starts until it is solved. The Target has what was found before the problem.
func Discover(policy config.Policy, observation observed.World) (target Target, problem string) {
	finders := []finder{checkValid, findService, findMatches, findRoutes, leaveOutForeign, findReach, findUnserved, findGateway, findRendering, findFeatures, findMetrics, findQueries,
		findForeign, findIdentity, findObjects}
	if strategy.WithoutTraffic(policy) {
		finders = []finder{checkValid, findNoTraffic, findQueries, findForeign, findIdentity, findObjects}
	}
	target.FailedStatuses = policy.FailedStatuses
	for _, find := range finders {
		if problem = find(&target, policy, observation); problem != "" {
			return target, problem
		}
	}
	return target, ""
}

func checkValid(_ *Target, _ config.Policy, o observed.World) string {
	return o.Invalid
}

// findNoTraffic holds the rollouts of a Deployment that is said to get no requests while a route sends it some: nothing would judge
// its candidates by them.
func findNoTraffic(_ *Target, _ config.Policy, o observed.World) string {
	for _, service := range slices.Concat(workload.ServicesOf(o.Primary, o.Services), servicesOfCandidate(o)) {
		for _, r := range RoutesTo(o, service.Name) {
			return fmt.Sprintf("%s sends to Service %s, which selects the pods of Deployment %s, so its candidates cannot be judged without traffic: "+
				"remove the annotation %s, or traffic: None from its policy, or the Service from the route", r.Key().From(o.Namespace), service.Name, o.Name,
				config.AnnotationTraffic)
		}
	}
	return ""
}

func findService(target *Target, policy config.Policy, o observed.World) string {
	if why := awaitedService(policy, o); why != "" {
		return why
	}
	found := workload.ServicesOf(o.Primary, o.Services)
	if len(found) == 0 {
		// A selector that was changed together with the pods' labels fits the candidate.
		found = servicesOfCandidate(o)
	}
	if policy.Service != "" {
		found = slices.DeleteFunc(found, func(s corev1.Service) bool { return s.Name != policy.Service })
		if why := unfit(o, policy.Service); why != "" {
			return why
		}
		if len(found) == 0 {
			return fmt.Sprintf("Service %s, named by the annotation %s, does not exist or does not select the pods of Deployment %s: correct the annotation or the Service's selector",
				policy.Service, config.AnnotationService, o.Name)
		}
	}
	if len(found) > 1 {
		routed := slices.DeleteFunc(slices.Clone(found), func(s corev1.Service) bool { return len(RoutesTo(o, s.Name)) == 0 })
		if len(routed) != 1 {
			return fmt.Sprintf("Services %s all select the pods of Deployment %s: name the one that the routes use in the annotation %s",
				names(found), o.Name, config.AnnotationService)
		}
		found = routed
	}
	if len(found) == 0 {
		return fmt.Sprintf("no Service selects the pods of Deployment %s: create one whose selector matches its pod labels", o.Name)
	}
	target.Service = found[0]
	return unfit(o, target.Service.Name)
}

// RoutesTo returns the routes that may send to a Service. A route of another namespace counts only if a grant permits it.
// Otherwise anybody could obtain a grant for the canary's Service, or hold the rollout with a route that never takes
// effect.
func RoutesTo(o observed.World, service string) []route.Route {
	return routesTo(o, route.ServiceBackend(types.NamespacedName{Namespace: o.Namespace, Name: service}))
}

func names(services []corev1.Service) string {
	list := make([]string, 0, len(services))
	for _, s := range services {
		list = append(list, s.Name)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func findRoutes(target *Target, policy config.Policy, o observed.World) string {
	if why := flaggersPrimary(policy, o, target.Service.Name); why != "" {
		return why
	}
	target.Routes = sendingTo(policy, o, target.Service.Name)
	if len(target.Routes) == 0 {
		if why := findReach(target, policy, o); why != "" {
			return why
		}
		if why := awaitedRoute(policy, o, target.Service); why != "" {
			return why
		}
	}
	if why := notSending(policy, o, target.Service.Name); why != "" {
		return why
	}
	if len(target.Routes) == 0 {
		return fmt.Sprintf("no HTTPRoute in namespace %s sends to Service %s: create one with the Service in its backendRefs",
			o.Namespace, target.Service.Name)
	}
	return ""
}

func findGateway(target *Target, _ config.Policy, o observed.World) string {
	for _, r := range target.Routes {
		for _, parent := range route.ParentsOf(r) {
			if why := missing(parent, o); why != "" {
				return fmt.Sprintf("%s names %s: create it, or correct spec.parentRefs", r.Key().From(o.Namespace), why)
			}
			if gateway := o.GatewayBehind(parent); target.Gateway.Name == "" {
				target.Gateway = gateway
			}
		}
	}
	first := target.Routes[0]
	isService := func(parent route.Parent) bool { return parent.Kind == route.ParentService }
	if target.Gateway.Name == "" && !slices.ContainsFunc(route.ParentsOf(first), isService) {
		return fmt.Sprintf("%s has no Gateway in spec.parentRefs: add the Gateway that serves it", first.Key().From(o.Namespace))
	}
	return ""
}

// missing says which parent, or the Gateway behind it, does not exist; empty when all is there.
func missing(parent route.Parent, o observed.World) string {
	behind := o.GatewayBehind(parent)
	switch {
	case behind.Name == "" && parent.Kind == route.ParentListenerSet:
		return fmt.Sprintf("%s, which does not exist", parent)
	case behind.Name == "" || o.Gateway(behind) != nil:
		return ""
	case parent.Kind == route.ParentListenerSet:
		return fmt.Sprintf("%s, which attaches to Gateway %s, which does not exist", parent, behind)
	}
	return fmt.Sprintf("%s, which does not exist", parent)
}

func findForeign(_ *Target, _ config.Policy, o observed.World) string {
	if o.Foreign == "" {
		return ""
	}
	return notOurs(o.Foreign)
}

// notOurs says that an object that belongs to somebody else has the name of one to be made.
func notOurs(object string) string {
	return fmt.Sprintf("%s exists but was not created for this Deployment: rename or delete it, because the canary needs the name", object)
}

// findIdentity looks ahead to the canary's pods. Their labels must distinguish them from the primary's, and no other
// Service may select them.
func findIdentity(target *Target, policy config.Policy, o observed.World) string {
	candidate := o.InFlight()
	if candidate == nil {
		return ""
	}
	pod, err := candidate.Template.Pod()
	if err != nil {
		return fmt.Sprintf("the candidate cannot be read: %v", err)
	}
	keepIdentity(target, policy, o, pod)
	if target.Identity == nil {
		if target.Identity, err = workload.IdentityFor(o.Primary, pod, o.Services, policy.IdentityLabels); err != nil {
			return err.Error()
		}
	}
	labels := workload.CanaryLabels(pod.Labels, target.Identity)
	if leak := workload.LeakOf(labels, o.Services, target.CanaryService()); leak != nil {
		return fmt.Sprintf("Service %s would select the canary's pods by label %s and send them requests outside the split: "+
			"name that label in the annotation %s, or narrow the Service's selector", leak.Service, leak.Label, config.AnnotationIdentityLabels)
	}
	return ""
}
