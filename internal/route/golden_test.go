package route

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the golden files")

const (
	simpleHTTP = `
kind: HTTPRoute
rules:
- matches: [{path: {type: PathPrefix, value: /}}]
  backendRefs: [{group: "", kind: Service, name: shop, port: 80, weight: 1}]`
	simpleGRPC = `
kind: GRPCRoute
rules:
- backendRefs: [{group: "", kind: Service, name: shop, port: 80, weight: 1}]`
	fullHTTP = `
kind: HTTPRoute
rules:
- name: api
  matches:
  - path: {type: PathPrefix, value: /api}
  - path: {type: Exact, value: /v2}
    headers: [{type: Exact, name: X-Team, value: blue}]
  timeouts: {request: 5s}
  filters:
  - {type: RequestMirror, requestMirror: {backendRef: {group: "", kind: Service, name: audit, port: 80}, percent: 1}}
  - {type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: x-served-by, value: shop}]}}
  backendRefs:
  - group: ""
    kind: Service
    name: shop
    port: 80
    weight: 7
    filters:
    - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-backend, value: shop}]}}
    - {type: ResponseHeaderModifier, responseHeaderModifier: {add: [{name: x-version, value: "1"}]}}
  - {group: "", kind: Service, name: other, port: 80, weight: 3}
- name: always-canary
  matches: [{path: {type: PathPrefix, value: /preview}}]
  backendRefs: [{group: "", kind: Service, name: shop-canary, port: 80, weight: 1}]
- matches: [{path: {type: PathPrefix, value: /static}}]
  backendRefs: [{group: "", kind: Service, name: static, port: 80, weight: 1}]`
	fullGRPC = `
kind: GRPCRoute
rules:
- name: carts
  matches:
  - method: {type: Exact, service: shop.Carts}
    headers: [{type: Exact, name: x-team, value: blue}]
  filters:
  - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-api, value: carts}]}}
  backendRefs:
  - {group: "", kind: Service, name: shop, port: 9000, weight: 1}
- matches: [{method: {type: Exact, service: shop.Preview}}]
  backendRefs: [{group: "", kind: Service, name: shop-canary, port: 9000, weight: 1}]`
	elsewhere = `
kind: HTTPRoute
namespace: gateways
rules:
- matches: [{path: {type: PathPrefix, value: /}}]
  backendRefs: [{group: "", kind: Service, name: shop, namespace: test, port: 80, weight: 1}]`
	shared = `
kind: HTTPRoute
namespace: gateways
rules:
- matches: [{path: {type: PathPrefix, value: /}}]
  backendRefs:
  - {group: "", kind: Service, name: shop, namespace: test, port: 80, weight: 1}
  - {group: "", kind: Service, name: theirs, port: 80, weight: 9}`
	rewriting = `
kind: HTTPRoute
rules:
- matches: [{path: {type: PathPrefix, value: /shop}}]
  filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}}]
  backendRefs: [{group: "", kind: Service, name: shop, port: 80, weight: 1}]`
)

var (
	tester  = Match{Headers: []ValueMatch{{Name: "x-canary", Value: "true"}}}
	insider = Match{Headers: []ValueMatch{{Name: "Cookie", Type: "RegularExpression", Value: `^(.*;)?\s*insider=yes\s*(;.*)?$`}}}
	blue    = Match{Headers: []ValueMatch{{Name: "x-team", Type: "RegularExpression", Value: "b.*"}}}
	asked   = Match{QueryParams: []ValueMatch{{Name: "preview", Value: "1"}}, Method: "GET", Path: &PathMatch{Type: "PathPrefix", Value: "/api/v1"}}
	sticky  = Affinity{Cookie: Cookie{Name: "shop-canary", Value: "7c9e41d2", Attributes: "Path=/; Max-Age=86400; Secure"}}
	both    = Affinity{Cookie: sticky.Cookie, Primary: &Cookie{Name: "shop-primary", Value: "7c9e41d2", Attributes: "Path=/; Max-Age=60"}}
	expired = Affinity{Cookie: sticky.Cookie, Expired: []Cookie{{Name: "shop-canary", Value: "10a15acb", Attributes: "Path=/; Max-Age=86400; Secure"}, {Name: "old.cookie"}}}
	mark    = &Header{Name: "x-sluice-canary", Value: "shop"}
	chain   = Cohort{Deployment: "web", Header: "x-sluice-canary", Value: "web", Primary: "shop", To: "shop-canary"}
	pinned  = Cohort{Deployment: "web", Namespace: "front", Header: "x-sluice-canary", Value: "web", Primary: "other", To: "other-v2"}
)

