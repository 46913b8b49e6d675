package rollout_test

import (
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// rulesOf makes rules such as "cart | shop", each a list of Services.
func rulesOf(rules string) []any {
	written, made := routeTo("shop").Rules[0].(map[string]any), []any(nil)
	for rule := range strings.SplitSeq(rules, " | ") {
		var refs []any
		for service := range strings.FieldsSeq(rule) {
			ref := maps.Clone(written["backendRefs"].([]any)[0].(map[string]any))
			ref["name"] = service
			refs = append(refs, ref)
		}
		made = append(made, map[string]any{"backendRefs": refs})
	}
	return made
}

// sharing gives the members of a group one route with these rules.
func (g *group) sharing(rules string) *group {
	shared := routeTo("shop")
	shared.Name, shared.Rules = "shared", rulesOf(rules)
	for name, w := range g.members {
		labels := map[string]string{"app": name}
		w.primary.Name, w.primary.Spec.Selector.MatchLabels, w.primary.Spec.Template.Labels = name, labels, labels
		w.service, w.userRoute, w.route, w.shares = *serviceOf(name), shared, shared, true
		w.react()
		g.shared = &w.route
	}
	return g
}

// divide gives the shared route other rules, while no split is stated on it.
func divide(rules string) func(*group) {
	return func(g *group) {
		if len(g.shared.Annotations) > 0 {
			g.t.Fatalf("the route has splits: %v", g.shared.Annotations)
		}
		g.members["cart"].tell("user divides the rule")
		for _, w := range g.members {
			w.userRoute.Rules = rulesOf(rules)
		}
		g.shared.Rules = rulesOf(rules)
		g.shared.Generation++
	}
}

// grouped puts a member into a group, or takes it out of any.
func grouped(name string) func(*world) {
	return func(w *world) {
		w.tell("user sets the group to %q", name)
		w.policy.Group = name
	}
}

// isBlocked reports whether a candidate or a Deployment at rest is blocked by its group.
func isBlocked(w *world) bool {
	return w.state.Blocked != nil && w.state.Blocked.Kind == v1alpha1.BlockedGroup
}

// apart makes rollouts of a group that have nothing to do with each other.
func (g *group) apart() *group {
	for _, w := range g.members {
		w.policy.Group = ""
	}
	return g
}

// slow takes longer than the progress deadline.
var slow = map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "20s", config.AnnotationMaxWeight: "40", config.AnnotationStepWeight: "10"}

func bothGood() map[string]map[string]behaviour {
	return map[string]map[string]behaviour{"cart": {"v2": good}, "shop": {"v2": good}}
}

func withTesters(settings map[string]string) map[string]string {
	with := map[string]string{config.AnnotationMatch: "x-tester=yes"}
	for key, value := range settings {
		with[key] = value
	}
	return with
}

