package main

import (
	"fmt"

	"sluice.dev/sluice/config/process"
	"sluice.dev/sluice/internal/outbound"
	"sluice.dev/sluice/internal/provider"
	"sluice.dev/sluice/internal/provider/all"
	"sluice.dev/sluice/internal/provider/prometheus"
	"sluice.dev/sluice/internal/provider/web"
)

// providers are those of the controller.
func providers(settings process.Settings) (*provider.Table, error) {
	own, err := prometheus.New(settings.PrometheusURL, rulesOf(settings.Outbound))
	if err != nil {
		return nil, fmt.Errorf("prometheusUrl: %w", err)
	}
	return all.Providers(own, web.New(rulesOf(settings.Outbound))), nil
}

// rulesOf returns where hooks and the servers of MetricTemplates may be.
func rulesOf(settings process.Outbound) outbound.Rules {
	return outbound.Rules{Node: settings.OfNode(), Allow: settings.Allowed()}
}
