package route

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/config"
)

func at(weight int32) Split {
	return Split{Deployment: "shop", Primary: "shop", Canary: "shop-canary", Weight: weight}
}

// routeWith makes a route from rules such as "shop=1 other=3 | other=1".
func routeWith(rules string) *gatewayv1.HTTPRoute {
	r := &gatewayv1.HTTPRoute{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "shop"}}
	for text := range strings.SplitSeq(rules, " | ") {
		var rule gatewayv1.HTTPRouteRule
		for ref := range strings.FieldsSeq(text) {
			name, number, weighted := strings.Cut(ref, "=")
			backend := gatewayv1.HTTPBackendRef{BackendRef: gatewayv1.BackendRef{BackendObjectReference: gatewayv1.BackendObjectReference{Name: gatewayv1.ObjectName(name)}}}
			if weighted {
				var weight int32
				if _, err := fmt.Sscan(number, &weight); err != nil {
					panic(err)
				}
				backend.Weight = &weight
			}
			rule.BackendRefs = append(rule.BackendRefs, backend)
		}
		r.Spec.Rules = append(r.Spec.Rules, rule)
	}
	return r
}

func rulesOf(r *gatewayv1.HTTPRoute) string {
	var rules []string
	for _, rule := range r.Spec.Rules {
		var refs []string
		for _, ref := range rule.BackendRefs {
			text := string(ref.Name)
			if ref.Weight != nil {
				text += fmt.Sprintf("=%d", *ref.Weight)
			}
			refs = append(refs, text)
		}
		rules = append(rules, strings.Join(refs, " "))
	}
	return strings.Join(rules, " | ")
}

func TestWithSplit(t *testing.T) {
	for name, c := range map[string]struct {
		rules  string
		weight int32
		want   string
	}{
		"a backend without a weight is shared":              {"shop", 30, "shop=70 shop-canary=30"},
		"a weight of 1 is scaled to be shared":              {"shop=1", 30, "shop=70 shop-canary=30"},
		"a weight of 100 is shared as it is":                {"shop=100", 30, "shop=70 shop-canary=30"},
		"0 percent names the canary without any weight":     {"shop=1", 0, "shop=100 shop-canary=0"},
		"100 percent leaves the primary none":               {"shop=1", 100, "shop=0 shop-canary=100"},
		"other backends keep their proportion":              {"shop=7 other=3", 10, "shop=630 shop-canary=70 other=300"},
		"rules without the primary stay":                    {"other=1 | shop=1", 10, "other=1 | shop=90 shop-canary=10"},
		"what the user gives no requests gets none":         {"shop=0 other=1", 50, "shop=0 shop-canary=0 other=1"},
		"the largest weight is not exceeded":                {"shop=999999", 10, "shop=899999 shop-canary=100000"},
		"every reference to the primary has its own canary": {"shop=50 other=50 shop=50", 20, "shop=400 shop-canary=100 other=500 shop=400 shop-canary=100"},
	} {
		t.Run(name, func(t *testing.T) {
			user := routeWith(c.rules)
			got := WithSplit(user, at(c.weight))
			if rulesOf(got) != c.want {
				t.Errorf("got %s, not %s", rulesOf(got), c.want)
			}
			if !IsRendered(got) {
				t.Error("is not rendered by its own word")
			}
			split, err := SplitOf(got.Annotations)
			if err != nil {
				t.Fatal(err)
			}
			if back := WithoutSplit(got, *split); rulesOf(back) != c.rules && name != "a backend without a weight is shared" || back.Annotations != nil {
				t.Errorf("the end is %s %v", rulesOf(back), back.Annotations)
			}
		})
	}
}

// TestAnySequenceOfSplitsEndsWhereItBegan holds for random routes: sums are kept, rendering twice changes nothing, and
// without the split the route is the user's.
func TestAnySequenceOfSplitsEndsWhereItBegan(t *testing.T) {
	for seed := range uint64(2000) {
		random := rand.New(rand.NewPCG(seed, 7))
		var rules []string
		for range 1 + random.IntN(3) {
			var refs []string
			for range 1 + random.IntN(3) {
				refs = append(refs, fmt.Sprintf("%s=%d", []string{"shop", "other", "third"}[random.IntN(3)], random.IntN(5000)))
			}
			rules = append(rules, strings.Join(refs, " "))
		}
		user := routeWith(strings.Join(rules, " | "))
		current := user.DeepCopy()
		for range 1 + random.IntN(5) {
			split := at(int32(random.IntN(101)))
			current = WithSplit(current, split)
			if again := WithSplit(current, split); rulesOf(again) != rulesOf(current) {
				t.Fatalf("seed %d: rendering again changes %s to %s", seed, rulesOf(current), rulesOf(again))
			}
			checkSums(t, seed, user, current)
		}
		split, _ := SplitOf(current.Annotations)
		if diff := cmp.Diff(user.Spec, WithoutSplit(current, *split).Spec); diff != "" {
			t.Fatalf("seed %d: %s", seed, diff)
		}
	}
}

func checkSums(t *testing.T, seed uint64, user, rendered *gatewayv1.HTTPRoute) {
	t.Helper()
	split, err := SplitOf(rendered.Annotations)
	if err != nil {
		t.Fatal(err)
	}
	for i, rule := range user.Spec.Rules {
		var before, after int32
		for _, ref := range rule.BackendRefs {
			before += *ref.Weight
		}
		for _, ref := range rendered.Spec.Rules[i].BackendRefs {
			after += *ref.Weight
		}
		scale := split.scale()
		if !rendersIn(rule, *split, "test") {
			scale = 1
		}
		if after != before*scale {
			t.Fatalf("seed %d: rule %d has weight %d in all, the user gave %d times %d", seed, i, after, before, scale)
		}
	}
}

