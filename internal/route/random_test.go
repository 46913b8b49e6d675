package route

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
)

// randomRoute returns any route of a user, of either kind.
func randomRoute(random *rand.Rand) Route {
	r := Route{Kind: []string{HTTP, GRPC}[random.IntN(2)]}
	r.Namespace, r.Name, r.Annotations = "test", "shop", map[string]string{"team": "a"}
	for i := range 1 + random.IntN(3) {
		rule := map[string]any{"backendRefs": randomRefs(random)}
		if random.IntN(3) == 0 {
			rule["name"] = fmt.Sprintf("sluice-user-%d", i)
		}
		if random.IntN(2) == 0 {
			rule["matches"] = randomMatches(random, r.Kind)
		}
		if random.IntN(2) == 0 {
			rule["filters"] = randomFilters(random)
		}
		r.Rules = append(r.Rules, rule)
	}
	return r
}

// randomRefs never puts the canary after a primary: nothing could tell whether the user or Sluice added it.
func randomRefs(random *rand.Rand) []any {
	var refs []any
	names := []string{"shop", "other", "third"}
	if random.IntN(3) == 0 {
		refs = append(refs, map[string]any{"name": "shop-canary", "port": int64(80), "weight": int64(random.IntN(9))})
	}
	for range 1 + random.IntN(3) {
		ref := map[string]any{"group": "", "kind": "Service", "name": names[random.IntN(3)], "port": int64(80 + random.IntN(2)), "weight": int64(random.IntN(5000))}
		switch random.IntN(5) {
		case 0:
			ref["filters"] = []any{map[string]any{"type": requestHeaders, "requestHeaderModifier": map[string]any{"set": []any{map[string]any{"name": "X-Mark", "value": "user"}}}}}
		case 1:
			ref["filters"] = []any{map[string]any{"type": responseHeaders, "responseHeaderModifier": map[string]any{"add": []any{map[string]any{"name": "x-a", "value": "b"}}}}}
		case 2:
			ref["namespace"] = []string{"test", "elsewhere"}[random.IntN(2)]
		}
		refs = append(refs, ref)
	}
	return refs
}

func randomMatches(random *rand.Rand, kind string) []any {
	var matches []any
	for range 1 + random.IntN(2) {
		match := map[string]any{"headers": []any{map[string]any{"type": "Exact", "name": []string{"x-team", "X-Canary"}[random.IntN(2)], "value": "true"}}}
		if kind == HTTP {
			match["path"] = map[string]any{"type": []string{"Exact", "PathPrefix"}[random.IntN(2)], "value": "/a"}
		}
		matches = append(matches, match)
	}
	return matches
}

func randomFilters(random *rand.Rand) []any {
	all := []any{
		map[string]any{"type": requestMirror, "requestMirror": map[string]any{"backendRef": map[string]any{"group": "", "kind": "Service", "name": "audit", "port": int64(80)}, "percent": int64(3)}},
		map[string]any{"type": responseHeaders, "responseHeaderModifier": map[string]any{"set": []any{map[string]any{"name": "x-b", "value": "c"}}}},
	}
	return all[:1+random.IntN(2)]
}

func randomIntents(random *rand.Rand) Intents {
	var intents Intents
	maybe := func() bool { return random.IntN(2) == 0 }
	if random.IntN(5) > 0 {
		split := at(float64(random.IntN(1001)) / 10)
		split.Decimals = 1
		if maybe() {
			split.Match = []Match{tester, blue}[:1+random.IntN(2)]
		}
		if maybe() {
			split.Mirror = float64(random.IntN(101))
		}
		if maybe() {
			split.Affinity = []*Affinity{&sticky, &both, &expired}[random.IntN(3)]
		}
		if maybe() {
			split.Mark = &Header{Name: "x-mark", Value: "canary"}
		}
		if maybe() {
			split.Control = "shop-baseline"
		}
		intents.Splits = []Split{split}
	}
	if maybe() {
		intents.Cohorts = []Cohort{chain, pinned}[random.IntN(2):]
	}
	return intents
}

// plays edits a rule of the stored route as a user would, and the same rule in the user's own manifest.
func editTogether(random *rand.Rand, stored, user Route) (Route, Route) {
	at, seen := random.IntN(len(user.Rules)), 0
	edit := func(rule any) map[string]any {
		edited := copied(asMap(rule))
		edited["timeouts"] = map[string]any{"request": fmt.Sprintf("%ds", random.IntN(3))}
		return edited
	}
	stored.Rules, user.Rules = append([]any{}, stored.Rules...), append([]any{}, user.Rules...)
	for i, rule := range stored.Rules {
		if isOurs(asMap(rule)) {
			continue
		}
		if seen == at {
			stored.Rules[i] = edit(rule)
			edited := copied(asMap(user.Rules[at]))
			edited["timeouts"] = asMap(stored.Rules[i])["timeouts"]
			user.Rules[at] = edited
		}
		seen++
	}
	return stored, user
}

