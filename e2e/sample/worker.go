package main

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// jobEvery is the time between two jobs of a worker.
const jobEvery = 100 * time.Millisecond

func newJobs() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "jobs_total", Help: "Jobs done by a worker, by result: ok or error.",
	}, []string{"result"})
}

// work does jobs until the context ends. The share of ERROR_RATE fails.
func (a *app) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.after(jobEvery):
		}
		result := "ok"
		if rand.Float64() < a.errorRate {
			result = "error"
		}
		a.jobs.WithLabelValues(result).Inc()
	}
}
