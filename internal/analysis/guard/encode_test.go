package guard

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

// used is a state in which everything is used: bounds, a limit, pairs, polls.
func used(t testing.TB, pairs int) (Settings, State, Poll, Moment) {
	t.Helper()
	w := slow(100, 1.1, 0)
	settings := DefaultSettings()
	settings.Limit = &Limit{.99, .4}
	for i := range pairs {
		settings.Pairs = append(settings.Pairs, PairSettings{Name: strings.Repeat("x", i+1), Rate: .05, Rho: 1.25, Delta: .001})
	}
	state := Start(settings, []Arms{ArmsSplit}, w.history)
	moment := Moment{Step: 1, Arms: ArmsSplit, Weight: 10, Next: 25, Passed: 5 * time.Second, SincePoll: 5 * time.Second}
	d := seeded(1)
	var poll Poll
	for range 9 {
		poll = Poll{Bounds: prometheus}
		for i, arm := range []*Counts{&poll.Canary, &poll.Primary} {
			requests := []float64{50, 450}[i]
			arm.Requests, arm.Errors, arm.Timed = requests, float64(d.binomial(int(requests), .01)), requests
			arm.Slower = d.slower(requests, w.slowPrimary)
			for range pairs {
				arm.Pairs = append(arm.Pairs, Pair{requests, float64(d.binomial(int(requests), .02))})
			}
		}
		moment.InStep += 5 * time.Second
		state, _ = Decide(settings, state, &poll, moment)
	}
	return settings, state, poll, moment
}

func TestAStateIsStoredSmall(t *testing.T) {
	for _, c := range []struct{ pairs, most int }{{0, 1200}, {4, 2000}, {MaxPairs, 2800}} {
		_, state, _, _ := used(t, c.pairs)
		text, err := json.Marshal(state)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d pairs: %d characters", c.pairs, len(text))
		if len(text) > c.most {
			t.Errorf("%d pairs: %d characters, at most %d", c.pairs, len(text), c.most)
		}
	}
}

