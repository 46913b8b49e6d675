package route

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

func testers(n int) []Match {
	var matches []Match
	for i := range n {
		matches = append(matches, Match{Headers: []ValueMatch{{Name: "x-user", Value: fmt.Sprint(i)}}})
	}
	return matches
}

func TestWhatCannotBeRenderedIsRefused(t *testing.T) {
	rules := func(n int) string {
		return "kind: HTTPRoute\nrules:" + strings.Repeat("\n- backendRefs: [{name: shop, port: 80, weight: 1}]", n)
	}
	headers := strings.Repeat("{name: NAME, value: x}, ", 16)
	for i := range 16 {
		headers = strings.Replace(headers, "NAME", fmt.Sprintf("h%d", i), 1)
	}
	cookied := strings.Replace(simpleHTTP, "weight: 1}", `weight: 1, filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: set-cookie, value: a=b}]}}]}`, 1)
	for name, c := range map[string]struct {
		route string
		split func(*Split)
		wrong string
	}{
		"more rules than are allowed":     {rules(9), func(s *Split) { s.Match = testers(1) }, "spec.rules: the rollout needs 18 rules, but the Gateway API allows 16"},
		"more matches in a rule":          {rules(1), func(s *Split) { s.Match = testers(65) }, "spec.rules[0] (sluice-match-0).matches: the rollout needs 65 matches, but the Gateway API allows 64"},
		"more matches in all":             {rules(3), func(s *Split) { s.Match = testers(64) }, "needs 192 matches in all rules, but the Gateway API allows 128"},
		"more headers in a match":         {strings.Replace(simpleHTTP, "value: /}", "value: /}, headers: ["+headers+"]", 1), func(s *Split) { s.Match = []Match{tester} }, "matches[0].headers: the rollout needs 17 headers"},
		"more backends":                   {strings.Replace(simpleHTTP, "weight: 1}", "weight: 1}"+strings.Repeat(", {name: other, port: 80, weight: 1}", 15), 1), func(*Split) {}, "spec.rules[0].backendRefs: the rollout needs 17 backends"},
		"two expressions for one header":  {strings.Replace(simpleHTTP, "value: /}", "value: /}, headers: [{name: cookie, type: RegularExpression, value: a}]", 1), func(s *Split) { s.Affinity = &sticky }, "spec.rules[0].matches[0].headers: Cookie must match two regular expressions"},
		"a backend that sets a cookie":    {cookied, func(s *Split) { s.Affinity = &both }, `spec.rules[0].backendRefs: the ResponseHeaderModifier already has Set-Cookie in "set"`},
		"an expression and a prefix":      {strings.Replace(simpleHTTP, "value: /}", "value: /a}", 1), func(s *Split) { s.Match = []Match{{Path: &PathMatch{Type: "RegularExpression", Value: "/a.*"}}} }, `spec.rules[0].matches[0].path: PathPrefix "/a" and RegularExpression "/a.*"`},
		"another path for a rewrite":      {rewriting, func(s *Split) { s.Match = []Match{{Path: &PathMatch{Type: "Exact", Value: "/shop/a"}}} }, "the rule rewrites the path prefix"},
		"a mirror of other requests":      {fullHTTP, func(s *Split) { s.Mirror = 10 }, "spec.rules[0] also sends to Service other, whose requests would be mirrored to the canary too: divide the rule, or leave mirror out"},
		"a name that is reserved":         {strings.Replace(simpleHTTP, "- matches", "- name: sluice-canary-0\n  matches", 1), func(*Split) {}, `spec.rules[0].name: "sluice-canary-0" is reserved for rules that Sluice adds`},
		"a value that is longer than any": {simpleHTTP, func(s *Split) { s.Affinity = &Affinity{Cookie: Cookie{Name: "a", Value: strings.Repeat("b", 5000)}} }, "characters, but the Gateway API allows 4096"},
	} {
		t.Run(name, func(t *testing.T) {
			user := routeFrom(t, c.route)
			got, err := With(user, changed(c.split))
			if err == nil || !strings.Contains(err.Error(), c.wrong) || got.Rules != nil {
				t.Errorf("got %d rules and %v, not %q", len(got.Rules), err, c.wrong)
			}
			intents := changed(c.split)
			if status := StatusOf(user, intents.Splits[0]); status.InEffect || !strings.Contains(status.Reason, c.wrong) {
				t.Errorf("the status is %+v", status)
			}
		})
	}
}

