package rollout

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config/policy"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/rollout/target"
)

// contenders are rollouts that need routes on which only one of them fits. A route is on "-" while nobody splits it.
type contenders struct {
	// needs are the routes of each Deployment, in the order in which they are written.
	needs map[string][]string
	plain map[string]route.Route
	seen  map[string]move
}

// move is what a rollout wants after a look at all routes: its split on some of them, or on none any more.
type move struct {
	claims []string
	yields bool
}

// contending lets each Deployment share a rule with the others of a route, with testers, which need a rule of their own.
func contending(needs map[string][]string) *contenders {
	c := &contenders{needs: needs, plain: map[string]route.Route{}, seen: map[string]move{}}
	for _, name := range slices.Sorted(maps.Keys(needs)) {
		for _, on := range needs[name] {
			r, exists := c.plain[on]
			if !exists {
				r = routeTo(on, name)
			} else {
				rule := r.Rules[0].(map[string]any)
				refs := rule["backendRefs"].([]any)
				ref := maps.Clone(refs[0].(map[string]any))
				ref["name"] = name
				r.Rules = []any{map[string]any{"backendRefs": append(slices.Clone(refs), ref)}}
			}
			c.plain[on] = r
		}
	}
	return c
}

func (c *contenders) names() []string { return slices.Sorted(maps.Keys(c.needs)) }

func (c *contenders) routes() []string { return slices.Sorted(maps.Keys(c.plain)) }

// holders is who splits each route.
type holders map[string]string

func (h holders) String() string {
	var parts []string
	for _, on := range slices.Sorted(maps.Keys(h)) {
		parts = append(parts, on+"="+h[on])
	}
	return strings.Join(parts, " ")
}

func (c *contenders) split(name string) route.Split {
	return route.Split{Deployment: name, Namespace: "test", Primary: name, Canary: name + "-canary", Alone: true}
}

// decide is what a rollout wants that sees these holders, by the decision of the controller.
func (c *contenders) decide(t *testing.T, name string, seen holders) move {
	t.Helper()
	key := name + " sees " + seen.String()
	if known, is := c.seen[key]; is {
		return known
	}
	o := complete()
	o.Name, o.Primary.Name, o.Candidate = name, name, nil
	o.Primary.Spec.Selector.MatchLabels = map[string]string{"app": name}
	o.Primary.Spec.Template.Labels = map[string]string{"app": name}
	o.Services, o.Routes = []corev1.Service{serviceFor(name, map[string]string{"app": name})}, nil
	for _, on := range c.routes() {
		r := c.plain[on]
		if holder := seen[on]; holder != "-" {
			split, err := route.WithSplit(r, c.split(holder))
			if err != nil {
				t.Fatal(err)
			}
			r = split
		}
		o.Routes = append(o.Routes, r)
	}
	rules := policy.Defaults()
	rules.Match = []v1alpha1.HTTPMatch{{Headers: map[string]v1alpha1.StringMatch{"x-tester": {Exact: "yes"}}}}
	found, problem := target.Discover(rules, o)
	decided := move{yields: problem != ""}
	if problem != "" && found.Block == "" {
		t.Fatalf("%s: %s", key, problem)
	}
	for _, on := range c.needs[name] {
		if !decided.yields && !slices.Contains(found.Taken, c.plain[on].Key()) {
			decided.claims = append(decided.claims, on)
		}
	}
	c.seen[key] = decided
	return decided
}

// writes are what a move writes, given the holders that it was decided by. Each write is for the route as it was seen.
func (c *contenders) writes(name string, seen holders, m move) (to []string, value string) {
	for _, on := range c.routes() {
		switch {
		case m.yields && seen[on] == name:
			to = append(to, on)
		case slices.Contains(m.claims, on) && seen[on] == "-":
			to = append(to, on)
		}
	}
	if m.yields {
		return to, "-"
	}
	return to, name
}

func (c *contenders) isComplete(h holders) bool {
	for name, needed := range c.needs {
		if !slices.ContainsFunc(needed, func(on string) bool { return h[on] != name }) {
			return true
		}
	}
	return false
}

// turn is where a rollout stands: it is about to look, or has some writes left that it decided on by what it saw.
type turn struct {
	seen, to, value string
}

// configuration is everything that decides what can happen next.
type configuration struct {
	on    string
	turns [2]turn
}

// TestTwoRolloutsOnTwoRoutesTakeTurns explores every order of looks and single writes of two rollouts that both need two routes, on
// each of which only one of them fits. Each may look at an old state and write later, unless the route has changed. As long as both
// keep moving, one of them gets both routes: no loop of moves of both leads nowhere.
func TestTwoRolloutsOnTwoRoutesTakeTurns(t *testing.T) {
	c := contending(map[string][]string{"cart": {"one", "two"}, "shop": {"two", "one"}})
	names := c.names()
	parse := func(text string) holders {
		h := holders{}
		for _, part := range strings.Fields(text) {
			on, holder, _ := strings.Cut(part, "=")
			h[on] = holder
		}
		return h
	}
	moves := func(from configuration, who int) configuration {
		at, name := from.turns[who], names[who]
		if at.seen == "" { // looks
			seen := parse(from.on)
			to, value := c.writes(name, seen, c.decide(t, name, seen))
			if len(to) > 0 {
				from.turns[who] = turn{from.on, strings.Join(to, " "), value}
			}
			return from
		}
		on, rest, _ := strings.Cut(at.to, " ")
		if now := parse(from.on); now[on] == parse(at.seen)[on] {
			now[on] = at.value
			from.on = now.String()
		}
		if at.to = rest; rest == "" {
			at = turn{}
		}
		from.turns[who] = at
		return from
	}
	// Both begin on any routes.
	var open []configuration
	index := map[configuration]int{}
	for _, one := range []string{"-", "cart", "shop"} {
		for _, two := range []string{"-", "cart", "shop"} {
			open = append(open, configuration{on: holders{"one": one, "two": two}.String()})
		}
	}
	for _, from := range open {
		index[from] = len(index)
	}
	var edges [][2]int
	for at := 0; at < len(open); at++ {
		var next [2]int
		for who := range next {
			to := moves(open[at], who)
			known, is := index[to]
			if !is {
				known = len(index)
				index[to] = known
				open = append(open, to)
			}
			next[who] = known
		}
		edges = append(edges, next)
	}
	ends := func(at int) bool { return c.isComplete(parse(open[at].on)) }
	t.Logf("%d configurations", len(open))
	for _, loop := range loopsOfBoth(edges, ends) {
		t.Errorf("%d configurations lead nowhere, such as %+v", len(loop), open[loop[0]])
	}
}

