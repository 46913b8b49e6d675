package analysis

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/config/policy"
)

func samples(requests, rate, duration float64) []Sample {
	var samples []Sample
	for metric, value := range map[Metric]float64{SuccessRate: rate, Duration: duration} {
		samples = append(samples, Sample{Check: string(metric), Metric: RequestCount, Value: requests}, Sample{Check: string(metric), Metric: metric, Value: value})
	}
	of := v1alpha1.MetricDuration
	return append(samples, Sample{Check: of, Metric: LowerBound, Value: duration - 1}, Sample{Check: of, Metric: UpperBound, Value: duration})
}

// changed returns a copy of samples in which the sample of one metric is changed.
func changed(samples []Sample, metric Metric, change func(*Sample)) []Sample {
	for i := range samples {
		if samples[i].Metric == metric {
			change(&samples[i])
		}
	}
	return samples
}

// byChecks is the default policy without the guard, so that the built-in checks judge.
func byChecks() config.Policy {
	p := policy.Defaults()
	p.Guard = config.Guard{}
	return p
}

func TestJudge(t *testing.T) {
	failed := changed(samples(100, 100, 20), SuccessRate, func(s *Sample) { s.Err, s.Provider = "connection refused", "Prometheus" })
	missing := changed(samples(100, 100, 20), Duration, func(s *Sample) { s.Missing = true })
	for name, c := range map[string]struct {
		samples []Sample
		verdict v1alpha1.Verdict
		explain string
	}{
		"everything is well":        {samples(100, 99.72, 312), v1alpha1.VerdictPass, "request-success-rate 99.72%; request-duration 312ms"},
		"exactly at the thresholds": {samples(10, 99, 500), v1alpha1.VerdictPass, "request-success-rate 99.00%; request-duration 500ms"},
		"too many errors":           {samples(100, 51.2, 20), v1alpha1.VerdictFail, "request-success-rate 51.20% is below min 99%"},
		"too slow":                  {samples(100, 100, 900), v1alpha1.VerdictFail, "request-duration 900ms is above max 500ms"},
		"both":                      {samples(100, 51.2, 900), v1alpha1.VerdictFail, "request-success-rate 51.20% is below min 99%; request-duration 900ms is above max 500ms"},
		"too few requests say nothing, not even of errors": {samples(9.7, 0, 20), v1alpha1.VerdictInconclusive,
			"inconclusive: 9 requests to the canary were counted; at least 10 are needed"},
		"no requests":                        {samples(0, math.NaN(), math.NaN()), v1alpha1.VerdictInconclusive, "inconclusive: no requests to the canary were counted"},
		"no samples":                         {nil, v1alpha1.VerdictInconclusive, "inconclusive: no requests to the canary were counted"},
		"an infinite duration is no number":  {samples(100, 100, math.Inf(1)), v1alpha1.VerdictInconclusive, "inconclusive: there is no data for this metric"},
		"one metric without data":            {missing, v1alpha1.VerdictInconclusive, "inconclusive: there is no data for this metric"},
		"a query that could not be answered": {failed, v1alpha1.VerdictInconclusive, "inconclusive: Prometheus could not answer: connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			results := Judge(byChecks(), c.samples)
			if got := VerdictOf(results); got != c.verdict {
				t.Errorf("the verdict is %s, not %s", got, c.verdict)
			}
			if got := Explain(results); got != c.explain {
				t.Errorf("it is explained as %q, not %q", got, c.explain)
			}
		})
	}
	if VerdictOf(nil) != v1alpha1.VerdictInconclusive {
		t.Error("no checks at all must be inconclusive")
	}
}

