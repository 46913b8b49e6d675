//go:build !windows

package testserver

import (
	"context"

	"sluice.dev/sluice/internal/analysis"
)

// AllIsWell answers like a Prometheus that has seen enough requests and no error.
func AllIsWell(_ context.Context, queries []analysis.Query) []analysis.Sample {
	return Samples(queries, 100)
}

// Samples answers queries like a Prometheus that has seen enough requests, with a success rate in percent.
func Samples(queries []analysis.Query, successRate float64) []analysis.Sample {
	values := map[analysis.Metric]float64{analysis.RequestCount: 100, analysis.SuccessRate: successRate, analysis.Duration: 10}
	samples := make([]analysis.Sample, 0, len(queries))
	for _, query := range queries {
		samples = append(samples, analysis.Sample{Check: query.Check, Metric: query.Metric, Value: values[query.Metric]})
	}
	return samples
}
