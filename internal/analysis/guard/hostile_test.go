package guard

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// sound fails unless the state can be stored and read, and no number in it or in the decision is not one.
func sound(t *testing.T, s State, d Decision) {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var read State
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatalf("%v: %+v", err, s)
	}
	if !(d.Evidence >= 0 && d.Evidence < math.MaxFloat64) || d.Action == "" || d.Reason == "" || d.Left < 0 {
		t.Fatalf("%+v", d)
	}
	if !(d.Shown.Rate >= 0 && d.Shown.Rate <= 1 && d.Shown.Ratio >= 0 && d.Shown.Requests >= 0) {
		t.Fatalf("%+v", d.Shown)
	}
	for _, b := range d.Blame {
		if !(b.Share >= 0 && b.Share <= 1.000001) {
			t.Fatalf("%+v", b)
		}
	}
}

// odd are values that no counter should have.
var odd = []float64{0, 1, 2, 3, 10, 1000, .5, -1, math.NaN(), math.Inf(1), math.Inf(-1), 1e9, 1e18, 1e300, math.SmallestNonzeroFloat64, math.MaxFloat64}

func oddCounts(r *rand.Rand) Counts {
	pick := func() float64 { return odd[r.IntN(len(odd))] }
	c := Counts{Requests: pick(), Errors: pick(), Timed: pick()}
	for range r.IntN(14) {
		c.Slower = append(c.Slower, pick())
	}
	for range r.IntN(11) {
		c.Pairs = append(c.Pairs, Pair{pick(), pick()})
	}
	return c
}

func oddSettings(r *rand.Rand) Settings {
	pick := func() float64 { return odd[r.IntN(len(odd))] }
	often := func(usual float64) float64 {
		if r.IntN(2) == 0 {
			return usual
		}
		return pick()
	}
	length := func() time.Duration { return time.Duration(min(max(pick(), -1e18), 1e18)) }
	if r.IntN(2) == 0 {
		length = func() time.Duration { return time.Duration(r.IntN(90)) * time.Second }
	}
	s := Settings{Alpha: often(.01), Beta: often(.05), Rho: often(1.25), Delta: often(.0005), SLO: often(.01), Latency: r.IntN(2) == 0,
		Fresh: r.IntN(3) == 0, Early: r.IntN(2) == 0, MinDwell: length(), MaxDwell: length(), FinalWait: length(), HoldLimit: length(),
		MinRequests: often(1), OnInconclusive: ThenPromote, OnSuspicious: Then("nonsense")}
	if r.IntN(2) == 0 {
		s.Limit = &Limit{often(.99), often(.5)}
	}
	for range r.IntN(12) {
		s.Pairs = append(s.Pairs, PairSettings{Name: "x", Rate: often(.01), Rho: often(1.25), Delta: often(.001)})
	}
	return s
}

// oddTime is a usual time, or any.
func oddTime(r *rand.Rand) time.Duration {
	if r.IntN(4) > 0 {
		return time.Duration(r.IntN(120)) * time.Second
	}
	return time.Duration(r.Uint64())
}

// promised fails if a decision breaks what the guard promises with any data.
func promised(t *testing.T, settings Settings, s State, d Decision) {
	t.Helper()
	settings = settings.sane()
	switch {
	case d.Action == RollBack && d.Reason == Harm && d.Evidence < d.Threshold:
		t.Fatalf("rolled back without proof: %+v", d)
	case d.Action == RollBack && d.Reason != Harm && d.Reason != Suspicious && d.Reason != Inconclusive:
		t.Fatalf("rolled back for %s", d.Reason)
	case d.Action != RollBack && d.Reason == Harm:
		t.Fatalf("proven harm was not rolled back: %+v", d)
	case d.Action == Advance && s.Errors.Step.Total < settings.MinRequests:
		t.Fatalf("no data moved traffic: %+v", d)
	case d.Action == Advance && d.Evidence >= suspicious:
		t.Fatalf("moved traffic to a suspicious canary: %+v", d)
	case d.Action == Advance && s.Polls < leastPolls:
		t.Fatalf("moved traffic before harm could be proven: %+v", d)
	case d.Message == "":
		t.Fatalf("nothing was said: %+v", d)
	}
}

// TestNothingBreaksTheGuard feeds counters, settings, histories and moments that nobody should have.
func TestNothingBreaksTheGuard(t *testing.T) {
	for seed := range uint64(300 * *many) {
		r := rand.New(rand.NewPCG(seed, 1))
		settings := oddSettings(r)
		history := History{}
		for range r.IntN(12) {
			history.Bounds = append(history.Bounds, odd[r.IntN(len(odd))])
		}
		for range r.IntN(4) {
			history.Windows = append(history.Windows, []Counts{oddCounts(r), oddCounts(r)})
		}
		s := Restart(settings, kinds[:r.IntN(len(kinds))], history, r.IntN(40)-3)
		moment := Moment{Step: r.IntN(3) - 1}
		for range 30 {
			moment = Moment{Step: moment.Step + r.IntN(2), Last: r.IntN(4) == 0, Weight: odd[r.IntN(len(odd))], Next: odd[r.IntN(len(odd))],
				Arms: kinds[r.IntN(len(kinds))], InStep: oddTime(r), Passed: oddTime(r),
				SincePoll: oddTime(r), Stale: oddTime(r), Scrape: oddTime(r)}
			var poll *Poll
			if r.IntN(5) > 0 {
				poll = &Poll{Canary: oddCounts(r), Primary: oddCounts(r), Baseline: oddCounts(r), Bounds: history.Bounds}
			}
			if r.IntN(10) == 0 {
				settings = oddSettings(r)
			}
			var decision Decision
			before := s
			s, decision = Decide(settings, before, poll, moment)
			sound(t, s, decision)
			promised(t, settings, s, decision)
			if again, same := Decide(settings, before, poll, moment); again != s || same.Message != decision.Message {
				t.Fatalf("the same poll was decided in another way: %s", same.Message)
			}
			for _, quantile := range odd {
				s.Quantile(settings, quantile)
			}
			s.LimitVerdict(settings)
		}
		Expect(settings, []float64{odd[r.IntN(len(odd))], 10, odd[r.IntN(len(odd))]}, odd[r.IntN(len(odd))], odd[r.IntN(len(odd))], history)
		Ladder(odd[r.IntN(len(odd))])
	}
}