// changed is a split of 30 percent with changes.
func changed(change func(*Split)) Intents {
	split := at(30)
	change(&split)
	return Intents{Splits: []Split{split}}
}

var goldens = map[string]struct {
	route   string
	intents Intents
}{
	"a share of whole percents":             {simpleHTTP, changed(func(*Split) {})},
	"a share finer than a percent":          {simpleHTTP, changed(func(s *Split) { s.Weight, s.Decimals = 0.2, 1 })},
	"a control gets as much as the canary":  {fullHTTP, changed(func(s *Split) { s.Control = "shop-baseline" })},
	"testers go to the canary":              {simpleHTTP, changed(func(s *Split) { s.Weight, s.Match = 0, []Match{tester, insider, asked} })},
	"testers within the rules of the user":  {fullHTTP, changed(func(s *Split) { s.Match = []Match{tester, blue, asked} })},
	"the canary gets copies":                {strings.Replace(fullHTTP, "name: other, port: 80, weight: 3", "name: other, port: 80, weight: 0", 1), changed(func(s *Split) { s.Weight, s.Mirror = 0, 10 })},
	"copies finer than a percent":           {simpleHTTP, changed(func(s *Split) { s.Weight, s.Mirror = 0, 0.25 })},
	"testers stay among weights":            {fullHTTP, changed(func(s *Split) { s.Match, s.Affinity = []Match{tester}, &both })},
	"testers stay on the canary":            {simpleHTTP, changed(func(s *Split) { s.Weight, s.Match, s.Affinity = 0, []Match{tester, asked}, &sticky })},
	"users stay on the canary":              {simpleHTTP, changed(func(s *Split) { s.Affinity = &sticky })},
	"users stay on either version":          {fullHTTP, changed(func(s *Split) { s.Affinity = &both })},
	"nobody stays where no weight is":       {simpleHTTP, changed(func(s *Split) { s.Weight, s.Affinity = 100, &both })},
	"cookies of earlier rollouts expire":    {fullHTTP, changed(func(s *Split) { s.Affinity = &expired })},
	"the canary's requests are marked":      {fullHTTP, changed(func(s *Split) { s.Mark = mark })},
	"marked requests go to another Service": {fullHTTP, Intents{Cohorts: []Cohort{chain, pinned}}},
	"a chain of canaries holds through a split": {fullHTTP, func() Intents {
		i := changed(func(s *Split) { s.Mark = mark })
		i.Cohorts = []Cohort{chain, pinned}
		return i
	}()},
	"everything at once": {simpleHTTP, func() Intents {
		i := changed(func(s *Split) {
			s.Match, s.Mirror, s.Affinity, s.Mark = []Match{tester}, 5, &Affinity{Cookie: both.Cookie, Primary: both.Primary, Expired: expired.Expired}, mark
		})
		i.Cohorts = []Cohort{chain}
		return i
	}()},
	"testers take only the primary's share": {shared, changed(func(s *Split) { s.Namespace, s.Weight, s.Match = "test", 0, []Match{tester} })},
	"users stay within the primary's share": {shared, changed(func(s *Split) { s.Namespace, s.Affinity = "test", &both })},
	"a backend in place of the canary's Service": {simpleHTTP, changed(func(s *Split) {
		s.Mark = mark
		s.CanaryBackend = map[string]any{"group": "", "kind": "Service", "name": "shop-next", "namespace": "next", "port": int64(8080),
			"filters": []any{map[string]any{"type": "RequestHeaderModifier", "requestHeaderModifier": map[string]any{"remove": []any{"x-debug"}}}}}
	})},
	"a route of another namespace":    {elsewhere, changed(func(s *Split) { s.Namespace, s.Match, s.Mirror = "test", []Match{tester}, 10 })},
	"a rule that replaces the prefix": {rewriting, changed(func(s *Split) { s.Match, s.Affinity = []Match{tester, insider}, &sticky })},
	"a share of a GRPCRoute":          {simpleGRPC, changed(func(*Split) {})},
	"testers of a GRPCRoute":          {fullGRPC, changed(func(s *Split) { s.Match = []Match{tester, asked, blue} })},
	"copies of a GRPCRoute":           {fullGRPC, changed(func(s *Split) { s.Weight, s.Mirror = 0, 10 })},
	"everything at once of a GRPCRoute": {fullGRPC, func() Intents {
		i := changed(func(s *Split) { s.Match, s.Affinity, s.Mark = []Match{tester}, &both, mark })
		i.Cohorts = []Cohort{chain}
		return i
	}()},
	"marked requests of a GRPCRoute go along":  {simpleGRPC, Intents{Cohorts: []Cohort{chain}}},
	"a share of two ports of a GRPCRoute rule": {strings.Replace(simpleGRPC, "weight: 1}", "weight: 1}, {group: \"\", kind: Service, name: shop, port: 81, weight: 2}", 1), changed(func(*Split) {})},
}

