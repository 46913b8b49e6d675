package guard

import (
	"math"
	"testing"
)

func TestTheBurstFactorComparesPods(t *testing.T) {
	equal := make([][]Counts, 60)
	for i := range equal {
		equal[i] = []Counts{{Requests: 100, Errors: 1}, {Requests: 100, Errors: 1}, {Requests: 200, Errors: 2}}
	}
	common := make([][]Counts, 60)
	for i := range common {
		errors := float64(i%10) * 5
		common[i] = []Counts{{Requests: 100, Errors: errors}, {Requests: 100, Errors: errors}}
	}
	bursty := make([][]Counts, 60)
	for i := range bursty {
		bursty[i] = []Counts{{Requests: 100, Errors: float64(i%2) * 20}, {Requests: 100, Errors: float64((i+1)%2) * 20}}
	}
	single := func(errors func(int) float64) [][]Counts {
		windows := make([][]Counts, 60)
		for i := range windows {
			windows[i] = []Counts{{Requests: 1000, Errors: errors(i)}}
		}
		return windows
	}
	for _, c := range []struct {
		name         string
		windows      [][]Counts
		harm, health float64
	}{
		{"nothing known", nil, 2, 1},
		{"one pod", [][]Counts{{{Requests: 100, Errors: 50}}}, 2, 1},
		{"only one pod with requests", [][]Counts{{{Requests: 100, Errors: 50}, {}}}, 2, 1},
		{"no errors", [][]Counts{{{Requests: 100}, {Requests: 100}}}, 2, 1},
		{"more even than chance", equal, 1, 1},
		{"what hits all pods is no burst", common, 1, 1},
		// In each window: deviations of 10 and -10, and 20 expected errors of which half is left.
		{"20 on one pod", bursty, (60*200 + 20) / (60*10 + 10.0), (60*200 + 10) / (60*10 + 10.0)},
		{"windows in place of pods, even", single(func(int) float64 { return 5 }), 2, 1},
		{"windows in place of pods, too few errors", single(func(i int) float64 { return count(i == 7) * 20 }), 2, 1},
		{"windows in place of pods, 20 in every other", single(func(i int) float64 { return float64(i%2) * 20 }), 20 / upperQuartile, 20 / upperQuartile},
		{"windows in place of pods, with an outage of ten minutes", single(func(i int) float64 { return 5 + 500*count(i > 20 && i <= 30) }), 2, 1},
		{"hostile", [][]Counts{{{Requests: math.NaN(), Errors: 1}, {Requests: 1, Errors: 2}, {Requests: math.Inf(1)}}}, 2, 1},
	} {
		if got := (History{Windows: c.windows}).bursts((*Counts).errors); !near(got.Harm, c.harm) || !near(got.Health, c.health) {
			t.Errorf("%s: %+v, want %v and %v", c.name, got, c.harm, c.health)
		}
	}
}

// TestBurstsRollNobodyBack has errors that come in bursts, on one arm at a time. Where the primary's last hour shows them, healthy
// canaries are not rolled back. Without the burst factor they would be.
func TestBurstsRollNobodyBack(t *testing.T) {
	for _, c := range []struct {
		rps                   float64
		size, polls           int
		least, most, gullible float64
	}{
		{100, 1, 1, 1, 1.8, 0},
		{100, 5, 1, 3, 9, 0},
		{100, 20, 3, 12, 40, .05},
		{1000, 20, 1, 15, 40, 0},
		{1000, 20, 3, 15, 40, .1},
	} {
		w := plain(c.rps, 0, 0).onFlaggers()
		w.causes, w.burstSize, w.burstFor = c.rps*.001/float64(c.size), c.size, c.polls
		factor := 0.0
		for seed := range uint64(10) {
			w.history.Windows = seeded(seed).pods(4, w)
			factor += Start(w.settings, nil, w.history).Bursts.Harm / 10
		}
		if factor < c.least || factor > c.most {
			t.Errorf("%+v: the burst factor is %.1f", c, factor)
		}
		for name, w := range map[string]world{"steps": w, "ladder": w.onLadder()} {
			if s := w.times(50, 41); s.rolledBack > .01*s.n+1 {
				t.Errorf("%+v, %s: rolled back %v of %v", c, name, s.rolledBack, s.n)
			}
		}
		w.change = func(s *State) { s.Bursts = Bursts{1, 1} }
		if s := w.times(50, 43); s.rolledBack < c.gullible*s.n {
			t.Errorf("%+v: without the burst factor, only %v of %v are rolled back: the bursts test nothing", c, s.rolledBack, s.n)
		} else {
			t.Logf("%+v: factor %.1f; without it, rolled back %v of %v", c, factor, s.rolledBack, s.n)
		}
	}
}

// TestBurstsOfAWholeArmAreSeen has a gateway that counts for all pods together.
func TestBurstsOfAWholeArmAreSeen(t *testing.T) {
	for _, c := range []struct {
		rps         float64
		size        int
		least, most float64
	}{{100, 1, 2, 2.2}, {1000, 1, 2, 2.2}, {100, 5, 3, 9}, {100, 20, 9, 30}, {1000, 20, 15, 35}} {
		w := plain(c.rps, 0, 0).onFlaggers()
		w.causes, w.burstSize, w.burstFor = c.rps*.001/float64(c.size), c.size, 3
		factor, rolledBack := 0.0, 0.0
		for seed := range uint64(60) {
			w.history.Windows = seeded(seed+100).pods(1, w)
			factor += w.history.bursts((*Counts).errors).Harm / 60
			rolledBack += w.times(1, seed+300).rolledBack
		}
		if factor < c.least || factor > c.most || rolledBack > float64(*many) {
			t.Errorf("%+v: factor %.1f, rolled back %v of %d", c, factor, rolledBack, 60**many)
		}
	}
}

// TestBurstsHideNoHarm has the same bursts and a canary with 50 times the errors.
func TestBurstsHideNoHarm(t *testing.T) {
	w := plain(100, 0, .05)
	w.causes, w.burstSize, w.burstFor = .02, 5, 1
	w.history.Windows = seeded(1).pods(4, w)
	s := w.times(50, 47)
	t.Logf("rolled back %v of %v after %.0f s, %.0f bad", s.rolledBack, s.n, s.after/s.rolledBack, s.bad/s.n)
	if s.rolledBack < s.n || s.bad/s.n > 60 {
		t.Errorf("rolled back %v of %v after %.0f s, %.0f bad", s.rolledBack, s.n, s.after/s.rolledBack, s.bad/s.n)
	}
}