// TestAnySequenceOfIntentsEndsWithTheUsersRoute checks for random routes, intents and edits: rendering twice changes nothing,
// sums are kept, and without intents the route is the user's to the last byte.
func TestAnySequenceOfIntentsEndsWithTheUsersRoute(t *testing.T) {
	rendered := 0
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, 11))
		user := randomRoute(random)
		current := user
		for range 1 + random.IntN(6) {
			switch random.IntN(4) {
			case 0:
				edited, plain := editTogether(random, current, user)
				user, current = plain, must(t, seed)(Render(current, edited))
			case 1:
				applied := user
				applied.Annotations = current.Annotations
				current = must(t, seed)(Render(current, applied))
			default:
				next, err := With(current, randomIntents(random))
				if err != nil {
					continue // more than the Gateway API allows
				}
				current = next
				rendered++
			}
			if again, err := Render(current, current); err != nil || !cmp.Equal(again, current) {
				t.Fatalf("seed %d: rendering again: %v %s", seed, err, cmp.Diff(current, again))
			}
			if ok, reason := IsRendered(current); !ok {
				t.Fatalf("seed %d: is not rendered: %s", seed, reason)
			}
			checkShares(t, seed, user, current)
			checkTesters(t, seed, current)
			checkOthers(t, seed, user, current)
		}
		if diff := cmp.Diff(encode(user.Rules), encode(Plain(current).Rules)); diff != "" {
			t.Fatalf("seed %d: the end is not the user's route: %s", seed, diff)
		}
		if !maps.Equal(Plain(current).Annotations, map[string]string{"team": "a"}) {
			t.Fatalf("seed %d: left behind: %v", seed, Plain(current).Annotations)
		}
	}
	if rendered < 300 {
		t.Errorf("only %d routes were rendered", rendered)
	}
}

// checkOthers checks that every rule that is added for testers or cookies gives other backends the weights of the user's rule, beside
// as much as the primary had there.
func checkOthers(t *testing.T, seed uint64, user, rendered Route) {
	t.Helper()
	others := func(rule any) string {
		var kept []any
		for _, ref := range listOf(asMap(rule), "backendRefs") {
			if name := text(asMap(ref), "name", ""); name == "other" || name == "third" || text(asMap(ref), "namespace", "test") != "test" {
				kept = append(kept, ref)
			}
		}
		return encode(kept)
	}
	for _, rule := range rendered.Rules {
		var index int
		name := text(asMap(rule), "name", "")
		if !isOurs(asMap(rule)) || strings.HasPrefix(name, "sluice-cohort") {
			continue
		}
		parts := strings.Split(name, "-")
		at := 2
		if parts[1] == "expired" {
			at = 3
		}
		if _, err := fmt.Sscan(parts[at], &index); err != nil {
			t.Fatalf("seed %d: %s: %v", seed, name, err)
		}
		if others(rule) != others(user.Rules[index]) || sumOf(rule) != sumOf(user.Rules[index]) {
			t.Fatalf("seed %d: %s gives %s, and the user's rule %s", seed, name, encode(rule), encode(user.Rules[index]))
		}
	}
}

func must(t *testing.T, seed uint64) func(Route, error) Route {
	t.Helper()
	return func(r Route, err error) Route {
		t.Helper()
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		return r
	}
}

// checkShares checks that the shares of the user's rules are only scaled.
func checkShares(t *testing.T, seed uint64, user, rendered Route) {
	t.Helper()
	split := SplitFor(rendered, types.NamespacedName{Namespace: "test", Name: "shop"})
	i := 0
	for _, rule := range rendered.Rules {
		if isOurs(asMap(rule)) {
			continue
		}
		scale := int64(1)
		if split != nil {
			if primary, _ := split.backends("test"); sends(asMap(rule), primary, "test") {
				scale = split.scale()
			}
		}
		if before, after := sumOf(user.Rules[i]), sumOf(rule); after != before*scale {
			t.Fatalf("seed %d: rule %d has weight %d in all, the user gave %d times %d", seed, i, after, before, scale)
		}
		i++
	}
	if i != len(user.Rules) {
		t.Fatalf("seed %d: %d rules of the user's are left of %d", seed, i, len(user.Rules))
	}
}

// checkTesters checks that testers get the canary's cookie if there is one, and that it keeps them there at any weight.
func checkTesters(t *testing.T, seed uint64, rendered Route) {
	t.Helper()
	split := SplitFor(rendered, types.NamespacedName{Namespace: "test", Name: "shop"})
	if split == nil || split.Affinity == nil || rendered.Kind == GRPC {
		return
	}
	names := encode(rendered.Rules)
	for _, rule := range rendered.Rules {
		name := text(asMap(rule), "name", "")
		if !strings.HasPrefix(name, "sluice-match-") {
			continue
		}
		if kept := strings.Replace(name, "match", "canary", 1); !strings.Contains(names, `"`+kept+`"`) {
			t.Fatalf("seed %d: %s has no %s", seed, name, kept)
		}
		for _, ref := range listOf(asMap(rule), "backendRefs") {
			if text(asMap(ref), "name", "") != "shop-canary" {
				continue
			}
			if !strings.Contains(encode(ref), split.Affinity.Cookie.String()) {
				t.Fatalf("seed %d: %s gives no cookie: %s", seed, name, encode(ref))
			}
		}
	}
}
