package target

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/strategy"
)

// sharer is a member of a group that shares the requests of routes.
type sharer struct {
	name   string
	routes []route.Route
	named  []route.Key
	split  route.Split
}

// sharers are the members of the Deployment's group that share requests, itself among them, by name. A member that has not shown
// yet what it shares is left out.
func (t Target) sharers(policy config.Policy, o observed.World) []sharer {
	members := o.Members(policy.Group)
	if len(members) == 0 {
		return nil
	}
	var all []sharer
	add := func(name, service string, policy *config.Policy) {
		if policy == nil || service == "" || strategy.WithoutTraffic(*policy) {
			return
		}
		of := o
		of.Name = name
		target := Target{}
		target.Service.Name = service
		if findMatches(&target, *policy, of) == "" {
			all = append(all, sharer{name, sendingTo(*policy, o, service), namedRoutes(*policy, o), fullSplit(target, *policy, of)})
		}
	}
	add(o.Name, t.Service.Name, &policy)
	for _, p := range members {
		if p.State.Target != nil {
			add(p.Name, p.State.Target.Service, p.Policy)
		}
	}
	slices.SortFunc(all, func(a, b sharer) int { return cmp.Compare(a.name, b.name) })
	return all
}

// Apart says which members of the Deployment's group do not fit on a route together, so that the group cannot step together;
// empty if all do. Routes of other namespaces that nobody has named hold no group: they are left out.
func (t Target) Apart(policy config.Policy, o observed.World) string {
	all := t.sharers(policy, o)
	if len(all) < 2 {
		return ""
	}
	isNamed := func(r route.Route) bool {
		return slices.ContainsFunc(all, func(s sharer) bool { return slices.Contains(s.named, r.Key()) })
	}
	routes := slices.DeleteFunc(slices.Clone(o.Routes), func(r route.Route) bool { return foreignness(r, o) == 1 && !isNamed(r) })
	slices.SortFunc(routes, func(a, b route.Route) int { return cmp.Compare(a.Key().String(), b.Key().String()) })
	for _, r := range routes {
		if names, err := misfits(r, all); err != nil {
			return apartOn(r, names, policy.Group, err, o)
		}
	}
	return ""
}

func apartOn(r route.Route, names []string, group string, err error, o observed.World) string {
	return fmt.Sprintf("Deployments %s of group %s do not fit on %s together, so the group cannot step together: %v; or take one of them out "+
		"of the group with the annotation %s", strings.Join(names, " and "), group, r.Key().From(o.Namespace), err, config.AnnotationGroup)
}

// misfits names the first sharers of a route that do not fit on it together, and says why; none when all do. One that does not
// fit alone is not to blame on the others.
func misfits(r route.Route, all []sharer) (names []string, err error) {
	plain, fitting := route.Plain(r), []sharer(nil)
	for _, s := range all {
		if !slices.ContainsFunc(s.routes, func(of route.Route) bool { return of.Key() == r.Key() }) || fit(plain, s) != nil {
			continue
		}
		if err = fit(plain, append(slices.Clone(fitting), s)...); err == nil {
			fitting = append(fitting, s)
			continue
		}
		for _, other := range fitting {
			if why := fit(plain, other, s); why != nil {
				return []string{other.name, s.name}, why
			}
			names = append(names, other.name)
		}
		return append(names, s.name), err
	}
	return nil, nil
}

func fit(plain route.Route, together ...sharer) error {
	var intents route.Intents
	for _, s := range together {
		intents.Splits = append(intents.Splits, s.split)
	}
	_, err := route.With(plain, intents)
	return err
}

// stepsWith reports whether a Deployment is a member of the same group whose rollout is not about to end.
func stepsWith(deployment types.NamespacedName, policy config.Policy, o observed.World) bool {
	return slices.ContainsFunc(o.Members(policy.Group), func(p observed.Peer) bool {
		return p.Namespace == deployment.Namespace && p.Name == deployment.Name && p.State.Phase != v1alpha1.PhaseFinalising
	})
}
