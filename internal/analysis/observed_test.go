package analysis

import (
	"math"
	"testing"
)

func TestObservedWeight(t *testing.T) {
	for name, c := range map[string]struct {
		samples []Sample
		percent float64
		known   bool
	}{
		"both were counted":              {[]Sample{{Metric: RequestCount, Value: 294}, {Metric: PrimaryCount, Value: 706}}, 29.4, true},
		"the canary got everything":      {[]Sample{{Metric: RequestCount, Value: 50}, {Metric: PrimaryCount}}, 100, true},
		"the primary was not counted":    {[]Sample{{Metric: RequestCount, Value: 50}, {Metric: PrimaryCount, Missing: true}}, 0, false},
		"nobody asked for the primary":   {[]Sample{{Metric: RequestCount, Value: 50}}, 0, false},
		"a query failed":                 {[]Sample{{Metric: RequestCount, Value: 50}, {Metric: PrimaryCount, Err: "refused"}}, 0, false},
		"a count is no number":           {[]Sample{{Metric: RequestCount, Value: math.NaN()}, {Metric: PrimaryCount, Value: 9}}, 0, false},
		"nobody sent anything":           {[]Sample{{Metric: RequestCount}, {Metric: PrimaryCount}}, 0, false},
		"too few requests say something": {[]Sample{{Metric: RequestCount, Value: 3}, {Metric: PrimaryCount, Value: 4}}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			percent, known := ObservedWeight(c.samples, 10)
			if known != c.known || math.Abs(percent-c.percent) > 1e-9 {
				t.Errorf("got %v, %v; want %v, %v", percent, known, c.percent, c.known)
			}
		})
	}
}

func TestSharesDifferFromTheirWeight(t *testing.T) {
	for name, c := range map[string]struct {
		canary, primary, weight float64
		differs                 bool
	}{
		"as stated":                        {100, 900, 10, false},
		"nearly as stated":                 {130, 870, 10, false},
		"none arrive at the canary":        {0, 1000, 10, true},
		"too few to tell":                  {0, 20, 10, false},
		"half of what is stated":           {50, 950, 10, true},
		"twice of what is stated":          {200, 800, 10, true},
		"a small weight by chance":         {2, 998, 0.5, false},
		"all are to go to the canary":      {1000, 0, 100, false},
		"some still go to the primary":     {950, 50, 100, true},
		"a few still go to the primary":    {995, 5, 100, false},
		"half, by counts that are coarse":  {56000, 44000, 50, false},
		"half, and most go to the primary": {300, 700, 50, true},
	} {
		t.Run(name, func(t *testing.T) {
			samples := []Sample{{Metric: RequestCount, Value: c.canary}, {Metric: PrimaryCount, Value: c.primary}}
			percent, requests, differs := Unequal(samples, c.weight)
			if differs != c.differs || percent != 100*c.canary/(c.canary+c.primary) || requests != c.canary+c.primary {
				t.Errorf("%v%% of %v requests differ: %v", percent, requests, differs)
			}
		})
	}
	if _, _, differs := Unequal([]Sample{{Metric: RequestCount, Value: 1000}}, 10); differs {
		t.Error("what is not counted differs")
	}
}
