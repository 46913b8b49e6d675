package main

import (
	"fmt"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config/process"
	"sluice.dev/sluice/internal/outbound"
	"sluice.dev/sluice/internal/provider"
	"sluice.dev/sluice/internal/provider/prometheus"
)

// providers has a row for each of v1alpha1.ProviderTypes.
func providers(settings process.Settings) (provider.Table, error) {
	own, err := prometheus.New(settings.PrometheusURL, rulesOf(settings.Outbound))
	if err != nil {
		return nil, fmt.Errorf("prometheusUrl: %w", err)
	}
	return provider.Table{
		v1alpha1.ProviderPrometheus: own,
	}, nil
}

// rulesOf returns where hooks and the servers of MetricTemplates may be.
func rulesOf(settings process.Outbound) outbound.Rules {
	return outbound.Rules{Node: settings.OfNode(), Allow: settings.Allowed()}
}
