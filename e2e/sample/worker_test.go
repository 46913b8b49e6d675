package main

import (
	"context"
	"strings"
	"testing"
	"time"
)

func TestAWorkerCountsItsJobs(t *testing.T) {
	for name, c := range map[string]struct {
		errorRate float64
		want      string
	}{
		"that succeed": {0, `jobs_total{result="ok"} 3`},
		"that fail":    {1, `jobs_total{result="error"} 3`},
	} {
		t.Run(name, func(t *testing.T) {
			a := newApp(settings{worker: true, errorRate: c.errorRate})
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			waits := 0
			a.after = func(time.Duration) <-chan time.Time {
				if waits++; waits > 3 {
					stop()
					return nil
				}
				return past()
			}
			a.work(ctx)
			_, metrics, _ := get(t, a.handler(), "/metrics")
			if !strings.Contains(metrics, c.want) || strings.Contains(metrics, "http_requests_total") {
				t.Errorf("the metrics lack %s or have requests", c.want)
			}
		})
	}
}

func TestAWorkerServesNoTraffic(t *testing.T) {
	handler := newApp(settings{worker: true}).handler()
	for path, want := range map[string]int{"/": 404, "/status/200": 404, "/healthz": 200, "/metrics": 200} {
		if code, _, _ := get(t, handler, path); code != want {
			t.Errorf("%s answers %d, not %d", path, code, want)
		}
	}
}
