package polls

import (
	"syscall"
	"testing"
	"time"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/analysis/counters"
	"sluice.dev/sluice/internal/analysis/guard"
)

// gateway is what a poll gets of one Traefik with its four bounds and two codes: twelve metrics of each version.
func gateway(second float64) []analysis.RawSeries {
	var answer []analysis.RawSeries
	add := func(name string, value float64, labels ...string) {
		var samples []float64
		for i := range 4 {
			at := second + 2*float64(i)
			samples = append(samples, at, value+5*at)
		}
		answer = append(answer, serie(name, append([]string{"instance", "10.0.0.1:9100", "job", "traefik", "method", "GET", "protocol", "http"}, labels...), samples...))
	}
	for _, service := range []string{"shop-podinfo-http-80@kubernetesgateway", "shop-podinfo-canary-http-80@kubernetesgateway"} {
		for i, code := range []string{"200", "500"} {
			add("traefik_service_requests_total", 1000, "code", code, "service", service)
			for j, bound := range []string{"0.1", "0.3", "1.2", "5", "+Inf"} {
				add("traefik_service_request_duration_seconds_bucket", float64(600+100*i+j), "code", code, "service", service, "le", bound)
			}
		}
	}
	return answer
}

// BenchmarkTick is what one tick of twelve metrics does between the answer and the decision, without the time that the answer takes: it
// makes the query, reads the state, counts, decides, and writes the state. The goal is at most 50 µs of the processor's time, with that of
// the garbage collector, on a machine on which nothing else runs.
func BenchmarkTick(b *testing.B) {
	settings := guard.DefaultSettings()
	history := guard.History{Bounds: []float64{.1, .3, 1.2, 5}, Windows: [][]guard.Counts{{{Requests: 6000, Errors: 6, Timed: 6000, Slower: []float64{2400, 600, 60, 6}}}}}
	evidence := guard.Start(settings, []guard.Arms{guard.ArmsSplit}, history)
	first := Look{Raw: raw(b, config.PresetTraefik, "podinfo-canary"), Answer: gateway(-5), Now: began.Add(time.Second), Began: began}
	state, _ := counters.Advance(counters.State{}, first.Poll())
	text, err := evidence.MarshalText()
	if err != nil {
		b.Fatal(err)
	}
	counted, answer, now := state.Text(), gateway(-3), began.Add(4*time.Second)
	moment := guard.Moment{Step: 1, Weight: 10, Next: 25, Arms: guard.ArmsSplit, InStep: 20 * time.Second, Passed: 2 * time.Second, SincePoll: 2 * time.Second, Scrape: 2 * time.Second}
	b.ReportAllocs()
	before := processorTime(b)
	defer func() {
		b.ReportMetric((processorTime(b)-before).Seconds()*1e6/float64(b.N), "cpu-µs/op")
	}()
	for b.Loop() {
		by := raw(b, config.PresetTraefik, "podinfo-canary")
		last, err := counters.Parse(counted)
		if err != nil {
			b.Fatal(err)
		}
		_ = by.Query(last.Back(now))
		next, result := counters.Advance(last, Look{Raw: by, Answer: answer, Now: now, Began: began}.Poll())
		var known guard.State
		if err := known.UnmarshalText(text); err != nil || !result.Counted {
			b.Fatal(err, result)
		}
		poll := Of(result, time.Hour, guard.DefaultWarmUp)
		known, _ = guard.Decide(settings, known, &poll, moment)
		if _, err := known.MarshalText(); err != nil {
			b.Fatal(err)
		}
		_ = next.Text()
	}
}

// processorTime is what this process has used of the processors.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
