package rollout

import (
	"cmp"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
	"sluice.dev/sluice/rollout/target"
)

// mark is the header on the requests that the canary gets; nil when the policy wants none.
func (f Facts) mark() *route.Header {
	if len(f.policy.Cohort.Members) == 0 {
		return nil
	}
	return &route.Header{Name: f.policy.Cohort.Header, Value: f.target.Service.Name}
}

// planCohorts keeps the routes of the cohort in step with the split. They handle marked requests before the split marks
// any, and stop once it marks none.
func planCohorts(t *tick) {
	next := &t.plan.Next
	switch {
	case t.plan.Split.Action == plan.SplitWrite && next.Phase != v1alpha1.PhaseFinalising:
		t.plan.Cohorts.Entries, next.Cohort = t.joined()
	case t.plan.Split.Action != plan.SplitLeave:
		t.plan.Cohorts = plan.CohortIntent{Entries: map[route.Key][]route.Cohort{}, Ending: t.endingService()}
	}
	if !t.plan.Finalizer {
		next.Cohort = nil
	}
}

// joined returns the entries of the cohort's members whose targets exist. The status of the others says what they wait for.
func (f Facts) joined() (entries map[route.Key][]route.Cohort, members []v1alpha1.CohortStatus) {
	entries = map[route.Key][]route.Cohort{}
	if f.mark() == nil {
		return entries, nil
	}
	for _, member := range f.policy.Cohort.Members {
		status := v1alpha1.CohortStatus{Service: member.Service, Target: cmp.Or(member.Target, workload.CanaryServiceName(member.Service))}
		if routes := f.routesOf(member.Service); len(routes) == 0 {
			status.Waiting = fmt.Sprintf("no route in namespace %s sends to Service %s", f.o.Namespace, member.Service)
		} else {
			status.Waiting = f.join(entries, &status, routes)
		}
		members = append(members, status)
	}
	return entries, members
}

// join adds the entries of one member, and says what keeps a route from having one.
func (f Facts) join(entries map[route.Key][]route.Cohort, status *v1alpha1.CohortStatus, routes []route.Route) (waiting string) {
	entry := route.Cohort{Deployment: f.o.Name, Header: f.mark().Name, Value: f.mark().Value, Primary: status.Service, To: status.Target}
	for _, r := range routes {
		if why := f.absent(r, status.Target); why != "" {
			waiting = why
			continue
		}
		all := append(slices.Clone(entries[r.Key()]), entry)
		if _, err := route.WithCohorts(r, f.o.Key(), all...); err != nil {
			waiting = fmt.Sprintf("%s: %v", r.Key().From(f.o.Namespace), err)
			continue
		}
		entries[r.Key()] = all
		status.Routes = append(status.Routes, r.Key().Short(f.o.Namespace))
	}
	return waiting
}

// routesOf returns the routes of the namespace that send to this Service.
func (f Facts) routesOf(service string) []route.Route {
	return slices.DeleteFunc(target.RoutesTo(f.o, service), func(r route.Route) bool { return r.Namespace != f.o.Namespace })
}

// absent says why marked requests of a route cannot go to a Service. A canary's Service counts only while the route names
// the canary for its own rollout: before, none of its pods is known to be ready; afterwards, it is about to be deleted.
func (f Facts) absent(r route.Route, target string) string {
	at := slices.IndexFunc(f.o.Services, func(s corev1.Service) bool { return s.Name == target })
	if at == -1 {
		return fmt.Sprintf("Service %s does not exist", target)
	}
	if f.o.Services[at].Labels[config.LabelRole] != config.RoleCanary {
		return ""
	}
	splits, err := route.SplitsOf(r.Annotations)
	gives := func(split route.Split) bool { return split.Canary == target && !split.OnlyTakesBack() }
	if err != nil || !slices.ContainsFunc(splits, gives) {
		return fmt.Sprintf("the canary of Service %s gets no requests", target)
	}
	return ""
}

// endingService is the canary's Service. No route may send marked requests to it when it is deleted.
func (f Facts) endingService() string {
	switch {
	case f.target.Service.Name != "":
		return f.target.CanaryService()
	case f.before.Target != nil && f.before.Target.Service != "":
		return workload.CanaryServiceName(f.before.Target.Service)
	}
	return ""
}

// cohortNotInEffect says which route does not send marked requests to their target yet; empty when all do.
func (f Facts) cohortNotInEffect() string {
	entries, _ := f.joined()
	for _, r := range f.o.Routes {
		if len(entries[r.Key()]) == 0 {
			continue
		}
		name := r.Key().From(f.o.Namespace)
		if wanted, err := route.WithCohorts(r, f.o.Key(), entries[r.Key()]...); err == nil && !route.Same(r, wanted) {
			return name + ": its cohort is being written"
		}
		if ok, why := route.InEffect(r); !ok {
			return fmt.Sprintf("%s: %s", name, why)
		}
	}
	return ""
}

// cohortLeft says which route still sends marked requests for this rollout, or to its canary for another; empty when none
// does.
func (f Facts) cohortLeft() string {
	for _, r := range f.o.Routes {
		if len(route.CohortsFor(r, f.o.Key())) > 0 || len(route.CohortsTo(r, f.endingKey())) > 0 {
			return r.Key().From(f.o.Namespace) + " still carries the cohort"
		}
	}
	return ""
}

func (f Facts) endingKey() types.NamespacedName {
	return types.NamespacedName{Namespace: f.o.Namespace, Name: f.endingService()}
}

// cohortRoutes are the names of the routes to which this rollout has written its cohort.
func cohortRoutes(state observed.State) []string {
	var routes []string
	for _, member := range state.Cohort {
		routes = append(routes, member.Routes...)
	}
	return routes
}