func TestRenderKeepsWhatTheUserChanges(t *testing.T) {
	stored := WithSplit(routeWith("shop=1"), at(10))
	edited := stored.DeepCopy()
	name := gatewayv1.SectionName("renamed")
	edited.Spec.Rules[0].Name = &name
	for what, updated := range map[string]*gatewayv1.HTTPRoute{
		"an edit of the rendered rules": edited,
		"an apply of the user's own ones": func() *gatewayv1.HTTPRoute {
			r := routeWith("shop=1")
			r.Annotations = stored.Annotations
			r.Spec.Rules[0].Name = &name
			return r
		}(),
	} {
		got, err := Render(stored, updated)
		if err != nil || rulesOf(got) != "shop=90 shop-canary=10" || got.Spec.Rules[0].Name != &name && *got.Spec.Rules[0].Name != name {
			t.Errorf("%s: %v %s", what, err, rulesOf(got))
		}
	}
	ended := stored.DeepCopy()
	delete(ended.Annotations, config.AnnotationSplit)
	if got, err := Render(stored, ended); err != nil || rulesOf(got) != "shop=1" {
		t.Errorf("without the annotation: %v %s", err, rulesOf(got))
	}
}

func TestSplitOfRefusesWhatIsNotOurs(t *testing.T) {
	for value, wrong := range map[string]string{
		"{": "JSON", `{"deployment":"a","primary":"","canary":"b"}`: "primary must be the name",
		`{"deployment":"a","primary":"a","canary":"a"}`:                      "two Services",
		`{"deployment":"a","primary":"a","canary":"b","weight":101}`:         "from 0 to 100",
		`{"deployment":"a","primary":"a","canary":"b","scale":-1}`:           "scale must be",
		`{"deployment":"a b","primary":"a","canary":"b"}`:                    "name of a Deployment",
		`{"deployment":"a","primary":"a","canary":"b","weight":99999999999}`: "JSON",
	} {
		if _, err := SplitOf(map[string]string{config.AnnotationSplit: value}); err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("%s: got %v, not %q", value, err, wrong)
		}
	}
}

func TestInEffect(t *testing.T) {
	condition := func(kind string, status metav1.ConditionStatus, generation int64) metav1.Condition {
		return metav1.Condition{Type: kind, Status: status, ObservedGeneration: generation, Reason: "R", Message: "m"}
	}
	parent := gatewayv1.ParentReference{Name: "gateway"}
	for name, c := range map[string]struct {
		conditions []metav1.Condition
		ok         bool
		reason     string
		processed  bool
	}{
		"accepted and resolved":            {[]metav1.Condition{condition("Accepted", "True", 2), condition("ResolvedRefs", "True", 2)}, true, "", true},
		"accepted an earlier generation":   {[]metav1.Condition{condition("Accepted", "True", 1), condition("ResolvedRefs", "True", 2)}, false, "Gateway test/gateway has not reported Accepted for generation 2 yet", false},
		"a route that is refused":          {[]metav1.Condition{condition("Accepted", "False", 2), condition("ResolvedRefs", "True", 2)}, false, "Gateway test/gateway reports Accepted=False: R: m", true},
		"backends that cannot be resolved": {[]metav1.Condition{condition("Accepted", "True", 2), condition("ResolvedRefs", "False", 2)}, false, "Gateway test/gateway reports ResolvedRefs=False: R: m", true},
		"nothing said of backends":         {[]metav1.Condition{condition("Accepted", "True", 2)}, false, "Gateway test/gateway has not reported ResolvedRefs for generation 2 yet", false},
		"nobody reports":                   {nil, false, "Gateway test/gateway has not reported on generation 2: is its controller running?", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := routeWith("shop")
			r.Generation = 2
			r.Spec.ParentRefs = []gatewayv1.ParentReference{parent}
			if c.conditions != nil {
				r.Status.Parents = []gatewayv1.RouteParentStatus{{ParentRef: parent, Conditions: c.conditions}}
			}
			if ok, reason := InEffect(r); ok != c.ok || reason != c.reason {
				t.Errorf("in effect: got %v %q", ok, reason)
			}
			if ok, reason := Processed(r); ok != c.processed || ok != (reason == "") {
				t.Errorf("processed: got %v %q", ok, reason)
			}
		})
	}
}

func FuzzSplitOf(f *testing.F) {
	for _, seed := range []string{"", "{}", at(10).Encode(), `{"weight":"x"}`, "null", `{"deployment":"a","primary":"a","canary":"b","scale":1000000}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		split, err := SplitOf(map[string]string{config.AnnotationSplit: value})
		if err != nil {
			return
		}
		once := WithSplit(routeWith("shop=3 other=2 | shop"), *split)
		if twice := WithSplit(once, *split); rulesOf(twice) != rulesOf(once) {
			t.Errorf("%q: %s becomes %s", value, rulesOf(once), rulesOf(twice))
		}
	})
}

func TestTheExampleOfASplit(t *testing.T) {
	for _, annotation := range config.Annotations() {
		if annotation.Kind != config.KindRoute {
			continue
		}
		split, err := SplitOf(map[string]string{annotation.Key: annotation.Example})
		if err != nil || split == nil || split.Encode() != annotation.Example {
			t.Errorf("%s: %+v, %v", annotation.Key, split, err)
		}
	}
}