// TestAStoredStateIsTheSame reads a state and writes it again: the second text is the first, and no evidence has grown.
func TestAStoredStateIsTheSame(t *testing.T) {
	settings, state, poll, moment := used(t, 3)
	text, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	var read State
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(read)
	if err != nil || string(again) != string(text) {
		t.Errorf("written again: %v\n%s\n%s", err, text, again)
	}
	settings = settings.sane()
	before, after := state.evidence(&settings), read.evidence(&settings)
	if after > before || after < before*(1-1e-4) {
		t.Errorf("evidence %v was stored as %v", before, after)
	}
	if read.Errors.Total != state.Errors.Total || read.Arms != state.Arms || read.Bounds[1].Seconds != state.Bounds[1].Seconds {
		t.Errorf("%+v was stored as %+v", state.Errors.Total, read.Errors.Total)
	}
	// A rollout that is stored after each poll goes the same way.
	for range 200 {
		moment.InStep += 5 * time.Second
		var a, b Decision
		state, a = Decide(settings, state, &poll, moment)
		read, b = Decide(settings, read, &poll, moment)
		if a.Action != b.Action || math.Abs(a.Evidence-b.Evidence) > .01*a.Evidence {
			t.Fatalf("%s at %v, and stored %s at %v", a.Action, a.Evidence, b.Action, b.Evidence)
		}
		text, _ := json.Marshal(read)
		if err := json.Unmarshal(text, &read); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAStateThatCannotBeReadIsRefused(t *testing.T) {
	_, state, _, _ := used(t, 1)
	text, err := state.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	good := string(text)
	for name, bad := range map[string]string{
		"empty": "", "no base64": "!!!", "another version": "AQ" + good[2:], "cut": good[:len(good)/2], "too long": good + "AAAA",
		"huge": strings.Repeat("A", 10000), "numbers that are none": good[:40] + strings.Repeat("_", 120) + good[160:],
	} {
		read := State{Returns: 7}
		if err := read.UnmarshalText([]byte(bad)); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%s: %v", name, err)
		}
		if read != (State{Returns: 7}) {
			t.Errorf("%s: the state was changed", name)
		}
	}
}

// TestTheStoredFormIsKept has a state that was written by version 4. If it fails, the version must be raised: a Sluice that is upgraded
// in a rollout would read something else.
func TestTheStoredFormIsKept(t *testing.T) {
	settings := DefaultSettings()
	settings.Limit, settings.Pairs = &Limit{.99, .5}, []PairSettings{{Name: "orders", Rate: .01, Rho: 1.25}}
	window := Counts{Requests: 1000, Timed: 1000, Slower: []float64{250}, Pairs: []Pair{{10, 0}}}
	state := Restart(settings, []Arms{ArmsSplit}, History{Bounds: []float64{.5}, Windows: [][]Counts{{window}}}, 1)
	state.Step, state.Arms, state.Polls, state.Returns, state.Suspected, state.Surroundings = 3, ArmsTesters, 2, 1, time.Second, time.Minute
	state.Errors.Total, state.Errors.Control, state.Errors.Step = Pair{1, 0}, Pair{2, 1}, Pair{3, 2}
	state.Bounds[0].Total, state.Bounds[0].Control, state.Bounds[0].Step = Pair{4, 3}, Pair{5, 4}, Pair{6, 5}
	state.Pairs[0].Total, state.Pairs[0].Control, state.Pairs[0].Step = Pair{7, 6}, Pair{8, 7}, Pair{9, 8}
	state.Limit.OverAbove, state.Limit.OverBelow, state.StepRoute, state.Gate.Recent = Pair{10, 9}, Pair{11, 10}, Pair{12, 11}, Pair{13, 12}
	state.Gate.Past, state.Failing, state.Returned = Pair{14, 13}, 90*time.Second, true
	state.Gate.Clean = 15
	state.Errors.Likelihood[0], state.Errors.Likelihood[ratioCount-1] = -1, -2
	state.Errors.Ratio.Reserve, state.Errors.Rate.Reserve, state.Route.Reserve = .25, .125, .0625
	text, err := state.MarshalText()
	if err != nil || string(text) != stored {
		t.Errorf("%v %s", err, text)
	}
}

const stored = `BAEfAwQCQAAAAD-AAAB9AAB6VVV6VVV6VVV6VVV6VVV6VVV6VVV6VVV6VVV6VVV6VVV6VVV8AAB6VVV6VVV6VVV6VVV6VVV6VVV6VVV6VVV6VVV6VVV6VVV6VVV8AAB8AAB8AAB8AAB8AAB8AAB8AAB8AACAAgCABIACgAaABL-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAwAAAAAEBP-AAAAAAAAA-gAAAQAAAAD-AAAB-AAB6VVV6VVV6VVV6VVV6VVV6VVV6VVV6VVV6VVV6VVV6VVV6VVV8AAB8AAB8AAB8AAB8AAB8AAB8AAB8AACACIAGgAqACIAMgAo_4AAAAAAAAD_gAAAAAAAAQAAAAD-AAAB-AAB6VVV6VVV6VVV6VVV6VVV6VVV6VVV6VVV6VVV6VVV6VVV6VVWAFIASgBaAFER6AABDegAARHoAAEN6AAAAAAAAAeyt-pIDQAAAAD-AAAB-AAB6VVV6VVV6VVV6VVV6VVV6VVV6VVV6VVV6VVV6VVV6VVV6VVV-AAB6VVV6VVV6VVV6VVV6VVV6VVV6VVV6VVV6VVV6VVV6VVV6VVV8AAB8AAB8AAB8AAB8AAB8AAB8AAB8AACADoAMgBCADoASgBBBIAAAAAAAAEEgAAAAAAAAQSAAAHsAAHpVVXpVVXpVVXpVVXpVVXpVVXpVVXpVVXpVVXpVVXpVVXpVVT-EeuFHrhR7kL8FAYAYgBZBUAAAQUAAAEFgAABBUAAAQXAAAOgH4NQDAQ`

func TestALostStateHasLessToSpend(t *testing.T) {
	settings := DefaultSettings()
	all := 0.0
	for times := range 30 {
		s := Start(settings, nil, History{})
		if times > 0 {
			s = Restart(settings, nil, History{}, times)
		}
		_, decision := Decide(settings, s, nil, Moment{Step: 1})
		if times <= 16 && !near(decision.Threshold, 100*math.Pow(2, float64(times))) {
			t.Errorf("lost %d times: proof is %v", times, decision.Threshold)
		}
		all += 1 / decision.Threshold
	}
	if all > .0201 {
		t.Errorf("together they may spend %v", all)
	}
}

func FuzzUnmarshal(f *testing.F) {
	_, state, poll, moment := used(f, 2)
	text, err := state.MarshalText()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		var s State
		if s.UnmarshalText([]byte(text)) != nil {
			return
		}
		settings := DefaultSettings()
		s, decision := Decide(settings, s, &poll, moment)
		sound(t, s, decision)
	})
}