func TestConditionsThatExcludeEachOtherAddNothing(t *testing.T) {
	user := strings.Replace(simpleHTTP, "value: /}", "value: /a}, method: GET, headers: [{name: X-Canary, type: Exact, value: 'no'}], queryParams: [{name: q, type: RegularExpression, value: 1+}]", 1)
	for name, c := range map[string]struct {
		match Match
		fits  bool
	}{
		"another value":               {tester, false},
		"the same value":              {Match{Headers: []ValueMatch{{Name: "x-canary", Value: "no"}}}, true},
		"an expression that fits":     {Match{Headers: []ValueMatch{{Name: "x-canary", Type: "RegularExpression", Value: "n."}}}, true},
		"an expression that does not": {Match{Headers: []ValueMatch{{Name: "x-canary", Type: "RegularExpression", Value: "n"}}}, false},
		"a value of the expression":   {Match{QueryParams: []ValueMatch{{Name: "q", Value: "111"}}}, true},
		"no value of the expression":  {Match{QueryParams: []ValueMatch{{Name: "q", Value: "112"}}}, false},
		"a name in capitals":          {Match{QueryParams: []ValueMatch{{Name: "Q", Value: "x"}}}, true},
		"another method":              {Match{Method: "POST"}, false},
		"the same method":             {Match{Method: "GET"}, true},
		"a path below":                {Match{Path: &PathMatch{Type: "PathPrefix", Value: "/a/b"}}, true},
		"a path above":                {Match{Path: &PathMatch{Type: "PathPrefix", Value: "/"}}, true},
		"a path beside":               {Match{Path: &PathMatch{Type: "Exact", Value: "/ab"}}, false},
		"an exact path":               {Match{Path: &PathMatch{Type: "Exact", Value: "/a/b"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			rendered, err := With(routeFrom(t, user), changed(func(s *Split) { s.Match = []Match{c.match} }))
			if err != nil {
				t.Fatal(err)
			}
			if fits := len(rendered.Rules) == 2; fits != c.fits {
				t.Errorf("got %s", encode(rendered.Rules))
			}
		})
	}
}

func TestTheExpressionOfACookieFitsThatCookieOnly(t *testing.T) {
	pattern := regexp.MustCompile(Cookie{Name: "c.1", Value: "a+b"}.match().Headers[0].Value)
	for header, want := range map[string]bool{
		"c.1=a+b": true, "x=y; c.1=a+b": true, "c.1=a+b; x=y": true, "x=y;c.1=a+b;z=w": true,
		"cx1=a+b": false, "c.1=aab": false, "xc.1=a+b": false, "c.1=a+bc": false, "x=c.1=a+b": false, "c.1=a+b c": false, "": false,
	} {
		if got := pattern.MatchString(header); got != want {
			t.Errorf("%q: %v", header, got)
		}
	}
}

// nameless is what an API server stores whose CRDs lack the names of rules.
func nameless(r Route) Route {
	rules := make([]any, 0, len(r.Rules))
	for _, rule := range r.Rules {
		bare := copied(asMap(rule))
		delete(bare, "name")
		rules = append(rules, bare)
	}
	r.Rules = rules
	return r
}

func TestRulesThatLostTheirNamesAreNotAddedTwice(t *testing.T) {
	user := routeFrom(t, simpleHTTP)
	for name, intents := range map[string]Intents{
		"testers": changed(func(s *Split) { s.Match = []Match{tester} }),
		"cookies": changed(func(s *Split) { s.Affinity = &both }),
		"cohorts": {Cohorts: []Cohort{chain}},
	} {
		t.Run(name, func(t *testing.T) {
			rendered, err := With(user, intents)
			if err != nil {
				t.Fatal(err)
			}
			stored := nameless(rendered)
			if _, reason := IsRendered(stored); !strings.Contains(reason, "HTTPRoute CRD drops spec.rules[].name") {
				t.Errorf("the reason is %q", reason)
			}
			if _, err := With(stored, intents); err == nil {
				t.Error("the rules are added again")
			}
			if got := encode(Plain(stored).Rules); got != encode(user.Rules) {
				t.Errorf("the end is %s", got)
			}
			ended := stored
			ended.Annotations = nil
			if got, err := Render(stored, ended); err != nil || encode(got.Rules) != encode(user.Rules) {
				t.Errorf("without annotations: %v %s", err, encode(got.Rules))
			}
		})
	}
}

func TestWhatAnEditChangesInVainIsTold(t *testing.T) {
	stored, err := With(routeFrom(t, fullHTTP), changed(func(s *Split) { s.Match, s.Mark = []Match{tester}, mark }))
	if err != nil {
		t.Fatal(err)
	}
	edited := func(at int, change func(rule map[string]any)) Route {
		r := stored
		r.Rules = append([]any{}, stored.Rules...)
		r.Rules[at] = copied(asMap(stored.Rules[at]))
		change(asMap(r.Rules[at]))
		return r
	}
	plain := Plain(stored)
	const moved = "spec.rules[1].backendRefs: Sluice sets the weights of Services shop and shop-canary while Deployment shop is rolled out, so this change " +
		"does not move requests: 30% still go to the canary; to take them all away: kubectl sluice abort shop -n test; to stay at this weight: kubectl sluice pause shop -n test"
	for name, c := range map[string]struct {
		updated Route
		told    string
	}{
		"nothing":                  {stored, ""},
		"the user's own rules":     {plain, ""},
		"a rule of the user's":     {edited(1, func(rule map[string]any) { rule["timeouts"] = map[string]any{"request": "1s"} }), ""},
		"a weight of the canary's": {edited(1, func(rule map[string]any) { asMap(listOf(rule, "backendRefs")[1])["weight"] = int64(5) }), moved},
		"all to the primary": {edited(1, func(rule map[string]any) {
			refs := listOf(rule, "backendRefs")
			asMap(refs[0])["weight"], asMap(refs[1])["weight"] = weightOf(asMap(refs[0]))+weightOf(asMap(refs[1])), int64(0)
		}), moved},
		"no canary": {edited(1, func(rule map[string]any) { rule["backendRefs"] = slices.Delete(listOf(rule, "backendRefs"), 1, 2) }), moved},
		"twice the weights": {edited(1, func(rule map[string]any) {
			for _, ref := range listOf(rule, "backendRefs") {
				asMap(ref)["weight"] = 2 * weightOf(asMap(ref))
			}
		}), ""},
		"a rule of ours":         {edited(0, func(rule map[string]any) { delete(rule, "timeouts") }), "spec.rules[0] (sluice-match-0): Sluice derives this rule from another one"},
		"the canary's reference": {edited(1, func(rule map[string]any) { delete(asMap(listOf(rule, "backendRefs")[1]), "filters") }), "spec.rules[1].backendRefs: Sluice derives the reference to Service shop-canary from"},
		"the user's own canary":  {edited(2, func(rule map[string]any) { asMap(listOf(rule, "backendRefs")[0])["port"] = int64(81) }), ""},
	} {
		t.Run(name, func(t *testing.T) {
			told := strings.Join(Dropped(stored, c.updated), " ")
			if !strings.Contains(told, c.told) || c.told == "" && told != "" {
				t.Errorf("got %q", told)
			}
		})
	}
}

func TestStatusOf(t *testing.T) {
	split := at(30)
	user := routeFrom(t, simpleHTTP)
	user.Generation = 2
	user.ParentRefs = []gatewayv1.ParentReference{{Name: "gateway"}, {Kind: kind("Service"), Name: "shop"}}
	stated := with(t, user, split)
	accepted := stated
	for _, parent := range user.ParentRefs {
		report := gatewayv1.RouteParentStatus{ParentRef: parent}
		for _, condition := range []string{"Accepted", "ResolvedRefs"} {
			report.Conditions = append(report.Conditions, metav1.Condition{Type: condition, Status: "True", ObservedGeneration: 2})
		}
		accepted.Parents = append(accepted.Parents, report)
	}
	meshless := accepted
	meshless.Parents = accepted.Parents[:1]
	drifted := accepted
	drifted.Rules = user.Rules
	for name, c := range map[string]struct {
		route Route
		want  Status
	}{
		"not stated":                         {user, Status{Reason: "its split is being written"}},
		"stated but edited":                  {drifted, Status{Reason: "its split is being written"}},
		"not accepted yet":                   {stated, Status{Weight: 30, Reason: "Gateway test/gateway has not reported on generation 2: is its controller running?"}},
		"a Service for which nobody reports": {meshless, Status{Weight: 30, Reason: "Service test/shop has not reported on generation 2: is its controller running?"}},
		"in effect":                          {accepted, Status{Weight: 30, InEffect: true}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := StatusOf(c.route, split); got != c.want {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func kind(name gatewayv1.Kind) *gatewayv1.Kind { return &name }

func TestKeysAreShort(t *testing.T) {
	for short, key := range map[string]Key{
		"shop":                      {HTTP, "test", "shop"},
		"GRPCRoute/shop":            {GRPC, "test", "shop"},
		"HTTPRoute/gateways/shop":   {HTTP, "gateways", "shop"},
		"GRPCRoute/gateways/shop.x": {GRPC, "gateways", "shop.x"},
	} {
		if key.Short("test") != short {
			t.Errorf("%s is %s", short, key.Short("test"))
		}
	}
	if name := (Key{HTTP, "test", "shop"}).From("other"); name != "HTTPRoute test/shop" {
		t.Errorf("got %s", name)
	}
}
