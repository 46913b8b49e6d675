package traffic

import (
	"fmt"
	"math"
	"testing"
)

// TestTrafficIsTheSameEverywhere pins the first numbers of a seed. Results of one machine can only be compared with those of another
// while these hold.
func TestTrafficIsTheSameEverywhere(t *testing.T) {
	source := NewSource(Scenario{Rate: 300, Base: .01, Canary: .1, Latency: 2, Latencies: true, Burst: Burst{Size: 3, Over: 5},
		Outage: Outage{From: 20, For: 10, Errors: .2}, Scrape: Scrape{Every: 5, Skew: 2, Missing: .1, CanaryReset: 33}})
	requests := source.Rollout(1, 7)
	for range 60 {
		requests.Next(.25)
	}
	view, history := requests.View(), source.History(1, 7)
	got := fmt.Sprint(view.Canary, view.Primary, view.CanarySample, view.PrimarySample, history[3])
	const want = "{4555 500 4555 [4555 4548 4379 3682 2260 547 103 7 0 0 0]} {13346 545 13346 [13329 13083 10775 6727 2590 288 23 1 0 0 0]} " +
		"{57 {1809 171 1809 [1809 1806 1737 1438 871 199 30 0 0 0 0]}} {60 {13346 545 13346 [13329 13083 10775 6727 2590 288 23 1 0 0 0]}} " +
		"[{4545 39 4518 [4512 4432 3644 2212 885 110 10 0 0 0 0]} {4398 55 4483 [4472 4387 3587 2208 863 95 14 1 0 0 0]} " +
		"{4640 53 4406 [4395 4294 3514 2142 844 92 8 1 1 0 0]} {4325 40 4609 [4599 4507 3725 2302 953 90 15 0 0 0 0]}]"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestRulesMeetTheSameRequests holds that a weight decides only where requests go.
func TestRulesMeetTheSameRequests(t *testing.T) {
	source := NewSource(Scenario{Rate: 200, Base: .05, Canary: .05})
	less, more := source.Rollout(3, 1), source.Rollout(3, 1)
	for range 100 {
		a, b := less.Next(.01), more.Next(.5)
		if a.Canary.Requests > b.Canary.Requests || a.Canary.Errors > b.Canary.Errors {
			t.Fatal("a request that goes to the canary at 1 % must go there at 50 %, with the same outcome")
		}
		if a.Canary.Requests+a.Primary.Requests != b.Canary.Requests+b.Primary.Requests || a.Canary.Errors+a.Primary.Errors != b.Canary.Errors+b.Primary.Errors {
			t.Fatal("the requests differ, or equal versions answer them differently")
		}
	}
}

// TestTrafficIsAsDescribed compares means with the scenario, within four standard errors.
func TestTrafficIsAsDescribed(t *testing.T) {
	const seconds = 20000
	for name, s := range map[string]Scenario{
		"few requests":  {Rate: .3, Base: .1, Canary: .5},
		"many requests": {Rate: 130, Base: .01, Canary: .3},
		"bursts":        {Rate: 130, Base: .01, Canary: .02, Burst: Burst{Size: 5}},
	} {
		t.Run(name, func(t *testing.T) {
			requests := NewSource(s).Rollout(1, 1)
			for range seconds {
				requests.Next(.3)
			}
			got := requests.View()
			together := max(1, 2*s.Burst.Size)
			for what, c := range map[string]struct{ got, want float64 }{
				"canary requests": {float64(got.Canary.Requests), .3 * s.Rate * seconds}, "primary requests": {float64(got.Primary.Requests), .7 * s.Rate * seconds},
				"canary errors": {float64(got.Canary.Errors), .3 * s.Rate * seconds * s.Canary}, "primary errors": {float64(got.Primary.Errors), .7 * s.Rate * seconds * s.Base},
			} {
				if math.Abs(c.got-c.want) > 4*math.Sqrt(together*c.want) {
					t.Errorf("%.0f %s, not %.0f", c.got, what, c.want)
				}
			}
		})
	}
}

func TestDurationsAreAsDescribed(t *testing.T) {
	requests := NewSource(Scenario{Rate: 1000, Latency: 2, Latencies: true}).Rollout(1, 1)
	for range 1000 {
		requests.Next(.5)
	}
	view := requests.View()
	for i, want := range slower(2) {
		if got, p := float64(view.Canary.Slow[i])/float64(view.Canary.Requests), want.value(); math.Abs(got-p) > .003 {
			t.Errorf("%.4f take longer than %v s, not %.4f", got, Bounds[i], p)
		}
	}
}

func TestScrapes(t *testing.T) {
	requests := NewSource(Scenario{Rate: 50, Scrape: Scrape{Every: 15, Skew: 4, CanaryReset: 40}}).Rollout(1, 1)
	var canary, primary []Seconds
	for range 60 {
		before := requests.View()
		after := requests.Next(.5)
		if after.CanarySample.At != before.CanarySample.At {
			canary = append(canary, after.At)
			if restarted := after.CanarySample.Counter != after.Canary; restarted != (after.At >= 40) {
				t.Errorf("at %d s the scrape has %d of %d requests", after.At, after.CanarySample.Requests, after.Canary.Requests)
			}
		}
		if after.PrimarySample.At != before.PrimarySample.At {
			primary = append(primary, after.At)
		}
	}
	if fmt.Sprint(canary, primary) != "[4 19 34 49] [15 30 45 60]" {
		t.Errorf("scraped at %v and %v", canary, primary)
	}
}

func TestDurationsOfAHistogramAreKept(t *testing.T) {
	timed := Timed{Seconds: [len(Bounds)]float64{.1, .4, 1.6}, Slower: [len(Bounds)]float64{.5, .1, .02}}
	for name, c := range map[string]struct {
		factor float64
		want   [3]float64
	}{
		"as slow as the primary": {1, [3]float64{.5, .1, .02}},
		// Half of .4 s lies in the middle between the logarithms of .1 s and .4 s.
		"twice as slow":        {2, [3]float64{.650515, .3, .06}},
		"four times as slow":   {4, [3]float64{.80103, .5, .1}},
		"a hundredfold":        {100, [3]float64{1, 1, .89794}},
		"a hundred times less": {.01, [3]float64{.004082, 0, 0}},
	} {
		s := Scenario{Rate: 1000, Latency: c.factor, Latencies: true, Timed: timed}
		slow := s.slower(c.factor)
		for i, want := range c.want {
			if got := slow[i].value(); math.Abs(got-want) > 1e-5 {
				t.Errorf("%s: %.6f take longer than %v s, not %.6f", name, got, timed.Seconds[i], want)
			}
		}
	}
	s := Scenario{Rate: 1000, Latencies: true, Timed: timed}
	if got := fmt.Sprint(s.Bounds(), Scenario{}.Bounds()); got != "[0.1 0.4 1.6] []" {
		t.Errorf("the bounds are %s", got)
	}
	for _, minute := range NewSource(s).History(1, 1) {
		for _, pod := range minute {
			if part := float64(pod.Slow[1]) / float64(pod.Timed); math.Abs(part-.1) > .02 || pod.Slow[3] > 0 {
				t.Fatalf("a minute of a pod has %+v", pod)
			}
		}
	}
}
