package route

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/config"
)

// stored returns a generated route as the API server stores it, with defaults filled in.
func stored(generated Route) Route {
	r := Route{Kind: HTTP, ObjectMeta: *generated.DeepCopy(), ParentRefs: generated.ParentRefs, Hostnames: generated.Hostnames}
	r.Labels = map[string]string{"policy.example.com/seen": "yes"}
	for _, rule := range generated.Rules {
		rule := copied(asMap(rule))
		for _, ref := range listOf(rule, "backendRefs") {
			asMap(ref)["weight"], asMap(ref)["kind"], asMap(ref)["group"] = int64(1), "Service", ""
		}
		if len(listOf(rule, "matches")) == 0 {
			rule["matches"] = []any{map[string]any{}}
		}
		for _, match := range listOf(rule, "matches") {
			if asMap(match)["path"] == nil {
				asMap(match)["path"] = map[string]any{"type": "PathPrefix", "value": "/"}
			}
		}
		r.Rules = append(r.Rules, rule)
	}
	return r
}

func generatedOf(t *testing.T, text string) Route {
	t.Helper()
	made, problems := Generate("test", "shop", 80, serviceOf(t, text))
	if len(problems) > 0 {
		t.Fatal(problems.ToAggregate())
	}
	return FromHTTP(made)
}

func TestDefectsOfOthersThatGeneratedRoutesDoNotHave(t *testing.T) {
	for name, text := range map[string]string{
		"1: copies together with steps":             `mirror: [{backendRef: {name: archive, port: 80}}]`,
		"2: a policy for browsers without maxAge":   `corsPolicy: {allowOrigin: ["*"]}`,
		"3: a match without uri":                    `match: [{method: {exact: GET}}]`,
		"3: several headers, in whatever order":     `match: [{headers: {x-d: {exact: "4"}, x-a: {exact: "1"}, x-c: {exact: "3"}, x-b: {exact: "2"}}}]`,
		"4: affinity with headers of answers":       `headers: {response: {add: {x-e: "5"}}}`,
		"5: a rewrite of the prefix, and A/B":       "match: [{uri: {prefix: /shop}}]\nrewrite: {uri: /, type: ReplacePrefixMatch}",
		"7: foreign labels, with nothing else said": `hosts: [www.example.com]`,
	} {
		t.Run(name, func(t *testing.T) {
			generated := generatedOf(t, text)
			current := stored(generated)
			for range 20 {
				if !Keeps(current, generatedOf(t, text)) {
					t.Fatal("the route would be written again though nothing has changed")
				}
			}
			for _, split := range []Split{
				{Weight: 0, Affinity: &Affinity{Cookie: Cookie{Name: "s", Value: "a"}, Primary: &Cookie{Name: "p", Value: "b"}}},
				{Weight: 30, Mirror: 50, Match: []Match{{Headers: []ValueMatch{{Name: "x-user", Value: "a"}, {Name: "x-team", Value: "b"}}}, {QueryParams: []ValueMatch{{Name: "q", Value: "1"}}}}},
				{Weight: 30, Affinity: &Affinity{Cookie: Cookie{Name: "s", Value: "a"}}},
			} {
				split.Deployment, split.Primary, split.Canary = "shop", "shop", "shop-canary"
				rendered, err := WithSplit(current, split)
				if err != nil {
					t.Fatal(err)
				}
				checkRendered(t, rendered)
				if !Keeps(rendered, generated) {
					t.Error("a split is taken for a drift")
				}
			}
		})
	}
}

// checkRendered checks for what the API server refuses: two filters of one type, a rewrite of a prefix with several matches,
// and two equal rules.
func checkRendered(t *testing.T, r Route) {
	t.Helper()
	seen := map[string]bool{}
	for _, item := range r.Rules {
		rule := asMap(item)
		if key := encode(map[string]any{"m": rule["matches"], "b": rule["backendRefs"]}); seen[key] {
			t.Errorf("two rules are the same: %s", key)
		} else {
			seen[key] = true
		}
		types := map[string]bool{}
		for _, filter := range listOf(rule, "filters") {
			kind := text(asMap(filter), "type", "")
			if types[kind] && kind != requestMirror {
				t.Errorf("filter %s is repeated", kind)
			}
			types[kind] = true
		}
		if replacesPrefix(rule) && len(listOf(rule, "matches")) != 1 {
			t.Errorf("a rule that replaces the prefix has %d matches", len(listOf(rule, "matches")))
		}
	}
}

