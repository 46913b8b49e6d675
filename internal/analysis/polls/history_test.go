package polls

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/analysis/guard"
)

// minutes are samples of the last minutes before the rollout, the newest of its beginning.
func minutes(values ...float64) []float64 {
	var samples []float64
	for i, value := range values {
		if !math.IsNaN(value) {
			samples = append(samples, float64(60*(i+1-len(values))), value)
		}
	}
	return samples
}

// none is a minute without a sample.
var none = math.NaN()

// timed is a bucket of a pod.
func timed(pod, bound string, values ...float64) analysis.RawSeries {
	return serie("http_request_duration_seconds_bucket", []string{"pod", pod, "le", bound}, minutes(values...)...)
}

func answered(pod, code string, values ...float64) analysis.RawSeries {
	return served(pod, code, minutes(values...)...)
}

func windows(w ...[]guard.Counts) [][]guard.Counts { return w }

func TestTheLastHour(t *testing.T) {
	for name, c := range map[string]struct {
		preset config.Preset
		alone  bool
		answer []analysis.RawSeries
		want   Before
	}{
		"nothing is nothing": {want: Before{History: guard.History{Windows: [][]guard.Counts{}}}},
		"each minute has what each pod did in it": {answer: []analysis.RawSeries{answered(aSecond, "200", 0, 30, 40), answered(aPrimary, "200", 1000, 1060, 1180), answered(aPrimary, "503", 10, 10, 30)},
			want: Before{Rate: 2, Errors: 20.0 / 240, History: guard.History{Windows: windows(
				[]guard.Counts{{Requests: 60}, {Requests: 30}}, []guard.Counts{{Requests: 140, Errors: 20}, {Requests: 10}})}}},
		"a counter that falls was reset": {answer: []analysis.RawSeries{answered(aPrimary, "200", 1000, 12, 20)},
			want: Before{Rate: 20.0 / 120, History: guard.History{Windows: windows([]guard.Counts{{Requests: 12}}, []guard.Counts{{Requests: 8}})}}},
		"a new code of a pod begins at zero": {answer: []analysis.RawSeries{answered(aPrimary, "200", 0, 60, 120), answered(aPrimary, "500", none, none, 5)},
			want: Before{Rate: 125.0 / 120, Errors: 5.0 / 125, History: guard.History{Windows: windows([]guard.Counts{{Requests: 60}}, []guard.Counts{{Requests: 65, Errors: 5}})}}},
		"a new pod counts from its first sample": {answer: []analysis.RawSeries{answered(aPrimary, "200", 0, 60, 120), answered(aSecond, "200", none, 5000, 5060)},
			want: Before{Rate: 180.0 / 120, History: guard.History{Windows: windows([]guard.Counts{{Requests: 60}}, []guard.Counts{{Requests: 60}, {Requests: 60}})}}},
		"what happened in a gap is of no minute": {answer: []analysis.RawSeries{answered(aPrimary, "200", 0, 60, none, none, 500, 560)},
			want: Before{Rate: 1, History: guard.History{Windows: windows([]guard.Counts{{Requests: 60}}, []guard.Counts{{Requests: 60}})}}},
		"the canary of an earlier rollout is not the primary": {answer: []analysis.RawSeries{answered(aPrimary, "200", 0, 60), answered(aCanary, "500", 0, 60)},
			want: Before{Rate: 1, History: guard.History{Windows: windows([]guard.Counts{{Requests: 60}})}}},
		"in a dry run, all are the primary's": {alone: true, answer: []analysis.RawSeries{answered(aPrimary, "500", 0, 60)},
			want: Before{Rate: 1, Errors: 1, History: guard.History{Windows: windows([]guard.Counts{{Requests: 60, Errors: 60}})}}},
		"gateways count together": {preset: "traefik", answer: []analysis.RawSeries{
			serie("traefik_service_requests_total", []string{"service", "shop-podinfo-80@kubernetesgateway", "code", "200", "instance", "a"}, minutes(0, 60)...),
			serie("traefik_service_requests_total", []string{"service", "shop-podinfo-80@kubernetesgateway", "code", "502", "instance", "b"}, minutes(0, 60)...)},
			want: Before{Rate: 2, Errors: .5, History: guard.History{Windows: windows([]guard.Counts{{Requests: 120, Errors: 60}})}}},
		"latencies are the requests slower than each bound": {answer: []analysis.RawSeries{timed(aPrimary, "0.25", 0, 40), timed(aPrimary, "1", 0, 55), timed(aPrimary, "+Inf", 0, 60)},
			want: Before{History: guard.History{Bounds: []float64{.25, 1}, Windows: windows([]guard.Counts{{Timed: 60, Slower: []float64{20, 5}}})}}},
		"a histogram is reset as a whole": {answer: []analysis.RawSeries{timed(aPrimary, "0.25", 40, 2, 4), timed(aPrimary, "+Inf", 50, 60, 70)},
			want: Before{History: guard.History{Bounds: []float64{.25}, Windows: windows([]guard.Counts{{Timed: 60, Slower: []float64{58}}}, []guard.Counts{{Timed: 10, Slower: []float64{8}}})}}},
		"a pod with bounds of its own has no latencies": {answer: []analysis.RawSeries{timed(aPrimary, "0.25", 0, 990), timed(aPrimary, "+Inf", 0, 1000), timed(aSecond, "0.5", 0, 9), timed(aSecond, "+Inf", 0, 10)},
			want: Before{History: guard.History{Bounds: []float64{.25}, Windows: windows([]guard.Counts{{Timed: 1000, Slower: []float64{10}}, {Slower: []float64{0}}})}}},
	} {
		t.Run(name, func(t *testing.T) {
			workload := "podinfo-canary"
			if c.alone {
				workload = "podinfo"
			}
			if c.preset == "" {
				c.preset = config.PresetApp
			}
			got := HistoryOf(raw(t, c.preset, workload), c.answer, began, c.alone)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestAnHourHasSixtyMinutes holds that older samples, however many, are of no minute.
func TestAnHourHasSixtyMinutes(t *testing.T) {
	var values []float64
	for i := range 90 {
		values = append(values, float64(60*i))
	}
	got := HistoryOf(raw(t, config.PresetApp, "podinfo-canary"), []analysis.RawSeries{answered(aPrimary, "200", values...)}, began, false)
	if len(got.History.Windows) != 60 || got.Rate != 1 {
		t.Errorf("%d minutes with %v requests a second", len(got.History.Windows), got.Rate)
	}
}

func TestAllThatCountersHaveSeen(t *testing.T) {
	answer := []analysis.RawSeries{answered(aPrimary, "200", 900, 950), answered(aPrimary, "500", 9, 10), answered(aCanary, "500", 7, 8),
		timed(aPrimary, "0.25", 690, 700), timed(aPrimary, "+Inf", 900, 960), timed(aSecond, "0.25", 2), timed(aSecond, "+Inf", 5)}
	want := guard.History{Bounds: []float64{.25}, Windows: windows([]guard.Counts{
		{Requests: 960, Errors: 10, Timed: 960, Slower: []float64{260}}, {Timed: 5, Slower: []float64{3}}})}
	got := SoFar(raw(t, config.PresetApp, "podinfo-canary"), answer, began, false)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if none := SoFar(raw(t, config.PresetApp, "podinfo-canary"), nil, began, false); len(none.Bounds) > 0 {
		t.Errorf("without samples: %+v", none)
	}
}
