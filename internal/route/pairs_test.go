package route

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/config"
)

var ofOther = types.NamespacedName{Namespace: "test", Name: "other"}

// splitOf is the split of a Deployment whose Service has its name.
func splitOf(deployment string, weight float64) Split {
	return Split{Deployment: deployment, Primary: deployment, Canary: deployment + "-canary", Weight: weight}
}

// randomPair returns splits of two Deployments, each with whatever a rollout can state.
func randomPair(random *rand.Rand) (a, b Split) {
	pair := []Split{splitOf("shop", 0), splitOf("other", 0)}
	for i := range pair {
		intents := Intents{}
		for len(intents.Splits) == 0 {
			intents = randomIntents(random)
		}
		made := intents.Splits[0]
		pair[i].Weight, pair[i].Decimals, pair[i].Mirror, pair[i].Mark = made.Weight, made.Decimals, made.Mirror, made.Mark
		if random.IntN(3) == 0 {
			pair[i].Match, pair[i].Affinity = made.Match, made.Affinity
		}
	}
	return pair[0], pair[1]
}

// TestTwoSplitsOnOneRouteAreIndependent checks for random routes and pairs of splits: the order in which they are stated does not
// matter, taking one back leaves the other as if it had been alone, and taking both back gives the user's route to the last byte.
func TestTwoSplitsOnOneRouteAreIndependent(t *testing.T) {
	together, inOneRule := 0, 0
	for seed := range uint64(1200) {
		random := rand.New(rand.NewPCG(seed, 29))
		user := randomRoute(random)
		a, b := randomPair(random)
		onlyA, errA := WithSplit(user, a)
		onlyB, errB := WithSplit(user, b)
		if errA != nil || errB != nil {
			continue // more than the Gateway API allows
		}
		ab, err := WithSplit(onlyA, b)
		ba, other := WithSplit(onlyB, a)
		if (err == nil) != (other == nil) {
			t.Fatalf("seed %d: one order can be rendered, the other cannot: %v, %v", seed, err, other)
		}
		if err != nil {
			continue
		}
		together++
		for _, rule := range user.Rules {
			if text := encode(rule); strings.Contains(text, `"name":"shop"`) && strings.Contains(text, `"name":"other"`) {
				inOneRule++
				break
			}
		}
		if diff := cmp.Diff(ab, ba); diff != "" {
			t.Fatalf("seed %d: the order matters: %s", seed, diff)
		}
		if ok, reason := IsRendered(ab); !ok {
			t.Fatalf("seed %d: is not rendered: %s", seed, reason)
		}
		for what, c := range map[string]struct{ left, want Route }{
			"without the second": {WithoutSplit(ab, ofOther), onlyA}, "without the first": {WithoutSplit(ab, ofShop), onlyB},
			"without both": {WithoutSplit(WithoutSplit(ab, ofShop), ofOther), user}, "plain": {Plain(ab), user},
		} {
			if diff := cmp.Diff(c.want, c.left); diff != "" {
				t.Fatalf("seed %d: %s: %s", seed, what, diff)
			}
		}
		applied := user
		applied.Annotations = ab.Annotations
		if again := must(t, seed)(Render(ab, applied)); !SameRules(again, ab) {
			t.Fatalf("seed %d: an apply of the user's rules loses a split: %s", seed, cmp.Diff(ab.Rules, again.Rules))
		}
	}
	if together < 200 || inOneRule < 40 {
		t.Errorf("only %d pairs were rendered, %d of them in one rule", together, inOneRule)
	}
}

func TestWithTwoSplits(t *testing.T) {
	for name, c := range map[string]struct {
		rules      string
		a, b       float64
		decimals   int32
		both, left string
	}{
		"rules of their own":                   {"shop | other", 10, 30, 0, "shop=90 shop-canary=10 | other=70 other-canary=30", "shop=90 shop-canary=10 | other=1"},
		"backends of one rule":                 {"shop=1 other=3", 10, 50, 0, "shop=90 shop-canary=10 other=150 other-canary=150", "shop=90 shop-canary=10 other=300"},
		"a finer split beside one of percents": {"shop=1 other=1", 10, 2.5, 1, "shop=900 shop-canary=100 other=975 other-canary=25", "shop=90 shop-canary=10 other=100"},
		"a rule that nobody splits":            {"third | shop=5 | other", 20, 40, 0, "third | shop=400 shop-canary=100 | other=60 other-canary=40", "third | shop=400 shop-canary=100 | other=1"},
	} {
		t.Run(name, func(t *testing.T) {
			b := splitOf("other", c.b)
			b.Decimals = c.decimals
			both := with(t, with(t, routeWith(c.rules), splitOf("shop", c.a)), b)
			if backendsOf(both) != c.both {
				t.Errorf("both: %s", backendsOf(both))
			}
			if left := WithoutSplit(both, ofOther); backendsOf(left) != c.left {
				t.Errorf("left: %s", backendsOf(left))
			}
		})
	}
}

func TestSplitsThatDoNotGoTogether(t *testing.T) {
	matching := splitOf("other", 10)
	matching.Match = []Match{tester}
	later := splitOf("other", 10)
	later.Alone = true
	same := splitOf("other", 10)
	same.Primary = "shop"
	chained := splitOf("other", 10)
	chained.Canary = "shop"
	for name, c := range map[string]struct {
		rules string
		b     Split
		wrong string
	}{
		"matches in a rule of one's own":     {"shop | other", matching, ""},
		"matches in a shared rule":           {"shop other", matching, "spec.rules[0] sends to both Services other and shop"},
		"matches later in a shared rule":     {"third | shop other", later, "spec.rules[1] sends to both Services other and shop"},
		"two Deployments behind one Service": {"shop", same, "Deployments other and shop both share the requests for Service shop"},
		"the primary of one as a canary":     {"shop | other", chained, "give each backends of its own"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := WithSplit(with(t, routeWith(c.rules), splitOf("shop", 30)), c.b)
			if (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestACrashBetweenAnnotationAndRules renders with the annotation of two splits a route whose rules are those of one, as it is
// left if admission is away and the controller dies between its two writes.
func TestACrashBetweenAnnotationAndRules(t *testing.T) {
	user := routeWith("shop=1 other=1")
	fine := splitOf("other", 2.5)
	fine.Decimals = 1
	one := with(t, user, splitOf("shop", 10))
	both := with(t, one, fine)
	half := one
	half.Annotations = map[string]string{config.AnnotationSplit: both.Annotations[config.AnnotationSplit]}
	if again := with(t, half, fine); backendsOf(again) != backendsOf(both) {
		t.Errorf("goes on with %s, not %s", backendsOf(again), backendsOf(both))
	}
	if got := backendsOf(Plain(half)); got != "shop=1 other=1" {
		t.Errorf("ends with %s", got)
	}
}

func TestAManyfoldRouteIsBounded(t *testing.T) {
	r := routeWith("shop")
	for i := range mostSplits {
		r = with(t, r, splitOf(fmt.Sprintf("d-%d", i), 1))
	}
	if _, err := WithSplit(r, splitOf("one-more", 1)); err == nil || !strings.Contains(err.Error(), "at most 64 Deployments") {
		t.Errorf("got %v", err)
	}
}