func TestDriftIsSeen(t *testing.T) {
	generated := generatedOf(t, "hosts: [www.example.com]\ntimeout: 15s\ngatewayRefs: [{name: gateway}]")
	for name, change := range map[string]func(*Route){
		"another host":    func(r *Route) { r.Hostnames = []gatewayv1.Hostname{"other.example.com"} },
		"one host more":   func(r *Route) { r.Hostnames = append(r.Hostnames[:1:1], "other.example.com") },
		"no parent":       func(r *Route) { r.ParentRefs = nil },
		"another timeout": func(r *Route) { asMap(asMap(r.Rules[0])["timeouts"])["request"] = "1s" },
		"no timeout":      func(r *Route) { delete(asMap(r.Rules[0]), "timeouts") },
		"one rule more":   func(r *Route) { r.Rules = append(r.Rules, map[string]any{}) },
		"another backend": func(r *Route) { asMap(listOf(asMap(r.Rules[0]), "backendRefs")[0])["name"] = "other" },
		"one backend more": func(r *Route) {
			rule := asMap(r.Rules[0])
			rule["backendRefs"] = append(listOf(rule, "backendRefs"), map[string]any{"name": "b"})
		},
		"without its rules":  func(r *Route) { r.Rules = nil },
		"a rule of a string": func(r *Route) { r.Rules = []any{"rule"} },
	} {
		t.Run(name, func(t *testing.T) {
			current := stored(generated)
			change(&current)
			if Keeps(current, generated) {
				t.Error("the drift is not seen")
			}
		})
	}
}

func TestARepairKeepsTheSplit(t *testing.T) {
	generated := generatedOf(t, "timeout: 15s")
	split := Split{Deployment: "shop", Primary: "shop", Canary: "shop-canary", Weight: 30}
	current, err := WithSplit(stored(generated), split)
	if err != nil {
		t.Fatal(err)
	}
	delete(asMap(current.Rules[0]), "timeouts")
	repaired, err := Repaired(current, generated)
	if err != nil {
		t.Fatal(err)
	}
	if weight := WeightOf(repaired, split); weight != 30 {
		t.Errorf("the canary has %v%%", weight)
	}
	if asMap(repaired.Rules[0])["timeouts"] == nil {
		t.Error("the timeout is not back")
	}
	if _, set := repaired.Annotations[config.AnnotationSplit]; set {
		t.Error("the split is stated by its own writer only")
	}
}

func TestAnotherBackendStandsForThePrimary(t *testing.T) {
	r := generatedOf(t, "primaryBackend: {backendRef: {group: example.com, kind: Bucket, name: shop}}")
	asMap(listOf(asMap(r.Rules[0]), "backendRefs")[0])["weight"] = int64(1) // as the API server fills it in
	split := Split{Deployment: "shop", Primary: "shop", Canary: "shop-canary", Weight: 30,
		PrimaryBackend: &Backend{Group: "example.com", Kind: "Bucket", Name: "shop"},
		CanaryBackend:  map[string]any{"group": "example.com", "kind": "Bucket", "name": "shop-next"}}
	if !SendsToBackend(r, *split.PrimaryBackend, "test") || SendsTo(r, types.NamespacedName{Namespace: "test", Name: "shop"}) {
		t.Error("it sends to the bucket and to no Service")
	}
	rendered, err := WithSplit(r, split)
	if err != nil {
		t.Fatal(err)
	}
	if WeightOf(rendered, split) != 30 || !strings.Contains(encode(rendered.Rules), "shop-next") {
		t.Errorf("it is not shared: %s", encode(rendered.Rules))
	}
	if restored := WithoutSplit(rendered, ofShop); !SameRules(restored, r) {
		t.Errorf("it is not restored: %s", encode(restored.Rules))
	}
}

func TestGranted(t *testing.T) {
	service := types.NamespacedName{Namespace: "shop", Name: "shop-canary"}
	from := Key{Kind: HTTP, Namespace: "infra", Name: "front"}
	grant := MakeGrant(service, []Key{from, from, {Kind: GRPC, Namespace: "infra", Name: "front"}})
	if len(grant.Spec.From) != 2 || grant.Namespace != "shop" {
		t.Errorf("the grant is %+v", grant)
	}
	for name, c := range map[string]struct {
		change func(*gatewayv1.ReferenceGrant)
		want   bool
	}{
		"for the Service":            {func(*gatewayv1.ReferenceGrant) {}, true},
		"for all Services":           {func(g *gatewayv1.ReferenceGrant) { g.Spec.To[0].Name = nil }, true},
		"for another Service":        {func(g *gatewayv1.ReferenceGrant) { *g.Spec.To[0].Name = "shop" }, false},
		"for another kind":           {func(g *gatewayv1.ReferenceGrant) { g.Spec.To[0].Kind = "Secret" }, false},
		"from another namespace":     {func(g *gatewayv1.ReferenceGrant) { g.Spec.From = g.Spec.From[:1]; g.Spec.From[0].Namespace = "other" }, false},
		"from routes of other kinds": {func(g *gatewayv1.ReferenceGrant) { g.Spec.From = g.Spec.From[1:] }, false},
		"in another namespace":       {func(g *gatewayv1.ReferenceGrant) { g.Namespace = "infra" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			changed := grant.DeepCopy()
			c.change(changed)
			if got := Granted([]gatewayv1.ReferenceGrant{*changed}, from, ServiceBackend(service)); got != c.want {
				t.Errorf("granted is %v", got)
			}
		})
	}
}
