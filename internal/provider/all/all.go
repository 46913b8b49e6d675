// Package all has the provider of each type of server that a MetricTemplate can name.
package all

import (
	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/provider"
	"sluice.dev/sluice/internal/provider/cloudwatch"
	"sluice.dev/sluice/internal/provider/datadog"
	"sluice.dev/sluice/internal/provider/dynatrace"
	"sluice.dev/sluice/internal/provider/graphite"
	"sluice.dev/sluice/internal/provider/influxdb"
	"sluice.dev/sluice/internal/provider/jsonapi"
	"sluice.dev/sluice/internal/provider/newrelic"
	"sluice.dev/sluice/internal/provider/prometheus"
	"sluice.dev/sluice/internal/provider/splunk"
	"sluice.dev/sluice/internal/provider/stackdriver"
	"sluice.dev/sluice/internal/provider/web"
)

// Providers has a row for each of v1alpha1.ProviderTypes. The Prometheus is the one that also knows the controller's.
func Providers(own *prometheus.Provider, servers *web.Client) *provider.Table {
	return provider.New(map[string]provider.Provider{
		v1alpha1.ProviderPrometheus:  own,
		v1alpha1.ProviderHTTP:        jsonapi.New(servers),
		v1alpha1.ProviderDatadog:     datadog.New(servers),
		v1alpha1.ProviderNewRelic:    newrelic.New(servers),
		v1alpha1.ProviderGraphite:    graphite.New(servers),
		v1alpha1.ProviderInfluxDB:    influxdb.New(servers),
		v1alpha1.ProviderDynatrace:   dynatrace.New(servers),
		v1alpha1.ProviderCloudWatch:  cloudwatch.New(servers),
		v1alpha1.ProviderStackdriver: stackdriver.New(servers),
		v1alpha1.ProviderSplunk:      splunk.New(servers),
	})
}
