package polls

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice.dev/sluice/internal/analysis/counters"
	"sluice.dev/sluice/internal/analysis/guard"
)

// version is what a version did: requests, errors, and bounds with the requests in them and those that were slower.
func version(requests, errors float64, bounds ...counters.Bound) counters.Increments {
	return counters.Increments{Counts: counters.Counts{Requests: requests, Errors: errors, Bounds: bounds}}
}

func TestPolls(t *testing.T) {
	for name, c := range map[string]struct {
		canary, primary, control counters.Increments
		age                      time.Duration
		want                     guard.Poll
	}{
		"requests and errors are taken as they are": {canary: version(10, 1), primary: version(90, 2), age: time.Hour,
			want: guard.Poll{Canary: guard.Counts{Requests: 10, Errors: 1}, Primary: guard.Counts{Requests: 90, Errors: 2}}},
		"milliseconds become seconds": {canary: version(10, 0, counters.Bound{Millis: 300, Timed: 10, Slower: 3}, counters.Bound{Millis: 1200, Timed: 10, Slower: 1}),
			primary: version(90, 0, counters.Bound{Millis: 300, Timed: 90, Slower: 9}, counters.Bound{Millis: 1200, Timed: 90}), age: time.Hour,
			want: guard.Poll{Canary: guard.Counts{Requests: 10, Timed: 10, Slower: []float64{3, 1}}, Primary: guard.Counts{Requests: 90, Timed: 90, Slower: []float64{9, 0}},
				Bounds: []float64{0.3, 1.2}}},
		"a bound of only some pods is no bound": {canary: version(10, 0, counters.Bound{Millis: 300, Timed: 10, Slower: 3}, counters.Bound{Millis: 500, Timed: 4, Slower: 1}),
			primary: version(90, 0, counters.Bound{Millis: 300, Timed: 90, Slower: 9}, counters.Bound{Millis: 500, Timed: 90}), age: time.Hour,
			want: guard.Poll{Canary: guard.Counts{Requests: 10, Timed: 10, Slower: []float64{3}}, Primary: guard.Counts{Requests: 90, Timed: 90, Slower: []float64{9}},
				Bounds: []float64{0.3}}},
		"nor is one of only one version": {canary: version(10, 0, counters.Bound{Millis: 256, Timed: 10, Slower: 3}), primary: version(90, 0, counters.Bound{Millis: 300, Timed: 90}), age: time.Hour,
			want: guard.Poll{Canary: guard.Counts{Requests: 10}, Primary: guard.Counts{Requests: 90}}},
		"a version without requests has every bound": {canary: version(10, 0, counters.Bound{Millis: 300, Timed: 10, Slower: 3}), age: time.Hour,
			want: guard.Poll{Canary: guard.Counts{Requests: 10, Timed: 10, Slower: []float64{3}}, Primary: guard.Counts{Slower: []float64{0}}, Bounds: []float64{0.3}}},
		"bounds that divide nothing are left out": {canary: version(10, 0, counters.Bound{Millis: -1, Timed: 10, Slower: 10}, counters.Bound{Millis: 0, Timed: 10, Slower: 10}, counters.Bound{Millis: math.Inf(1), Timed: 10}),
			age: time.Hour, want: guard.Poll{Canary: guard.Counts{Requests: 10}}},
		"the latencies of a young canary do not count, its errors do": {canary: version(10, 1, counters.Bound{Millis: 300, Timed: 10, Slower: 3}), primary: version(90, 0, counters.Bound{Millis: 300, Timed: 90, Slower: 9}),
			age: 29 * time.Second, want: guard.Poll{Canary: guard.Counts{Requests: 10, Errors: 1, Slower: []float64{0}}, Primary: guard.Counts{Requests: 90, Timed: 90, Slower: []float64{9}},
				Bounds: []float64{0.3}}},
		"a control is a third arm, whose latencies count as the canary's do": {canary: version(10, 1, counters.Bound{Millis: 300, Timed: 10, Slower: 3}), primary: version(80, 0, counters.Bound{Millis: 300, Timed: 80, Slower: 9}),
			control: scrapedOnce(version(10, 2, counters.Bound{Millis: 300, Timed: 10, Slower: 4})), age: time.Hour,
			want: guard.Poll{Canary: guard.Counts{Requests: 10, Errors: 1, Timed: 10, Slower: []float64{3}}, Primary: guard.Counts{Requests: 80, Timed: 80, Slower: []float64{9}},
				Baseline: guard.Counts{Requests: 10, Errors: 2, Timed: 10, Slower: []float64{4}}, Bounds: []float64{0.3}}},
		"nor do the latencies of a young control": {canary: version(10, 0, counters.Bound{Millis: 300, Timed: 10, Slower: 3}), primary: version(80, 0, counters.Bound{Millis: 300, Timed: 80, Slower: 9}),
			control: scrapedOnce(version(10, 2, counters.Bound{Millis: 300, Timed: 10, Slower: 4})), age: time.Second,
			want: guard.Poll{Canary: guard.Counts{Requests: 10, Slower: []float64{0}}, Primary: guard.Counts{Requests: 80, Timed: 80, Slower: []float64{9}},
				Baseline: guard.Counts{Requests: 10, Errors: 2, Slower: []float64{0}}, Bounds: []float64{0.3}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := Of(counters.Result{Counted: true, Canary: c.canary, Primary: c.primary, Control: c.control}, c.age, guard.DefaultWarmUp)
			if len(got.Canary.Slower) == 0 {
				got.Canary.Slower = nil
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// scrapedOnce is a version of which a sample was seen.
func scrapedOnce(i counters.Increments) counters.Increments {
	i.Newest = began
	return i
}
