package main

import (
	"fmt"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config/process"
	"sluice.dev/sluice/internal/provider"
	"sluice.dev/sluice/internal/provider/prometheus"
)

// providers has a row for each of v1alpha1.ProviderTypes.
func providers(settings process.Settings) (provider.Table, error) {
	own, err := prometheus.New(settings.PrometheusURL)
	if err != nil {
		return nil, fmt.Errorf("prometheusUrl: %w", err)
	}
	return provider.Table{
		v1alpha1.ProviderPrometheus: own,
	}, nil
}
