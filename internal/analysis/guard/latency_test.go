package guard

import (
	"math"
	"slices"
	"testing"
	"time"
)

// prometheus are the default bounds of a histogram of Prometheus' clients.
var prometheus = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// lognormal returns the shares of requests slower than each bound, with a median of 50 ms and a spread of 0.8. slower multiplies
// all times; stuck is the share of requests that take a second more.
func lognormal(bounds []float64, slower, stuck float64) []float64 {
	shares := make([]float64, len(bounds))
	beyond := func(seconds float64) float64 {
		if seconds <= 0 {
			return 1
		}
		return math.Erfc(math.Log(seconds/(.05*slower))/.8/math.Sqrt2) / 2
	}
	for i, bound := range bounds {
		shares[i] = (1-stuck)*beyond(bound) + stuck*beyond(bound-1)
	}
	return shares
}

func slow(rps, slower, stuck float64) world {
	w := plain(rps, .001, .001).onFlaggers()
	w.settings.Latency = true
	w.history.Bounds = prometheus
	w.slowPrimary, w.slowCanary = lognormal(prometheus, 1, 0), lognormal(prometheus, slower, stuck)
	w.history.Windows = seeded(3).pods(4, w)
	return w
}

// TestSlowerCanariesAreSeen has the latency table of the design: a shift and a tail are seen, nobody healthy or faster is rolled back.
func TestSlowerCanariesAreSeen(t *testing.T) {
	for _, c := range []struct {
		name                 string
		slower, stuck        float64
		least, most, seconds float64
	}{
		{"healthy", 1, 0, 0, .01, 0}, {"faster", .8, 0, 0, 0, 0},
		{"1.25 times as slow", 1.25, 0, .8, 1, 260}, {"1.5 times as slow", 1.5, 0, 1, 1, 60}, {"twice as slow", 2, 0, 1, 1, 25},
		{"2 % take a second more", 1, .02, 1, 1, 60},
	} {
		s := slow(100, c.slower, c.stuck).times(40, 53)
		t.Logf("%s: rolled back %v of %v after %.0f s", c.name, s.rolledBack, s.n, s.after/s.rolledBack)
		if s.rolledBack < c.least*s.n || s.rolledBack > c.most*s.n || s.rolledBack > 0 && s.after/s.rolledBack > c.seconds {
			t.Errorf("%s: rolled back %v of %v after %.0f s", c.name, s.rolledBack, s.n, s.after/s.rolledBack)
		}
		if c.most < .5 {
			ladder := slow(100, c.slower, c.stuck).onLadder()
			s := ladder.times(40, 59)
			t.Logf("%s, ladder: promoted %v of %v after %.0f s", c.name, s.promoted, s.n, s.promotedAfter/s.promoted)
			if s.promoted < .95*s.n || s.promotedAfter/s.promoted > 160 {
				t.Errorf("%s, ladder: promoted %v of %v after %.0f s %v", c.name, s.promoted, s.n, s.promotedAfter/s.promoted, s.reasons)
			}
		}
	}
}

