package polls

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/analysis/guard"
)

const orders = "failed orders"

// counted are the samples of a pair: bad and total of the canary, and of the primary.
func counted(values ...float64) []analysis.Sample {
	var samples []analysis.Sample
	for i, metric := range []analysis.Metric{analysis.PairBad, analysis.PairTotal, analysis.PrimaryBad, analysis.PrimaryTotal} {
		samples = append(samples, analysis.Sample{Check: orders, Metric: metric, Value: values[i]})
	}
	return samples
}

// last is what a poll has left.
func last() []v1alpha1.PairCounters {
	return []v1alpha1.PairCounters{{Name: orders, Canary: &v1alpha1.PairCount{Bad: 10, Total: 100}, Primary: &v1alpha1.PairCount{Bad: 50, Total: 1000}}}
}

func TestAPairCountsWhatIsNew(t *testing.T) {
	broken := counted(12, 120, 60, 1200)
	broken[2] = analysis.Sample{Check: orders, Metric: analysis.PrimaryBad, Err: "timeout", Provider: "Prometheus"}
	missing := counted(12, 120, 60, 1200)
	missing[0] = analysis.Sample{Check: orders, Metric: analysis.PairBad, Missing: true}
	none := guard.Pair{}
	for name, c := range map[string]struct {
		known           []v1alpha1.PairCounters
		samples         []analysis.Sample
		polled          bool
		canary, primary guard.Pair
		// says is a part of why there is no data, and keeps whether the next poll continues from the same values.
		says  string
		keeps bool
	}{
		"new events":             {last(), counted(12, 120, 60, 1200), true, guard.Pair{Total: 20, Bad: 2}, guard.Pair{Total: 200, Bad: 10}, "", false},
		"no new events":          {last(), counted(10, 100, 50, 1000), true, none, none, "", true},
		"a look between polls":   {last(), counted(12, 120, 60, 1200), false, none, none, "", true},
		"the first values":       {nil, counted(12, 120, 60, 1200), false, none, none, "", false},
		"no answer":              {last(), nil, true, none, none, "bad has no value", true},
		"a missing counter":      {last(), missing, true, none, none, "bad has no value", true},
		"a server that is away":  {last(), broken, true, none, none, "the primary's bad: Prometheus could not answer: timeout", true},
		"not a number":           {last(), counted(math.NaN(), 120, 60, 1200), true, none, none, "bad is NaN", true},
		"infinite":               {last(), counted(12, math.Inf(1), 60, 1200), true, none, none, "total is +Inf", true},
		"negative":               {last(), counted(12, 120, -1, 1200), true, none, none, "the primary's bad is -1", true},
		"huge":                   {last(), counted(12, 120, 60, 1e300), true, none, none, "the primary's total is 1e+300", true},
		"more bad than all":      {last(), counted(40, 120, 60, 1200), true, none, none, "more events are bad than there are", true},
		"a counter that fell":    {last(), counted(1, 5, 60, 1200), true, none, none, "below its last value", true},
		"a primary that fell":    {last(), counted(12, 120, 60, 900), true, none, none, "below its last value", true},
		"the counters of others": {last(), []analysis.Sample{{Check: "x", Metric: analysis.PairBad}}, true, none, none, "bad has no value", true},
	} {
		next, canary, primary := Pairs(c.known, []string{orders}, c.samples, c.polled)
		if canary[0] != c.canary || primary[0] != c.primary {
			t.Errorf("%s: %+v beside %+v", name, canary, primary)
		}
		if got := next[0]; c.says == "" != (got.Missing == "") || !strings.Contains(got.Missing, c.says) || c.keeps && *got.Canary != *last()[0].Canary {
			t.Errorf("%s: continues from %+v, %s", name, got.Canary, got.Missing)
		}
	}
}

// TestACounterThatBeginsAnew has a restart: it counts again after a few polls. A pod that comes back counts only what it missed.
func TestACounterThatBeginsAnew(t *testing.T) {
	known, total := last(), guard.Pair{}
	poll := func(values ...float64) guard.Pair {
		next, canary, _ := Pairs(known, []string{orders}, counted(values...), true)
		known, total.Total, total.Bad = next, total.Total+canary[0].Total, total.Bad+canary[0].Bad
		return canary[0]
	}
	for range mostFallen + 1 {
		poll(5, 10, 60, 1200)
	}
	if total != (guard.Pair{}) || known[0].Fallen != 0 {
		t.Errorf("while it is not known why: %+v, %+v", total, known[0])
	}
	if got := poll(8, 20, 60, 1200); got != (guard.Pair{Total: 10, Bad: 3}) {
		t.Errorf("after a restart: %+v", got)
	}
	poll(1, 2, 60, 1200)
	if got := poll(9, 22, 60, 1200); got != (guard.Pair{Total: 2, Bad: 1}) {
		t.Errorf("of a pod that comes back: %+v", got)
	}
}

// TestNoEventIsCountedTwice has pods that one scrape misses now and then. What is counted is never more than what happened.
func TestNoEventIsCountedTwice(t *testing.T) {
	for seed := range uint64(200) {
		chance := rand.New(rand.NewPCG(seed, 9))
		var pods [3]guard.Pair
		var known []v1alpha1.PairCounters
		var canary []guard.Pair
		sum := guard.Pair{}
		for range 200 {
			seen := guard.Pair{}
			for i := range pods {
				n := float64(chance.IntN(20))
				pods[i].Total += n
				pods[i].Bad += math.Floor(n * chance.Float64())
				if chance.IntN(30) > 0 {
					seen.Total, seen.Bad = seen.Total+pods[i].Total, seen.Bad+pods[i].Bad
				}
			}
			known, canary, _ = Pairs(known, []string{orders}, counted(seen.Bad, seen.Total, 1, 2), true)
			sum.Total, sum.Bad = sum.Total+canary[0].Total, sum.Bad+canary[0].Bad
		}
		all := guard.Pair{}
		for _, pod := range pods {
			all.Total, all.Bad = all.Total+pod.Total, all.Bad+pod.Bad
		}
		if sum.Total > all.Total || sum.Bad > all.Bad || sum.Total < all.Total/2 {
			t.Errorf("seed %d: %+v is counted of %+v", seed, sum, all)
		}
	}
}

// TestHostilePairsDoNoHarm feeds anything.
func TestHostilePairsDoNoHarm(t *testing.T) {
	odd := []float64{0, 1, 5, 1e15, 1 << 53, math.MaxFloat64, math.SmallestNonzeroFloat64, math.NaN(), math.Inf(1), math.Inf(-1), -1, .5}
	chance := rand.New(rand.NewPCG(1, 2))
	pick := func() float64 { return odd[chance.IntN(len(odd))] }
	var known []v1alpha1.PairCounters
	for range 20000 {
		var canary, primary []guard.Pair
		known, canary, primary = Pairs(known, []string{orders, "other"}, counted(pick(), pick(), pick(), pick()), chance.IntN(2) == 0)
		for _, pair := range []guard.Pair{canary[0], primary[0], canary[1], primary[1]} {
			if !(pair.Bad >= 0 && pair.Bad <= pair.Total && pair.Total <= mostCounted) {
				t.Fatalf("%+v", pair)
			}
		}
		if len(known) != 2 || len(known[0].Missing) > longestMissing {
			t.Fatalf("%+v", known)
		}
	}
}