// TestWhatCannotBeCountsIsDropped has polls of which one arm makes no sense: they count for nothing, and what makes sense counts.
func TestWhatCannotBeCountsIsDropped(t *testing.T) {
	settings := DefaultSettings()
	good := Counts{Requests: 100, Errors: 1, Timed: math.NaN()}
	for _, bad := range []Counts{{Requests: 1, Errors: 2}, {Requests: -1}, {Requests: math.NaN()}, {Requests: 10, Errors: math.NaN()},
		{Requests: math.Inf(1), Errors: 5}, {Requests: 1e12}, {Requests: 5, Errors: -1}} {
		s, _ := Decide(settings, Start(settings, []Arms{ArmsSplit}, History{}), &Poll{Canary: bad, Primary: good}, Moment{Step: 1, Arms: ArmsSplit})
		if s.Errors.Total != (Pair{}) || s.Errors.Control != (Pair{100, 1}) {
			t.Errorf("%+v: counted as %+v beside %+v", bad, s.Errors.Total, s.Errors.Control)
		}
	}
}

// TestOnePollNeverRollsBack has polls in which everything fails at once, after any clean time.
func TestOnePollNeverRollsBack(t *testing.T) {
	for _, pairs := range []int{0, MaxPairs} {
		for _, clean := range []int{0, 1, 10, 500} {
			settings, _, _, moment := used(t, pairs)
			s := Start(settings, []Arms{ArmsSplit}, slow(100, 1, 0).history)
			poll := func(canary float64) *Poll {
				p := &Poll{Bounds: prometheus, Canary: Counts{Requests: 1000, Errors: canary, Timed: 1000}, Primary: Counts{Requests: 9000, Timed: 9000}}
				for range prometheus {
					p.Canary.Slower, p.Primary.Slower = append(p.Canary.Slower, canary), append(p.Primary.Slower, 9)
				}
				for range pairs {
					p.Canary.Pairs, p.Primary.Pairs = append(p.Canary.Pairs, Pair{1000, canary}), append(p.Primary.Pairs, Pair{9000, 9})
				}
				return p
			}
			for range clean {
				s, _ = Decide(settings, s, poll(0), moment)
			}
			s, d := Decide(settings, s, poll(1000), moment)
			if d.Action == RollBack {
				t.Errorf("%d pairs, after %d clean polls: rolled back at %v", pairs, clean, d.Evidence)
			}
			polls := 1
			for ; d.Action != RollBack && polls < 10; polls++ {
				s, d = Decide(settings, s, poll(1000), moment)
			}
			if d.Action != RollBack || clean == 0 && polls > agreeing {
				t.Errorf("%d pairs, after %d clean polls: %s after %d bad polls", pairs, clean, d.Action, polls)
			}
		}
	}
}

// TestMuchIsNotTooMuch has the largest counts that are believed, for a thousand polls, all failing and none.
func TestMuchIsNotTooMuch(t *testing.T) {
	for _, share := range []float64{0, .01, 1} {
		settings := DefaultSettings()
		s := Start(settings, []Arms{ArmsSplit}, History{})
		for range 1000 {
			var decision Decision
			s, decision = Decide(settings, s, &Poll{Canary: Counts{Requests: mostEvents, Errors: mostEvents * share},
				Primary: Counts{Requests: mostEvents, Errors: mostEvents * share}}, Moment{Step: 1, Arms: ArmsSplit})
			sound(t, s, decision)
		}
	}
}

func FuzzDecide(f *testing.F) {
	f.Add(100.0, 1.0, 900.0, 2.0, 10.0, int64(5e9), uint8(1))
	f.Add(math.Inf(1), -1.0, math.NaN(), 2.0, 0.0, int64(-5), uint8(200))
	f.Fuzz(func(t *testing.T, canary, bad, primary, failed, weight float64, passed int64, arms uint8) {
		settings := DefaultSettings()
		settings.SLO = weight / 100
		settings.Pairs = []PairSettings{{Name: "x", Rate: bad, Rho: failed}}
		settings.Limit = &Limit{Quantile: weight, Seconds: 1}
		s := Start(settings, kinds, History{Bounds: []float64{1, primary}, Windows: [][]Counts{{{Requests: canary, Errors: bad, Timed: primary, Slower: []float64{failed, bad}}}}})
		for step := range 3 {
			poll := Poll{Canary: Counts{canary, bad, canary, []float64{bad, failed}, []Pair{{canary, failed}}}, Primary: Counts{primary, failed, primary, []float64{failed, bad}, nil},
				Bounds: []float64{1, primary}}
			var decision Decision
			s, decision = Decide(settings, s, &poll, Moment{Step: step, Arms: kinds[int(arms)%len(kinds)], Weight: weight, Next: weight,
				InStep: time.Duration(passed), Passed: time.Duration(passed), SincePoll: time.Duration(passed)})
			sound(t, s, decision)
		}
	})
}
