package route

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/config"
)

func at(weight float64) Split {
	return Split{Deployment: "shop", Primary: "shop", Canary: "shop-canary", Weight: weight}
}

// ofShop is the Deployment of those splits.
var ofShop = types.NamespacedName{Namespace: "test", Name: "shop"}

// routeWith builds a route from rules such as "shop=1 other=3 | other=1".
func routeWith(rules string) Route {
	r := Route{Kind: HTTP, ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "shop"}}
	for text := range strings.SplitSeq(rules, " | ") {
		refs := []any{}
		for ref := range strings.FieldsSeq(text) {
			name, number, weighted := strings.Cut(ref, "=")
			backend := map[string]any{"name": name}
			if weighted {
				var weight int64
				if _, err := fmt.Sscan(number, &weight); err != nil {
					panic(err)
				}
				backend["weight"] = weight
			}
			refs = append(refs, backend)
		}
		r.Rules = append(r.Rules, map[string]any{"backendRefs": refs})
	}
	return r
}

func backendsOf(r Route) string {
	var rules []string
	for _, rule := range r.Rules {
		var refs []string
		for _, ref := range listOf(asMap(rule), "backendRefs") {
			word := text(asMap(ref), "name", "")
			if weight, set := number(asMap(ref), "weight"); set {
				word += fmt.Sprintf("=%d", weight)
			}
			refs = append(refs, word)
		}
		rules = append(rules, strings.Join(refs, " "))
	}
	return strings.Join(rules, " | ")
}

// with renders a split that can be rendered.
func with(t *testing.T, r Route, split Split) Route {
	t.Helper()
	result, err := WithSplit(r, split)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestWithSplit(t *testing.T) {
	for name, c := range map[string]struct {
		rules  string
		weight float64
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
			got := with(t, user, at(c.weight))
			if backendsOf(got) != c.want {
				t.Errorf("got %s, not %s", backendsOf(got), c.want)
			}
			if ok, reason := IsRendered(got); !ok || reason != "" {
				t.Error("is not rendered by its own word", reason)
			}
			if back := WithoutSplit(got, ofShop); backendsOf(back) != c.rules && name != "a backend without a weight is shared" || back.Annotations != nil {
				t.Errorf("the end is %s %v", backendsOf(back), back.Annotations)
			}
		})
	}
}

// TestAnySequenceOfSplitsEndsWhereItBegan checks for random routes: sums are kept, rendering twice changes nothing, and without
// the split the route is the user's.
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
		current := user
		for range 1 + random.IntN(5) {
			split := at(float64(random.IntN(101)))
			current = with(t, current, split)
			if again := with(t, current, split); backendsOf(again) != backendsOf(current) {
				t.Fatalf("seed %d: rendering again changes %s to %s", seed, backendsOf(current), backendsOf(again))
			}
			checkSums(t, seed, user, current)
		}
		if diff := cmp.Diff(user, WithoutSplit(current, ofShop)); diff != "" {
			t.Fatalf("seed %d: %s", seed, diff)
		}
	}
}

func checkSums(t *testing.T, seed uint64, user, rendered Route) {
	t.Helper()
	split := SplitFor(rendered, ofShop)
	if split == nil {
		t.Fatal("no split is stated")
	}
	primary, _ := split.backends("test")
	for i, rule := range user.Rules {
		scale := split.scale()
		if !sends(asMap(rule), primary, "test") {
			scale = 1
		}
		if before, after := sumOf(rule), sumOf(rendered.Rules[i]); after != before*scale {
			t.Fatalf("seed %d: rule %d has weight %d in all, the user gave %d times %d", seed, i, after, before, scale)
		}
	}
}

func sumOf(rule any) int64 {
	var sum int64
	for _, ref := range listOf(asMap(rule), "backendRefs") {
		sum += weightOf(asMap(ref))
	}
	return sum
}

