package rollout_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/rollout/observed"
)

// abroad adds a route of another namespace, which may send to the Services of all.
func abroad(o *observed.World) {
	foreign := o.Routes[0]
	foreign.Namespace, foreign.Rules = "other", nil
	for _, rule := range rulesOf("cart shop") {
		for _, ref := range rule.(map[string]any)["backendRefs"].([]any) {
			ref.(map[string]any)["namespace"] = "test"
		}
		foreign.Rules = append(foreign.Rules, rule)
	}
	o.Routes = append(o.Routes, foreign)
	for _, service := range []string{"cart", "shop"} {
		o.Grants = append(o.Grants, *route.MakeGrant(types.NamespacedName{Namespace: "test", Name: service}, []route.Key{foreign.Key()}))
	}
}

// TestWhoFitsOnARouteTogether looks at a group at rest, by every member.
func TestWhoFitsOnARouteTogether(t *testing.T) {
	const divide = "do not fit on HTTPRoute shared together, so the group cannot step together: spec.rules[0] sends to both Services "
	testers := withTesters(nil)
	sticky := func(w *world) {
		w.policy.SessionAffinity = &v1alpha1.SessionAffinity{CookieName: "app", MaxAge: ptrTo(int32(60))}
	}
	for name, c := range map[string]struct {
		rules    string
		settings map[string]map[string]string
		prepare  func(*group)
		world    func(*observed.World)
		why      string
	}{
		"weights on one rule":                {rules: "cart pay shop"},
		"testers on rules of their own":      {rules: "cart | pay | shop", settings: map[string]map[string]string{"cart": testers, "shop": testers}},
		"testers on a rule of both":          {rules: "cart shop | pay", settings: map[string]map[string]string{"cart": testers}, why: "Deployments cart and shop of group checkout " + divide + "cart and shop"},
		"session affinity on a rule of both": {rules: "pay shop | cart", prepare: only("pay", sticky), why: "Deployments pay and shop of group checkout " + divide + "pay and shop"},
		"testers of one that is in no group": {rules: "cart shop | pay", settings: map[string]map[string]string{"cart": testers}, prepare: only("cart", func(w *world) { w.policy.Group = "" })},
		"testers of one of another group":    {rules: "cart shop | pay", settings: map[string]map[string]string{"cart": testers}, prepare: only("cart", func(w *world) { w.policy.Group = "other" })},
		"one whose requests are not split":   {rules: "cart shop | pay", settings: map[string]map[string]string{"cart": testers}, prepare: only("shop", func(w *world) { w.policy.Traffic = v1alpha1.TrafficNone })},
		"one that has shown no policy yet": {rules: "cart shop | pay", settings: map[string]map[string]string{"cart": testers}, prepare: func(g *group) {
			for _, w := range g.members {
				w.shares = false
			}
		}},
		"too many rules of all together": {rules: "cart | cart | cart | cart | pay | pay | pay | shop | shop | shop | shop", settings: map[string]map[string]string{"cart": testers, "shop": testers}, why: "Deployments cart and shop of group checkout do not fit on HTTPRoute shared together"},
		"a route of another namespace":   {rules: "cart | pay | shop", settings: map[string]map[string]string{"cart": testers}, world: abroad},
	} {
		t.Run(name, func(t *testing.T) {
			all := map[string]map[string]behaviour{"cart": {}, "pay": {}, "shop": {}}
			g := newGroup(t, all, c.settings).sharing(c.rules)
			if c.prepare != nil {
				c.prepare(g)
			}
			for range 2 {
				for _, name := range g.names {
					w := g.members[name]
					w.route = *g.shared
					o := w.observe()
					if c.world != nil {
						c.world(&o)
					}
					w.state = planFor(w.policy, w.state, o).Next
				}
			}
			for _, name := range g.names {
				w := g.members[name]
				// One without traffic is told that the route sends to it.
				if isBlocked(w) != (c.why != "") || !isBlocked(w) && !resting(w) && w.policy.Traffic != v1alpha1.TrafficNone || !strings.HasPrefix(w.state.Message, c.why) {
					t.Errorf("%s says %q (%+v)", name, w.state.Message, w.state.Blocked)
				}
			}
		})
	}
}