func TestQueries(t *testing.T) {
	target := Target{Namespace: "shop", Service: "podinfo-canary", Workload: "podinfo-canary", Ports: []int32{80, 9898}}
	for name, c := range map[string]struct {
		preset config.Preset
		want   []string
	}{
		"traefik": {"traefik", []string{
			`sum(increase(traefik_service_requests_total{service=~"(shop-podinfo-canary-([a-z0-9]+-)?(80|9898)|.+-svc-shop-podinfo-canary-[0-9]+)@kubernetesgateway"}[12500ms]))`,
			`100 * (1 - (sum(increase(traefik_service_requests_total{service=~"(shop-podinfo-canary-([a-z0-9]+-)?(80|9898)|.+-svc-shop-podinfo-canary-[0-9]+)@kubernetesgateway",code=~"5.."}[12500ms])) or 0 * sum(increase(traefik_service_requests_total{service=~"(shop-podinfo-canary-([a-z0-9]+-)?(80|9898)|.+-svc-shop-podinfo-canary-[0-9]+)@kubernetesgateway"}[12500ms]))) / (sum(increase(traefik_service_requests_total{service=~"(shop-podinfo-canary-([a-z0-9]+-)?(80|9898)|.+-svc-shop-podinfo-canary-[0-9]+)@kubernetesgateway"}[12500ms])) > 0))`,
			`histogram_quantile(0.99, sum by (le) (rate(traefik_service_request_duration_seconds_bucket{service=~"(shop-podinfo-canary-([a-z0-9]+-)?(80|9898)|.+-svc-shop-podinfo-canary-[0-9]+)@kubernetesgateway"}[12500ms]))) / 0.001`,
			`histogram_quantile(1e-9, sum by (le) (rate(traefik_service_request_duration_seconds_bucket{service=~"(shop-podinfo-canary-([a-z0-9]+-)?(80|9898)|.+-svc-shop-podinfo-canary-[0-9]+)@kubernetesgateway"}[12500ms])) >= bool 0.99 * scalar(sum(rate(traefik_service_request_duration_seconds_bucket{service=~"(shop-podinfo-canary-([a-z0-9]+-)?(80|9898)|.+-svc-shop-podinfo-canary-[0-9]+)@kubernetesgateway",le="+Inf"}[12500ms])))) / 0.001`,
			`histogram_quantile(1, sum by (le) (rate(traefik_service_request_duration_seconds_bucket{service=~"(shop-podinfo-canary-([a-z0-9]+-)?(80|9898)|.+-svc-shop-podinfo-canary-[0-9]+)@kubernetesgateway"}[12500ms])) >= bool 0.99 * scalar(sum(rate(traefik_service_request_duration_seconds_bucket{service=~"(shop-podinfo-canary-([a-z0-9]+-)?(80|9898)|.+-svc-shop-podinfo-canary-[0-9]+)@kubernetesgateway",le="+Inf"}[12500ms])))) / 0.001`,
		}},
		"app": {"app", []string{
			`sum(increase(http_requests_total{namespace="shop",pod=~"podinfo-canary-[0-9a-z]+-[0-9a-z]{5}"}[12500ms]))`,
			`100 * (1 - (sum(increase(http_requests_total{namespace="shop",pod=~"podinfo-canary-[0-9a-z]+-[0-9a-z]{5}",code=~"5.."}[12500ms])) or 0 * sum(increase(http_requests_total{namespace="shop",pod=~"podinfo-canary-[0-9a-z]+-[0-9a-z]{5}"}[12500ms]))) / (sum(increase(http_requests_total{namespace="shop",pod=~"podinfo-canary-[0-9a-z]+-[0-9a-z]{5}"}[12500ms])) > 0))`,
			`histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{namespace="shop",pod=~"podinfo-canary-[0-9a-z]+-[0-9a-z]{5}"}[12500ms]))) / 0.001`,
			`histogram_quantile(1e-9, sum by (le) (rate(http_request_duration_seconds_bucket{namespace="shop",pod=~"podinfo-canary-[0-9a-z]+-[0-9a-z]{5}"}[12500ms])) >= bool 0.99 * scalar(sum(rate(http_request_duration_seconds_bucket{namespace="shop",pod=~"podinfo-canary-[0-9a-z]+-[0-9a-z]{5}",le="+Inf"}[12500ms])))) / 0.001`,
			`histogram_quantile(1, sum by (le) (rate(http_request_duration_seconds_bucket{namespace="shop",pod=~"podinfo-canary-[0-9a-z]+-[0-9a-z]{5}"}[12500ms])) >= bool 0.99 * scalar(sum(rate(http_request_duration_seconds_bucket{namespace="shop",pod=~"podinfo-canary-[0-9a-z]+-[0-9a-z]{5}",le="+Inf"}[12500ms])))) / 0.001`,
		}},
		"istio": {"istio", []string{
			`sum(increase(istio_requests_total{reporter=~"source|waypoint",destination_workload_namespace="shop",destination_workload="podinfo-canary"}[12500ms]))`,
			`100 * (1 - ((sum(increase(istio_requests_total{reporter=~"source|waypoint",destination_workload_namespace="shop",destination_workload="podinfo-canary",response_code=~"5.."}[12500ms])) or 0 * sum(increase(istio_requests_total{reporter=~"source|waypoint",destination_workload_namespace="shop",destination_workload="podinfo-canary"}[12500ms]))) + (sum(increase(istio_requests_total{reporter=~"source|waypoint",destination_workload_namespace="shop",destination_workload="podinfo-canary",response_code!~"5..",grpc_response_status=~"2|4|12|13|14|15|Unknown|DeadlineExceeded|Unimplemented|Internal|Unavailable|DataLoss"}[12500ms])) or 0 * sum(increase(istio_requests_total{reporter=~"source|waypoint",destination_workload_namespace="shop",destination_workload="podinfo-canary"}[12500ms])))) / (sum(increase(istio_requests_total{reporter=~"source|waypoint",destination_workload_namespace="shop",destination_workload="podinfo-canary"}[12500ms])) > 0))`,
			`histogram_quantile(0.99, sum by (le) (rate(istio_request_duration_milliseconds_bucket{reporter=~"source|waypoint",destination_workload_namespace="shop",destination_workload="podinfo-canary"}[12500ms]))) / 1`,
			`histogram_quantile(1e-9, sum by (le) (rate(istio_request_duration_milliseconds_bucket{reporter=~"source|waypoint",destination_workload_namespace="shop",destination_workload="podinfo-canary"}[12500ms])) >= bool 0.99 * scalar(sum(rate(istio_request_duration_milliseconds_bucket{reporter=~"source|waypoint",destination_workload_namespace="shop",destination_workload="podinfo-canary",le="+Inf"}[12500ms])))) / 1`,
			`histogram_quantile(1, sum by (le) (rate(istio_request_duration_milliseconds_bucket{reporter=~"source|waypoint",destination_workload_namespace="shop",destination_workload="podinfo-canary"}[12500ms])) >= bool 0.99 * scalar(sum(rate(istio_request_duration_milliseconds_bucket{reporter=~"source|waypoint",destination_workload_namespace="shop",destination_workload="podinfo-canary",le="+Inf"}[12500ms])))) / 1`,
		}},
		"a preset that does not exist asks nothing": {"none", nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, check := range ChecksOf(byChecks()) {
				queries, err := QueriesFor(check, c.preset, target, 12500*time.Millisecond)
				if err != nil {
					t.Fatal(err)
				}
				for _, query := range queries {
					if query.Check != check.Name {
						t.Errorf("a query of %s is for check %q", check.Name, query.Check)
					}
					// The app's other conventions come after its first. What they ask is in the golden file.
					first, _, _ := strings.Cut(query.Expression, " or "+otherConvention(query.Metric))
					if !slices.Contains(got, first) {
						got = append(got, first)
					}
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// otherConvention begins the query for the second convention of an app.
func otherConvention(metric Metric) string {
	switch metric {
	case RequestCount:
		return "sum(increase(http_server_"
	case SuccessRate:
		return "100 * "
	}
	return "histogram_quantile"
}

func TestPresetFor(t *testing.T) {
	for controller, want := range map[string]config.Preset{
		"traefik.io/gateway-controller": "traefik", "istio.io/gateway-controller": "istio",
		"gateway.envoyproxy.io/gatewayclass-controller": "envoy-gateway", "example.com/other": "", "": "",
	} {
		if got, ok := PresetFor(controller); got != want || ok != (want != "") {
			t.Errorf("controller %q has preset %q, %v", controller, got, ok)
		}
	}
	if got := slices.Sorted(maps.Keys(known)); !slices.Equal(got, slices.Sorted(slices.Values(config.Presets))) {
		t.Errorf("there are queries for the presets %v, the setting allows %v", got, config.Presets)
	}
}
