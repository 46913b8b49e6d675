package counters

import (
	"fmt"
	"testing"
	"time"

	"sluice.dev/sluice/internal/analysis"
)

// gateway is what a poll gets of one Traefik with its four bounds and two codes: 24 series, each with four samples, which are
// twelve metrics of two versions.
func gateway(from float64) []analysis.RawSeries {
	var answer []analysis.RawSeries
	add := func(name string, value float64, others ...string) {
		answer = append(answer, analysis.RawSeries{Labels: labels(name, others...), Samples: points(from, value, from+2, value+10, from+4, value+20, from+6, value+30)})
	}
	for _, service := range []string{"shop-podinfo-http-9898@kubernetesgateway", "shop-podinfo-canary-http-9898@kubernetesgateway"} {
		for i, code := range []string{"200", "500"} {
			add("traefik_service_requests_total", 1000, "code", code, "method", "GET", "protocol", "http", "service", service)
			for j, bound := range []string{"0.1", "0.3", "1.2", "5", "+Inf"} {
				add("traefik_service_request_duration_seconds_bucket", float64(600+100*i+j), "code", code, "method", "GET", "protocol", "http", "service", service, "le", bound)
			}
		}
	}
	return answer
}

// BenchmarkTick is what one tick does between the answer and the counts.
func BenchmarkTick(b *testing.B) {
	target := analysis.Target{Namespace: "shop", Service: "podinfo-canary", Workload: "podinfo-canary", Primary: "podinfo", PrimaryService: "podinfo", Ports: []int32{9898}}
	raw, _ := analysis.RawFor("traefik", target)
	state, _ := Advance(State{}, Poll{Now: time.UnixMilli(at(1)), Began: began, Series: Read(raw, gateway(-5))})
	answer := gateway(-3)
	b.Run("raw", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = analysis.RawFor("traefik", target)
		}
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Read(raw, answer)
		}
	})
	series := Read(raw, answer)
	b.Run("advance", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, result := Advance(state, Poll{Now: time.UnixMilli(at(4)), Began: began, Series: series}); !result.Counted {
				b.Fatal(fmt.Sprint(result))
			}
		}
	})
	b.Run("text", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Parse(state.Text()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
