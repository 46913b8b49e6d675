package polls

import (
	"testing"
	"time"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/analysis/counters"
)

// began is when the canary of a test got its first request. Times of tests are seconds after it.
var began = time.UnixMilli(1_800_000_000_000)

func at(second float64) int64 { return began.UnixMilli() + int64(second*1000) }

func raw(t testing.TB, preset config.Preset, workload string) analysis.Raw {
	t.Helper()
	r, known := analysis.RawFor(preset, analysis.Target{Namespace: "shop", Service: workload, Workload: workload, Primary: "podinfo", PrimaryService: "podinfo", Ports: []int32{80}})
	if !known {
		t.Fatal("the preset is unknown")
	}
	return r
}

// serie is a series of a pod or of a gateway's backend: labels in pairs, then samples as seconds and values.
func serie(name string, labels []string, secondsAndValues ...float64) analysis.RawSeries {
	s := analysis.RawSeries{Labels: map[string]string{"__name__": name}}
	for i := 0; i < len(labels); i += 2 {
		s.Labels[labels[i]] = labels[i+1]
	}
	for i := 0; i < len(secondsAndValues); i += 2 {
		s.Samples = append(s.Samples, analysis.Point{At: at(secondsAndValues[i]), Value: secondsAndValues[i+1]})
	}
	return s
}

// served is what a pod answered with a code.
func served(pod, code string, secondsAndValues ...float64) analysis.RawSeries {
	return serie("http_requests_total", []string{"pod", pod, "code", code}, secondsAndValues...)
}

const (
	aCanary  = "podinfo-canary-6f8b7c-ccccc"
	aPrimary = "podinfo-7d9c5b-aaaaa"
	aSecond  = "podinfo-7d9c5b-bbbbb"
)

func TestWhatTheFirstPollsCount(t *testing.T) {
	type poll struct {
		second float64
		answer []analysis.RawSeries
	}
	for name, c := range map[string]struct {
		polls           []poll
		canary, primary float64
	}{
		"the first requests to a new canary count, those to the primary from before do not": {polls: []poll{
			{5, []analysis.RawSeries{served(aPrimary, "200", -1, 1000, 4, 1010), served(aCanary, "200", 3, 7)}},
			{10, []analysis.RawSeries{served(aPrimary, "200", 4, 1010, 9, 1020), served(aCanary, "200", 3, 7, 8, 9)}},
		}, canary: 9, primary: 20},
		"what tests have sent to the canary before does not": {polls: []poll{
			{5, []analysis.RawSeries{served(aPrimary, "200", -1, 1000, 4, 1010), served(aCanary, "200", -2, 500, 3, 507)}},
			{10, []analysis.RawSeries{served(aPrimary, "200", 4, 1010, 9, 1020), served(aCanary, "200", 3, 507, 8, 509)}},
		}, canary: 9, primary: 20},
		"a pod that is left from the candidate before counts from what it had": {polls: []poll{
			{5, []analysis.RawSeries{served(aPrimary, "200", -1, 1000, 4, 1010), served(aCanary, "200", 3, 7), served("podinfo-canary-5d5d5d-ddddd", "500", -3, 80, 2, 80)}},
			{10, []analysis.RawSeries{served(aPrimary, "200", 4, 1010, 9, 1020), served(aCanary, "200", 3, 7, 8, 9), served("podinfo-canary-5d5d5d-ddddd", "500", 2, 80)}},
		}, canary: 9, primary: 20},
		"a new pod of the primary is remembered first": {polls: []poll{
			{5, []analysis.RawSeries{served(aPrimary, "200", -1, 1000, 4, 1010), served(aCanary, "200", 3, 7)}},
			{10, []analysis.RawSeries{served(aPrimary, "200", 9, 1020), served(aSecond, "200", 8, 300), served(aCanary, "200", 8, 9)}},
			{15, []analysis.RawSeries{served(aPrimary, "200", 14, 1030), served(aSecond, "200", 13, 305), served(aCanary, "200", 13, 10)}},
		}, canary: 10, primary: 35},
		"a new pod of the canary counts from zero": {polls: []poll{
			{5, []analysis.RawSeries{served(aPrimary, "200", -1, 1000, 4, 1010), served(aCanary, "200", 3, 7)}},
			{10, []analysis.RawSeries{served(aPrimary, "200", 9, 1020), served("podinfo-canary-6f8b7c-eeeee", "500", 8, 4), served(aCanary, "200", 8, 9)}},
		}, canary: 13, primary: 20},
	} {
		t.Run(name, func(t *testing.T) {
			var state counters.State
			var canary, primary float64
			for _, p := range c.polls {
				look := Look{Raw: raw(t, config.PresetApp, "podinfo-canary"), Answer: p.answer, Now: began.Add(time.Duration(p.second * float64(time.Second))), Began: began}
				var result counters.Result
				state, result = counters.Advance(state, look.Poll())
				canary, primary = canary+result.Canary.Requests, primary+result.Primary.Requests
			}
			if canary != c.canary || primary != c.primary {
				t.Errorf("counted %v and %v, not %v and %v", canary, primary, c.canary, c.primary)
			}
		})
	}
}

// TestADryRunComparesThePrimaryWithItself holds that both versions count the same, for pods and for gateways.
func TestADryRunComparesThePrimaryWithItself(t *testing.T) {
	for preset, labels := range map[config.Preset][]string{
		"app":     {"pod", aPrimary, "code", "500"},
		"traefik": {"service", "shop-podinfo-80@kubernetesgateway", "code", "500", "instance", "10.0.0.1:9100"},
	} {
		name := map[config.Preset]string{"app": "http_requests_total", "traefik": "traefik_service_requests_total"}[preset]
		var state counters.State
		var result counters.Result
		for _, second := range []float64{5, 10} {
			look := Look{Raw: raw(t, preset, "podinfo"), Answer: []analysis.RawSeries{serie(name, labels, -1, 100, 4, 110, second-1, 100+2*second)}, Now: began.Add(time.Duration(second) * time.Second), Began: began, Alone: true}
			state, result = counters.Advance(state, look.Poll())
		}
		if !result.Counted || result.Canary.Errors != 20 || result.Primary.Errors != 20 {
			t.Errorf("%s: counted %+v", preset, result)
		}
	}
}