// loopsOfBoth returns the strongly connected parts of a graph without its ends in which both can move without an end.
func loopsOfBoth(edges [][2]int, ends func(int) bool) (loops [][]int) {
	reaches := func(from int) map[int]bool {
		seen, open := map[int]bool{}, []int{from}
		for len(open) > 0 {
			at := open[len(open)-1]
			open = open[:len(open)-1]
			for _, to := range edges[at] {
				if !seen[to] && !ends(to) {
					seen[to] = true
					open = append(open, to)
				}
			}
		}
		return seen
	}
	reach := make([]map[int]bool, len(edges))
	for at := range edges {
		if !ends(at) {
			reach[at] = reaches(at)
		}
	}
	done := map[int]bool{}
	for at := range edges {
		if ends(at) || done[at] || !reach[at][at] {
			continue
		}
		var part []int
		moves := [2]bool{}
		for other := range reach[at] {
			if reach[other][at] {
				part = append(part, other)
				done[other] = true
			}
		}
		for _, from := range part {
			for who, to := range edges[from] {
				moves[who] = moves[who] || slices.Contains(part, to)
			}
		}
		if moves[0] && moves[1] {
			loops = append(loops, part)
		}
	}
	return loops
}

// TestManyRolloutsOnManyRoutesTakeTurns lets rollouts look and write in random orders. Each gets all its routes in time, and ends
// then.
func TestManyRolloutsOnManyRoutesTakeTurns(t *testing.T) {
	for _, needs := range []map[string][]string{
		{"cart": {"one", "two"}, "shop": {"two", "one"}},
		{"cart": {"one", "two"}, "pay": {"two", "three"}, "shop": {"three", "one"}},
		{"cart": {"one", "two"}, "pay": {"two"}, "shop": {"one"}},
		{"cart": {"three", "two", "one"}, "pay": {"one", "two", "three"}, "search": {"two", "one"}, "shop": {"one", "three"}},
	} {
		for seed := range uint64(20) {
			if left := contending(needs).race(t, rand.New(rand.NewPCG(seed, 11))); len(left) > 0 {
				t.Fatalf("with seed %d %s of %v never get their routes", seed, strings.Join(left, ", "), needs)
			}
		}
	}
}

// race returns who has not had all its routes at the end.
func (c *contenders) race(t *testing.T, chance *rand.Rand) (left []string) {
	now, left := holders{}, c.names()
	for _, on := range c.routes() {
		now[on] = "-"
	}
	type pending struct {
		seen  holders
		to    []string
		value string
	}
	turns := map[string]*pending{}
	for range 2000 * len(left) {
		if len(left) == 0 {
			return nil
		}
		name := left[chance.IntN(len(left))]
		at := turns[name]
		if at == nil {
			seen := maps.Clone(now)
			to, value := c.writes(name, seen, c.decide(t, name, seen))
			turns[name] = &pending{seen, to, value}
			continue
		}
		if len(at.to) > 0 {
			if now[at.to[0]] == at.seen[at.to[0]] {
				now[at.to[0]] = at.value
			}
			at.to = at.to[1:]
			continue
		}
		delete(turns, name)
		if !slices.ContainsFunc(c.needs[name], func(on string) bool { return now[on] != name }) {
			for _, on := range c.needs[name] {
				now[on] = "-"
			}
			left = slices.DeleteFunc(left, func(other string) bool { return other == name })
		}
	}
	return left
}

// TestAnEarlierNameKeepsItsRoutes has a rollout on one of two routes, and a later one on the other.
func TestAnEarlierNameKeepsItsRoutes(t *testing.T) {
	c := contending(map[string][]string{"cart": {"one", "two"}, "shop": {"two", "one"}})
	for on, want := range map[string]string{
		"cart sees one=cart two=shop": "keeps one",
		"shop sees one=cart two=shop": "gives way",
		"cart sees one=- two=shop":    "gives way",
		"shop sees one=cart two=-":    "gives way",
		"shop sees one=- two=-":       "keeps two one",
	} {
		name, seen, _ := strings.Cut(on, " sees ")
		h := holders{}
		for _, part := range strings.Fields(seen) {
			at, holder, _ := strings.Cut(part, "=")
			h[at] = holder
		}
		got := c.decide(t, name, h)
		text := "keeps " + strings.Join(got.claims, " ")
		if got.yields {
			text = "gives way"
		}
		if text != want {
			t.Errorf("%s: it %s, not %s", on, text, want)
		}
	}
}
