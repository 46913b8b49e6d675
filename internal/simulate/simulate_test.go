package simulate

import (
	"math"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/internal/simulate/rule"
	"sluice.dev/sluice/internal/simulate/traffic"
)

func TestGridHasEveryCombination(t *testing.T) {
	scenarios, errs := Grid{RequestsPerSecond: []float64{1, 10}, PrimaryErrors: []float64{.1}, CanaryErrors: []float64{.1, 5, 50}, CanaryLatency: []float64{2},
		Onset: []metav1.Duration{{}, {Duration: time.Minute}}, Bursts: []GridBurst{{Size: 5}}, Scrapes: []GridScrape{{Missing: 10}}}.Scenarios()
	if len(errs) > 0 || len(scenarios) != 12 {
		t.Fatalf("%d scenarios, %v", len(scenarios), errs)
	}
	want := traffic.Scenario{Rate: 10, Base: .001, Canary: .5, Latency: 2, Latencies: true, Onset: 60, Burst: traffic.Burst{Size: 5}, Scrape: traffic.Scrape{Missing: .1}}
	if last := scenarios[11]; last != want {
		t.Errorf("the last scenario is %+v", last)
	}
}

func TestGridMistakes(t *testing.T) {
	good := func() Grid {
		return Grid{RequestsPerSecond: []float64{1}, PrimaryErrors: []float64{.1}, CanaryErrors: []float64{.1}}
	}
	for want, change := range map[string]func(*Grid){
		"requestsPerSecond: Required value":                                        func(g *Grid) { g.RequestsPerSecond = nil },
		"requestsPerSecond[0]: Invalid value: 0: must be from 0.001 to 100000":     func(g *Grid) { g.RequestsPerSecond = []float64{0} },
		"canaryErrors[1]: Invalid value: 101: must be from 0 to 100":               func(g *Grid) { g.CanaryErrors = []float64{1, 101} },
		"primaryErrors[0]: Invalid value: NaN":                                     func(g *Grid) { g.PrimaryErrors = []float64{math.NaN()} },
		`onset[0]: Invalid value: "1.5s": must be whole seconds, at most 6h0m0s`:   func(g *Grid) { g.Onset = []metav1.Duration{{Duration: 1500 * time.Millisecond}} },
		"outages[0].errors: Invalid value: -1":                                     func(g *Grid) { g.Outages = []GridOutage{{Errors: -1}} },
		`bursts[0].over: Invalid value: "2m0s": must be whole seconds, at most 1m`: func(g *Grid) { g.Bursts = []GridBurst{{Over: metav1.Duration{Duration: 2 * time.Minute}}} },
		"must have at most 10000 items":                                            func(g *Grid) { g.CanaryErrors, g.PrimaryErrors = make([]float64, 200), make([]float64, 100) },
	} {
		grid := good()
		change(&grid)
		if _, errs := grid.Scenarios(); len(errs) == 0 || !strings.Contains(errs.ToAggregate().Error(), want) {
			t.Errorf("got %v, not %s", errs, want)
		}
	}
}

func TestWilson(t *testing.T) {
	for _, c := range []struct {
		count, of int
		low, high float64
	}{{0, 3000, 0, .00128}, {30, 3000, .00701, .01424}, {1, 1, .20654, 1}} {
		if got := shareOf(c.count, c.of); math.Abs(got.Low-c.low) > 1e-5 || math.Abs(got.High-c.high) > 1e-5 {
			t.Errorf("%d of %d: %.5f to %.5f", c.count, c.of, got.Low, got.High)
		}
	}
}

func TestSpread(t *testing.T) {
	values := make([]float64, 100)
	for i := range values {
		values[i] = float64(100 - i)
	}
	if got := spreadOf(values); math.Abs(got.Error-2.9011) > 1e-4 || got.Mean != 50.5 || got.P95 != 95 {
		t.Errorf("got %v", got)
	}
}

func TestWhatIsHealthy(t *testing.T) {
	margins := Margins{Rho: 1.25, Delta: .0005, SLO: .01}
	for _, c := range []struct {
		base, canary, latency float64
		want                  bool
	}{{.001, .00175, 0, true}, {.001, .0018, 0, false}, {.009, .01, 0, true}, {.009, .0105, 0, false}, {.001, .001, 1.1, false}, {.02, .02, 1, true}} {
		if got := margins.Healthy(traffic.Scenario{Base: c.base, Canary: c.canary, Latency: c.latency}); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// TestHarmCountsWhatFollows compares a rule that promotes a bad version with one that rolls it back.
func TestHarmCountsWhatFollows(t *testing.T) {
	scenario := traffic.Scenario{Rate: 10, Canary: .5}
	promoted := Played{Outcome: rule.Promoted, Bad: 7, Share: 1}
	if got := promoted.harm(scenario); got != 7+.5*10*600 {
		t.Errorf("got %v", got)
	}
	if got := (Played{Outcome: rule.RolledBack, Bad: 7}).harm(scenario); got != 7 {
		t.Errorf("got %v", got)
	}
}