func TestRenderKeepsWhatTheUserChanges(t *testing.T) {
	stored := with(t, routeWith("shop=1"), at(10))
	for what, updated := range map[string]Route{
		"an edit of the rendered rules":   stored,
		"an apply of the user's own ones": routeWith("shop=1"),
	} {
		updated.Annotations = stored.Annotations
		updated.Rules = []any{copied(asMap(updated.Rules[0]))}
		asMap(updated.Rules[0])["name"] = "renamed"
		got, err := Render(stored, updated)
		if err != nil || backendsOf(got) != "shop=90 shop-canary=10" || asMap(got.Rules[0])["name"] != "renamed" {
			t.Errorf("%s: %v %v", what, err, got.Rules)
		}
	}
	ended := stored
	ended.Annotations = nil
	if got, err := Render(stored, ended); err != nil || backendsOf(got) != "shop=1" {
		t.Errorf("without the annotation: %v %s", err, backendsOf(got))
	}
}

func TestSplitsOfRefusesWhatIsNotOurs(t *testing.T) {
	for value, wrong := range map[string]string{
		"{": "JSON", `{"deployment":"a","primary":"a","canary":"b"}`: "JSON",
		`[{"deployment":"a","primary":"","canary":"b"}]`:                                                                              "primary must be the name",
		`[{"deployment":"a","primary":"a","canary":"a"}]`:                                                                             "two Services",
		`[{"deployment":"a","primary":"a","canary":"b","weight":101}]`:                                                                "from 0 to 100",
		`[{"deployment":"a","primary":"a","canary":"b","scale":-1}]`:                                                                  "scale must be",
		`[{"deployment":"a b","primary":"a","canary":"b"}]`:                                                                           "name of a Deployment",
		`[{"deployment":"a","primary":"a","canary":"b","weight":99999999999}]`:                                                        "from 0 to 100",
		`[{"deployment":"a","primary":"a","canary":"b"},{"deployment":"a","primary":"c","canary":"d"}]`:                               "[1]: Deployment a has another split",
		"[" + strings.Repeat(`{"deployment":"a","primary":"a","canary":"b"},`, 64) + `{"deployment":"b","primary":"a","canary":"b"}]`: "at most 64",
	} {
		if _, err := SplitsOf(map[string]string{config.AnnotationSplit: value}); err == nil || !strings.Contains(err.Error(), wrong) {
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
			r.ParentRefs = []gatewayv1.ParentReference{parent}
			if c.conditions != nil {
				r.Parents = []gatewayv1.RouteParentStatus{{ParentRef: parent, Conditions: c.conditions}}
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

func FuzzSplitsOf(f *testing.F) {
	for _, seed := range []string{"", "{}", EncodeSplits([]Split{at(10)}), `[{"weight":"x"}]`, "null", `[{"deployment":"a","primary":"a","canary":"b","scale":1000000}]`,
		`[{"deployment":"a","primary":"shop","canary":"b"},{"deployment":"c","primary":"other","canary":"d","match":[{}]}]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		splits, err := SplitsOf(map[string]string{config.AnnotationSplit: value})
		if err != nil {
			return
		}
		once, err := With(routeWith("shop=3 other=2 | shop"), Intents{Splits: splits})
		if err != nil {
			return
		}
		twice, err := With(once, Intents{Splits: splits})
		if err != nil || backendsOf(twice) != backendsOf(once) {
			t.Errorf("%q: %s becomes %s: %v", value, backendsOf(once), backendsOf(twice), err)
		}
	})
}

func TestTheExamplesOfTheAnnotations(t *testing.T) {
	for _, annotation := range config.Annotations() {
		if annotation.Kind != config.KindRoute {
			continue
		}
		intents, err := IntentsOf(map[string]string{annotation.Key: annotation.Example})
		if err != nil || intents.None() {
			t.Errorf("%s: %v", annotation.Key, err)
		}
		if again := withAnnotations(Route{}, intents).Annotations[annotation.Key]; again != annotation.Example {
			t.Errorf("%s is written as %s", annotation.Key, again)
		}
	}
}