// routeFrom builds a route from its kind, its namespace and its rules.
func routeFrom(t *testing.T, text string) Route {
	t.Helper()
	var parts struct {
		Kind, Namespace string
		Rules           []any
	}
	if err := yaml.Unmarshal([]byte(text), &parts); err != nil {
		t.Fatal(err)
	}
	r := Route{Kind: parts.Kind, Rules: listOf(asMap(integers(map[string]any{"rules": parts.Rules})), "rules")}
	r.Namespace, r.Name = "test", "shop"
	if parts.Namespace != "" {
		r.Namespace = parts.Namespace
	}
	return r
}

func objectOf(t *testing.T, r Route) map[string]any {
	t.Helper()
	object := map[string]any{
		"apiVersion": "gateway.networking.k8s.io/v1", "kind": r.Kind, "metadata": map[string]any{"namespace": r.Namespace, "name": r.Name},
		"spec": map[string]any{"parentRefs": []any{map[string]any{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "gateway"}}},
	}
	if err := r.Into(object); err != nil {
		t.Fatal(err)
	}
	return object
}

func TestGoldens(t *testing.T) {
	for name, c := range goldens {
		t.Run(name, func(t *testing.T) {
			user := routeFrom(t, c.route)
			rendered, err := With(user, c.intents)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", strings.ReplaceAll(strings.ReplaceAll(name, "'", ""), " ", "-")+".golden.yaml")
			got, err := yaml.Marshal(objectOf(t, rendered))
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("the route has changed (-want +got); if that is meant, run go test ./route -update\n%s", diff)
			}
			if ok, reason := IsRendered(rendered); !ok || reason != "" {
				t.Errorf("is not rendered by its own word: %s", reason)
			}
			if diff := cmp.Diff(user, Plain(rendered)); diff != "" {
				t.Errorf("the end is not the user's route: %s", diff)
			}
			if diff := cmp.Diff(routeFrom(t, c.route), user); diff != "" {
				t.Errorf("the user's route was changed in place: %s", diff)
			}
		})
	}
}

func TestCohortsOfSeveralDeployments(t *testing.T) {
	web, mobile := types.NamespacedName{Namespace: "test", Name: "web"}, types.NamespacedName{Namespace: "front", Name: "mobile"}
	user := routeFrom(t, simpleHTTP)
	one, err := WithCohorts(user, web, Cohort{Header: "x", Value: "web", Primary: "shop", To: "shop-canary"})
	if err != nil {
		t.Fatal(err)
	}
	two, err := WithCohorts(one, mobile, Cohort{Header: "x", Value: "mobile", Primary: "shop", To: "shop-v2"})
	if err != nil {
		t.Fatal(err)
	}
	if len(two.Rules) != 3 || len(CohortsFor(two, web)) != 1 || len(CohortsFor(two, mobile)) != 1 {
		t.Errorf("got %v", two.Rules)
	}
	split := with(t, two, at(10))
	if diff := cmp.Diff(one, WithoutCohorts(WithoutSplit(split, ofShop), mobile)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(user, WithoutCohorts(one, web)); diff != "" {
		t.Error(diff)
	}
}
