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