var sharedStories = map[string]struct {
	rules      string
	grouped    bool
	behaviours map[string]map[string]behaviour
	settings   map[string]map[string]string
	acts       []groupAct
	versions   string
}{
	"two rollouts on rules of their own run at the same time": {
		rules: "cart | shop", behaviours: bothGood(), settings: map[string]map[string]string{"cart": slow, "shop": slow},
		acts: []groupAct{{at("cart", immediately), all("v2")}}, versions: "cart=v2 shop=v2",
	},
	"two rollouts on backends of one rule run at the same time": {
		rules: "cart shop", behaviours: bothGood(),
		acts: []groupAct{{at("cart", immediately), all("v2")}}, versions: "cart=v2 shop=v2",
	},
	"a bad version is rolled back and the other goes on": {
		rules: "cart shop", behaviours: map[string]map[string]behaviour{"cart": {"v2": failing}, "shop": {"v2": good}},
		acts: []groupAct{{at("cart", immediately), all("v2")}}, versions: "cart=v1 shop=v2",
	},
	"a group steps together": {
		rules: "cart | shop", grouped: true, behaviours: bothGood(),
		acts: []groupAct{{at("cart", immediately), all("v2")}}, versions: "cart=v2 shop=v2",
	},
	"testers on a rule of their own": {
		rules: "cart | shop", behaviours: bothGood(), settings: map[string]map[string]string{"cart": withTesters(nil)},
		acts: []groupAct{{at("cart", immediately), all("v2")}}, versions: "cart=v2 shop=v2",
	},
	"testers on a rule of both take turns, and the wait costs no deadline": {
		rules: "cart shop", behaviours: bothGood(), settings: map[string]map[string]string{"cart": withTesters(slow), "shop": slow},
		acts: []groupAct{{at("cart", immediately), all("v2")}}, versions: "cart=v2 shop=v2",
	},
	"a candidate that comes later waits for its turn": {
		rules: "cart shop", behaviours: bothGood(), settings: map[string]map[string]string{"cart": withTesters(slow), "shop": slow},
		acts:     []groupAct{{at("cart", immediately), only("shop", setting("v2"))}, {at("shop", atStep(1)), only("cart", setting("v2"))}},
		versions: "cart=v2 shop=v2",
	},
	"members of a group that do not fit on one route are told at rest and wait without a deadline": {
		rules: "cart shop", grouped: true, behaviours: bothGood(), settings: map[string]map[string]string{"cart": withTesters(nil)},
		acts:     []groupAct{{at("cart", isBlocked), all("v2")}, {at("cart", after(3*time.Minute)), divide("cart | shop")}},
		versions: "cart=v2 shop=v2",
	},
	"a group of which two do not fit on one route waits as a whole": {
		rules: "cart shop | pay", grouped: true, behaviours: map[string]map[string]behaviour{"cart": {"v2": good}, "pay": {"v2": good}, "shop": {"v2": good}},
		settings: map[string]map[string]string{"cart": withTesters(nil)},
		acts:     []groupAct{{at("pay", isBlocked), all("v2")}, {at("cart", after(3*time.Minute)), only("shop", grouped(""))}},
		versions: "cart=v2 pay=v2 shop=v2",
	},
	"a member that does not fit joins a group in flight and leaves it": {
		rules: "cart shop", behaviours: bothGood(), settings: map[string]map[string]string{"cart": withTesters(nil)},
		acts: []groupAct{{at("cart", immediately), all("v2")}, {at("cart", atStep(1)), func(g *group) {
			only("cart", grouped("checkout"))(g)
			only("shop", grouped("checkout"))(g)
		}}, {at("cart", after(3*time.Minute)), only("shop", grouped(""))}},
		versions: "cart=v2 shop=v2",
	},
	"the gateway is silent while both end": {
		rules: "cart | shop", behaviours: bothGood(),
		acts: []groupAct{{at("cart", immediately), all("v2")}, {at("cart", inPhase(v1alpha1.PhaseFinalising)), func(g *group) {
			for _, w := range g.members {
				w.silent = true
			}
		}}, {at("cart", after(3*time.Minute)), func(g *group) {
			for _, w := range g.members {
				w.silent = false
			}
		}}},
		versions: "cart=v2 shop=v2",
	},
}

func TestSharedRoutes(t *testing.T) {
	for name, s := range sharedStories {
		newStory := func(t *testing.T) *group {
			g := newGroup(t, s.behaviours, s.settings).sharing(s.rules)
			if !s.grouped {
				g.apart()
			}
			return g
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newStory(t)
			g.play(s.acts, nil)
			g.check(s.versions)
			checkGolden(t, "shared "+name, g.log)
			for seed := range *seeds {
				late := newStory(t)
				late.play(s.acts, rand.New(rand.NewPCG(seed, 5)))
				late.check(s.versions)
				if t.Failed() {
					t.Fatalf("with seed %d", seed)
				}
			}
		})
	}
}

// TestRandomRolloutsOnOneRoute plays Deployments behind one route with any strategies and requests, some of them in a group that
// is dissolved later. All end, whatever was requested, and the route is the user's.
func TestRandomRolloutsOnOneRoute(t *testing.T) {
	t.Parallel()
	for seed := range 4 * *seeds {
		chance := rand.New(rand.NewPCG(seed, 6))
		v2 := func() map[string]behaviour { return map[string]behaviour{"v2": good, "v3": failing} }
		g := newGroup(t, map[string]map[string]behaviour{"cart": v2(), "pay": v2(), "shop": v2()}, nil).
			sharing([]string{"cart | pay | shop", "cart shop | pay", "cart pay shop | shop"}[chance.IntN(3)])
		isGroup := chance.IntN(2) == 0
		if !isGroup {
			g.apart()
		}
		for _, name := range g.names {
			w := g.members[name]
			randomPolicy(chance)(&w.policy)
			randomWorld(chance)(w)
			w.rand = chance
		}
		acts := randomGroupActs(g.names, chance)
		if isGroup {
			acts = append(acts, groupAct{at("cart", after(6*time.Minute)), func(g *group) { g.apart() }})
		}
		g.play(acts, chance)
		for _, name := range g.names {
			g.members[name].route = *g.shared
			g.members[name].checkEnd()
			g.members[name].checkVersion()
		}
		if t.Failed() {
			t.Fatalf("with seed %d\n%s", seed, strings.Join(g.log, "\n"))
		}
	}
}