func TestBoundsAreChosenByThePrimary(t *testing.T) {
	chosen := func(bounds, shares []float64) (seconds []float64) {
		window := Counts{Timed: 1e6, Slower: make([]float64, len(shares))}
		for i, share := range shares {
			window.Slower[i] = share * 1e6
		}
		s := Start(DefaultSettings(), []Arms{ArmsSplit}, History{Bounds: bounds, Windows: [][]Counts{{window}}})
		for _, bound := range s.Bounds[:s.BoundCount] {
			seconds = append(seconds, bound.Seconds)
		}
		return seconds
	}
	for _, c := range []struct {
		name                 string
		bounds, shares, want []float64
	}{
		{"the middle of the default", prometheus, lognormal(prometheus, 1, 0), []float64{.05, .1, .25, .5, 1}},
		{"too common, and the first that is too rare", []float64{1, 2, 3, 4}, []float64{.6, .01, .0001, 0}, []float64{2, 3}},
		{"all requests between two bounds", []float64{.1, .3, 1.2, 5}, []float64{1, 0, 0, 0}, []float64{.3}},
		{"no histogram", nil, nil, nil},
		{"fine bounds are thinned evenly", []float64{1, 2, 3, 4, 5, 6, 7, 8, 9}, []float64{.5, .4, .3, .1, .05, .03, .01, .009, .001}, []float64{1, 3, 4, 6, 8, 9}},
		{"infinity is no bound", []float64{1, math.Inf(1)}, []float64{.1, .1}, []float64{1}},
	} {
		if got := chosen(c.bounds, c.shares); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestYoungPodsAreNotTimed(t *testing.T) {
	arm := Counts{Slower: make([]float64, 1), Pairs: make([]Pair, 1)}
	pod := Counts{Requests: 10, Errors: 2, Timed: 10, Slower: []float64{7, 8}, Pairs: []Pair{{5, 1}, {1, 1}}}
	arm.Add(Pod{Age: DefaultWarmUp - 1, Counts: pod}, DefaultWarmUp)
	if arm.Errors != 2 || arm.Requests != 10 || arm.Timed != 0 || arm.Slower[0] != 0 || arm.Pairs[0] != (Pair{5, 1}) {
		t.Errorf("a young pod: %+v", arm)
	}
	arm.Add(Pod{Age: DefaultWarmUp, Counts: pod}, DefaultWarmUp)
	if arm.Errors != 4 || arm.Timed != 10 || arm.Slower[0] != 7 {
		t.Errorf("an older pod: %+v", arm)
	}
}

// counted is a state that has seen requests slower than the default bounds.
func counted(t *testing.T, limit Limit, requests float64, shares []float64) (Settings, State) {
	t.Helper()
	settings := DefaultSettings()
	settings.Limit = &limit
	window := Counts{Timed: 1e6, Slower: make([]float64, len(prometheus))}
	for i, share := range lognormal(prometheus, 1, 0) {
		window.Slower[i] = share * 1e6
	}
	history := History{Bounds: prometheus, Windows: [][]Counts{{window}}}
	state := Start(settings, []Arms{ArmsSplit}, history)
	canary := Counts{Requests: requests, Timed: requests, Slower: make([]float64, len(prometheus))}
	for i, share := range shares {
		canary.Slower[i] = math.Round(share * requests)
	}
	state, _ = Decide(settings, state, &Poll{Canary: canary, Primary: window, Bounds: prometheus}, Moment{Step: 1, Arms: ArmsSplit, Weight: 10, Next: 50})
	return settings, state
}

func TestAPercentileIsBetweenBounds(t *testing.T) {
	settings, state := counted(t, Limit{.99, .5}, 20000, lognormal(prometheus, 1, 0))
	if above, atMost := state.Quantile(settings, .99); above != .25 || atMost != .5 {
		t.Errorf("the 99th percentile of 322 ms is above %v and at most %v", above, atMost)
	}
	if above, atMost := state.Quantile(settings, .5); above != 0 || atMost != .1 {
		t.Errorf("the median of 50 ms is above %v and at most %v", above, atMost)
	}
	if above, atMost := state.Quantile(settings, math.NaN()); above != 0 || atMost != 0 {
		t.Errorf("no percentile is above %v and at most %v", above, atMost)
	}
}

func TestALimitIsKeptBrokenOrUnknowable(t *testing.T) {
	fast, much := lognormal(prometheus, 1, 0), lognormal(prometheus, 3, 0)
	for _, c := range []struct {
		limit    Limit
		requests float64
		shares   []float64
		want     LimitVerdict
		says     string
	}{
		{Limit{.99, .5}, 20000, fast, LimitKept, "the 99th percentile of the canary's latency is at most 500ms"},
		{Limit{.99, .5}, 20000, much, LimitBroken, "the 99th percentile of the canary's latency is above 500ms"},
		{Limit{.99, .3}, 20000, fast, LimitUnknowable, "cannot tell whether the 99th percentile of the canary's latency is within 300ms: the gateway's bounds are 250ms and 500ms"},
		{Limit{.99, .5}, 20, fast, LimitOpen, "more requests are needed to tell whether the 99th percentile of the canary's latency is within 500ms"},
		{Limit{.6, .06}, 20000, fast, LimitUnknowable, "cannot tell whether the 60th percentile of the canary's latency is within 60ms: the gateway's bounds are 50ms and 100ms"},
		{Limit{.9, 20}, 20000, fast, LimitKept, "the 90th percentile of the canary's latency is at most 10s"},
		{Limit{.01, .001}, 20000, fast, LimitBroken, "the 1st percentile of the canary's latency is above 5ms"},
	} {
		settings, state := counted(t, c.limit, c.requests, c.shares)
		if got, says := state.LimitVerdict(settings); got != c.want || says != c.says {
			t.Errorf("%+v: %s, %q", c.limit, got, says)
		}
	}
}

func TestWhatIsAroundALimit(t *testing.T) {
	for _, c := range []struct {
		seconds float64
		bounds  []float64
		want    string
	}{
		{.5, []float64{.1, .3, 1.2, 5}, "the gateway's bounds are 300ms and 1.2s"},
		{.05, []float64{.1, .3}, "the gateway's smallest bound is 100ms"},
		{.5, []float64{.1, .3, math.Inf(1)}, "the gateway's largest bound is 300ms"},
		{.5, nil, "there is no histogram"},
	} {
		l := limitOf(Limit{.99, c.seconds}, History{Bounds: c.bounds})
		if got := l.around(); got != c.want {
			t.Errorf("%v in %v: %s", c.seconds, c.bounds, got)
		}
	}
}

// TestALimitHoldsUntilHarmIsProven has canaries whose 99th percentile is above 500 ms, beside primaries that keep the limit, or break it
// as well.
func TestALimitHoldsUntilHarmIsProven(t *testing.T) {
	bounds := []float64{.1, .5}
	counts := func(n, slow float64) Counts { return Counts{Requests: n, Timed: n, Slower: []float64{n / 5, n * slow}} }
	for _, c := range []struct {
		name            string
		canary, primary float64
		arms            Arms
		action          Action
		reason          Reason
		says            string
	}{
		{"the primary keeps it", .05, .001, ArmsSplit, RollBack, Harm, "longer than 500ms; the limit for the 99th percentile is 500ms"},
		{"the primary breaks it, too", .05, .05, ArmsSplit, Hold, OverLimit, "the 99th percentile of the canary's latency is above 500ms, and the limit is 500ms; after 13m"},
		{"the canary keeps it", .001, .001, ArmsSplit, Advance, Accepted, "; the 99th percentile of the canary's latency is at most 500ms"},
		{"no test acts", .05, .05, ArmsNone, Hold, "", ""},
	} {
		settings := DefaultSettings()
		settings.Latency, settings.Limit = false, &Limit{.99, .5}
		settings.Alpha = .05
		history := History{Bounds: bounds, Windows: [][]Counts{{counts(20000, c.primary)}}}
		state := Start(settings, []Arms{ArmsSplit}, history)
		var d Decision
		for i := range 20 {
			poll := Poll{Canary: counts(200, c.canary), Primary: counts(1800, c.primary), Bounds: bounds}
			state, d = Decide(settings, state, &poll, Moment{Step: 1, Arms: c.arms, Weight: 10, Next: 50, InStep: time.Duration(i+1) * 5 * time.Second, Passed: 5 * time.Second, SincePoll: 5 * time.Second})
			if d.Action == RollBack {
				break
			}
		}
		if c.reason == "" {
			if d.Reason == OverLimit {
				t.Errorf("%s: %s", c.name, d.Message)
			}
			continue
		}
		if d.Action != c.action || d.Reason != c.reason || !contains(d.Message, c.says) {
			t.Errorf("%s: %s, %s: %s", c.name, d.Action, d.Reason, d.Message)
		}
	}
}

// TestAPrimaryThatHasChangedChoosesBounds holds that a primary that became faster or slower in the last hour is compared at the bounds
// of what it is now, too.
func TestAPrimaryThatHasChangedChoosesBounds(t *testing.T) {
	minutes := func(n int, shares ...float64) (windows [][]Counts) {
		for range n {
			window := Counts{Timed: 1200, Slower: make([]float64, len(shares))}
			for i, share := range shares {
				window.Slower[i] = 1200 * share
			}
			windows = append(windows, []Counts{window})
		}
		return windows
	}
	slow, fast := []float64{1, 1, 0}, []float64{1, 0, 0}
	for name, windows := range map[string][][]Counts{
		"faster": append(minutes(50, slow...), minutes(3, fast...)...), "slower": append(minutes(50, fast...), minutes(1, slow...)...),
	} {
		s := Start(DefaultSettings(), []Arms{ArmsSplit}, History{Bounds: []float64{.1, .3, 1.2}, Windows: windows})
		if s.BoundCount != 2 || s.Bounds[0].Seconds != .3 || s.Bounds[1].Seconds != 1.2 {
			t.Errorf("%s: %+v", name, s.Bounds[:s.BoundCount])
		}
	}
}

// betweenBounds has the bounds of a gateway, all between two of which the primary answers. Of the canary's requests a share is slower than both.
func betweenBounds(canary float64) world {
	w := plain(20, .001, .001).onLadder()
	w.settings.Latency = true
	w.history.Bounds = []float64{.1, .3, 1.2, 5}
	w.slowPrimary, w.slowCanary = []float64{1, 0, 0, 0}, []float64{1, canary, 0, 0}
	w.history.Windows = seeded(3).pods(4, w)
	return w
}

// TestACanaryBeyondTheBoundOfAllIsSeen holds that latencies are compared where the primary's are all between two bounds.
func TestACanaryBeyondTheBoundOfAllIsSeen(t *testing.T) {
	for name, c := range map[string]struct{ slow, least, most float64 }{
		"all requests are slower": {1, 1, 1}, "one in ten is": {.1, .95, 1}, "one in a hundred is": {.01, 0, .01}, "none is": {0, 0, .01},
	} {
		s := betweenBounds(c.slow).times(100, 61)
		if s.rolledBack < c.least*s.n || s.rolledBack > c.most*s.n {
			t.Errorf("%s: rolled back %v of %v", name, s.rolledBack, s.n)
		}
	}
}

// TestARolloutLearnsWhatToCompare holds that a rollout without a history compares latencies once the primary has had enough requests.
func TestARolloutLearnsWhatToCompare(t *testing.T) {
	settings := DefaultSettings()
	settings.Limit = &Limit{.99, .5}
	sofar := func(requests, timed float64) History {
		return History{Bounds: []float64{.1, .3, 1.2}, Windows: [][]Counts{{{Requests: requests, Timed: timed, Slower: []float64{timed, 0, 0}}}}}
	}
	begun := Start(settings, []Arms{ArmsSplit}, History{})
	if few := Start(settings, []Arms{ArmsSplit}, sofar(10, 10)); !few.Learning || few.BoundCount > 0 {
		t.Errorf("ten requests chose bounds: %+v", few)
	}
	for name, c := range map[string]struct {
		sofar    History
		learning bool
		bounds   int
	}{
		"too few requests": {sofar(49, 49), true, 0}, "enough": {sofar(50, 50), false, 1}, "nothing times them": {History{Windows: [][]Counts{{{Requests: 50}}}}, false, 0}, "nothing is known": {History{}, true, 0},
	} {
		learned := Learn(settings, begun, c.sofar)
		if learned.Learning != c.learning || learned.BoundCount != c.bounds || learned.Limit.known() != (c.bounds > 0) {
			t.Errorf("%s: learning %v, %d bounds, limit %v", name, learned.Learning, learned.BoundCount, learned.Limit)
		}
		if before, after := begun.evidence(&settings), learned.evidence(&settings); math.Abs(before-after) > 1e-9 {
			t.Errorf("%s: the choice changes the evidence from %v to %v", name, before, after)
		}
		if again := Learn(settings, learned, sofar(1e6, 1e6)); !learned.Learning && again != learned {
			t.Errorf("%s: a choice was changed", name)
		}
	}
}

// TestTheErrorsKeepTheirWeight holds that what is learned takes no weight from the evidence that is there.
func TestTheErrorsKeepTheirWeight(t *testing.T) {
	settings := DefaultSettings()
	begun := Start(settings, []Arms{ArmsSplit}, History{})
	before := begun.weights(&settings)
	learned := Learn(settings, begun, History{Bounds: []float64{.1}, Windows: [][]Counts{{{Timed: 100, Slower: []float64{10}}}}})
	if after := learned.weights(&settings); before.errorRatio != .25 || after.errorRatio != .25 || after.bound != .5 {
		t.Errorf("%+v, then %+v", before, after)
	}
}
