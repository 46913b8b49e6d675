package counters

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
)

func rawOf(t *testing.T, preset config.Preset) analysis.Raw {
	t.Helper()
	raw, ok := analysis.RawFor(preset, analysis.Target{Namespace: "shop", Service: "podinfo-canary", Workload: "podinfo-canary",
		Primary: "podinfo", PrimaryService: "podinfo", Ports: []int32{9898}})
	if !ok {
		t.Fatal("the preset is unknown")
	}
	return raw
}

// labels are names and values, one after the other. The first value is the name of the metric.
func labels(name string, others ...string) map[string]string {
	l := map[string]string{"__name__": name, "instance": "10.0.0.1:9100"}
	for i := 0; i < len(others); i += 2 {
		l[others[i]] = others[i+1]
	}
	return l
}

func TestReadKnowsTheSeriesOfEachPreset(t *testing.T) {
	is := func(arm Arm, kind Kind, pod string, class uint8, bound float64) *Series {
		return &Series{Arm: arm, Kind: kind, Pod: pod, Class: class, Bound: bound}
	}
	for name, c := range map[string]struct {
		preset config.Preset
		labels map[string]string
		want   *Series
	}{
		"Traefik's requests to the canary":  {"traefik", labels("traefik_service_requests_total", "code", "200", "service", "shop-podinfo-canary-http-9898@kubernetesgateway"), is(Canary, Requests, "", 2, 0)},
		"without a scheme":                  {"traefik", labels("traefik_service_requests_total", "code", "200", "service", "shop-podinfo-canary-9898@kubernetesgateway"), is(Canary, Requests, "", 2, 0)},
		"Traefik's errors of the primary":   {"traefik", labels("traefik_service_requests_total", "code", "503", "service", "httproute-shop-podinfo-gw-web-svc-shop-podinfo-0@kubernetesgateway"), is(Primary, Requests, "", 5, 0)},
		"Traefik's buckets":                 {"traefik", labels("traefik_service_request_duration_seconds_bucket", "code", "200", "le", "1.2", "service", "shop-podinfo-9898@kubernetesgateway"), is(Primary, Bucket, "", 0, 1200)},
		"Traefik's requests to others":      {"traefik", labels("traefik_service_requests_total", "code", "200", "service", "shop-other-9898@kubernetesgateway"), nil},
		"Istio's requests":                  {"istio", labels("istio_requests_total", "response_code", "404", "destination_workload", "podinfo", "pod", "gateway-7"), is(Primary, Requests, "", 4, 0)},
		"Istio's last bucket":               {"istio", labels("istio_request_duration_milliseconds_bucket", "response_code", "404", "destination_workload", "podinfo-canary", "le", "+Inf"), is(Canary, Bucket, "", 0, all)},
		"Istio's requests without a code":   {"istio", labels("istio_requests_total", "response_code", "0", "destination_workload", "podinfo"), is(Primary, Requests, "", 0, 0)},
		"a pod's own requests":              {"app", labels("http_requests_total", "code", "500", "pod", "podinfo-canary-7d9c-abcde"), is(Canary, Requests, "podinfo-canary-7d9c-abcde", 5, 0)},
		"a pod's scrapes":                   {"envoy-gateway", labels("up", "pod", "podinfo-7d9c-abcde"), is(Primary, Scrapes, "podinfo-7d9c-abcde", 0, 0)},
		"a bucket with no bound":            {"app", labels("http_request_duration_seconds_bucket", "le", "much", "pod", "podinfo-7d9c-abcde"), nil},
		"a bucket whose bound is no number": {"app", labels("http_request_duration_seconds_bucket", "le", "NaN", "pod", "podinfo-7d9c-abcde"), nil},
		"a call that Istio saw fail":        {"istio", labels("istio_requests_total", "response_code", "200", "grpc_response_status", "14", "destination_workload", "podinfo"), is(Primary, Requests, "", 5, 0)},
		"a call that found nothing":         {"istio", labels("istio_requests_total", "response_code", "200", "grpc_response_status", "5", "destination_workload", "podinfo"), is(Primary, Requests, "", 4, 0)},
		"a request that is no call":         {"istio", labels("istio_requests_total", "response_code", "200", "grpc_response_status", "", "destination_workload", "podinfo"), is(Primary, Requests, "", 2, 0)},
		"Linkerd's answer of a pod":         {"linkerd", labels("response_total", "status_code", "200", "grpc_status", "13", "pod", "podinfo-7d9c-abcde"), is(Primary, Requests, "podinfo-7d9c-abcde", 5, 0)},
		"an Envoy's answer of a Service":    {"kgateway", labels("envoy_cluster_upstream_rq", "envoy_response_code", "503", "envoy_cluster_name", "kube_shop_podinfo_9898"), is(Primary, Requests, "", 5, 0)},
		"another counter":                   {"app", labels("process_cpu_seconds_total", "pod", "podinfo-7d9c-abcde"), nil},
		"a pod of another name":             {"app", labels("http_requests_total", "code", "500", "pod", "podinfo-7d9c-abcde\n"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := Read(rawOf(t, c.preset), []analysis.RawSeries{{Labels: c.labels, Samples: points(1, 7)}})
			var want []Series
			if c.want != nil {
				c.want.Samples = points(1, 7)
				want = []Series{*c.want}
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Series{}, "ID", "Target", "Family", "Failing"), cmpopts.EquateEmpty(), cmpopts.EquateApprox(0, 1e-9)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSeriesAreToldApartByAllTheirLabels(t *testing.T) {
	read := func(l map[string]string) Series {
		series := Read(rawOf(t, "app"), []analysis.RawSeries{{Labels: l, Samples: points(1, 7)}})
		if len(series) != 1 {
			t.Fatalf("got %v", series)
		}
		return series[0]
	}
	const name, pod = "http_request_duration_seconds_bucket", "podinfo-7d9c-abcde"
	one := read(labels(name, "pod", pod, "path", "/a", "le", "1"))
	for what, c := range map[string]struct {
		other                  map[string]string
		series, target, family bool
	}{
		"the same":                             {labels(name, "pod", pod, "path", "/a", "le", "1"), true, true, true},
		"another bucket of the same histogram": {labels(name, "pod", pod, "path", "/a", "le", "2"), false, true, true},
		"another histogram of the same pod":    {labels(name, "pod", pod, "path", "/b", "le", "1"), false, true, false},
		"values that are swapped":              {labels(name, "pod", pod, "path", "1", "le", "1"), false, true, false},
		"another pod":                          {labels(name, "pod", "podinfo-7d9c-abcdf", "path", "/a", "le", "1"), false, false, false},
		"another container of the same pod":    {labels(name, "pod", pod, "instance", "10.0.0.1:9200", "path", "/a", "le", "1"), false, false, false},
	} {
		other := read(c.other)
		if (one.ID == other.ID) != c.series || (one.Target == other.Target) != c.target || (one.Family == other.Family) != c.family {
			t.Errorf("%s: %+v and %+v", what, one, other)
		}
	}
}

// native is a histogram that has one bucket below a quarter of a second, one around it and one above two seconds.
func native(second float64, below, around, above float64) analysis.HistogramPoint {
	return analysis.HistogramPoint{At: at(second), Count: below + around + above, Buckets: []analysis.HistogramBucket{
		{Lower: 0.21, Upper: 0.25, Count: below}, {Lower: 0.25, Upper: 0.3, Count: around}, {Lower: 2, Upper: 2.2, Count: above}}}
}

func TestNativeHistogramsAreReadAtPowersOfTwo(t *testing.T) {
	const primary, canary = "podinfo-7d9c-abcde", "podinfo-canary-7d9c-abcde"
	poll := func(state State, second float64, answer ...analysis.RawSeries) (State, Result) {
		state, result := Advance(state, Poll{Now: began.Add(1e9 * 10), Began: began, Series: Read(rawOf(t, "app"), answer)})
		return kept(t, state), result
	}
	of := func(pod string, histograms ...analysis.HistogramPoint) analysis.RawSeries {
		return analysis.RawSeries{Labels: labels("http_request_duration_seconds", "pod", pod), Histograms: histograms}
	}
	classic := analysis.RawSeries{Labels: labels("http_request_duration_seconds_bucket", "le", "+Inf", "pod", canary), Samples: points(1, 100, 3, 104)}
	state, _ := poll(State{}, 1, of(primary, native(1, 10, 10, 10)), of(canary, native(1, 1, 1, 1)), classic)
	_, result := poll(state, 3, of(primary, native(3, 20, 14, 11)), of(canary, native(3, 2, 2, 3)), classic)
	slower := map[float64]Bound{}
	for _, b := range result.Primary.Bounds {
		slower[b.Millis] = b
	}
	if slower[250] != (Bound{250, 15, 5}) || slower[500] != (Bound{500, 15, 1}) || slower[4000] != (Bound{4000, 15, 0}) || slower[125] != (Bound{125, 15, 15}) || len(slower) != 17 {
		t.Errorf("got %v", slower)
	}
	if len(result.Canary.Bounds) > 0 {
		t.Errorf("a pod with both kinds of histograms has %v", result.Canary.Bounds)
	}
	t.Run("and not where a bucket has requests on both sides", func(t *testing.T) {
		wide := func(second, count float64) analysis.HistogramPoint {
			return analysis.HistogramPoint{At: at(second), Count: count, Buckets: []analysis.HistogramBucket{{Lower: 0.25, Upper: 1, Count: count}}}
		}
		state, _ := poll(State{}, 1, of(primary, wide(1, 1)), of(canary, wide(1, 1)))
		_, result := poll(state, 3, of(primary, wide(3, 3)), of(canary, wide(3, 4)))
		for _, b := range result.Primary.Bounds {
			if b.Millis == 500 || b.Millis <= 250 && b.Slower != 2 || b.Millis >= 1000 && b.Slower != 0 {
				t.Errorf("got %v", b)
			}
		}
		if len(result.Primary.Bounds) != 16 {
			t.Errorf("got %v", result.Primary.Bounds)
		}
	})
}

// TestOfEachVersionTheFirstConventionThatAnswersIsRead lets the canary write other names than the primary, and both of the older ones too.
func TestOfEachVersionTheFirstConventionThatAnswersIsRead(t *testing.T) {
	const primary, canary = "podinfo-7d9c-abcde", "podinfo-canary-7d9c-abcde"
	answer := []analysis.RawSeries{
		{Labels: labels("http_server_duration_milliseconds_count", "http_status_code", "500", "pod", primary), Samples: points(1, 1)},
		{Labels: labels("http_server_duration_milliseconds_bucket", "http_status_code", "500", "le", "100", "pod", primary), Samples: points(1, 2)},
		{Labels: labels("http_server_duration_milliseconds_count", "http_status_code", "500", "pod", canary), Samples: points(1, 3)},
		{Labels: labels("http_server_request_duration_seconds_count", "http_response_status_code", "200", "pod", canary), Samples: points(1, 4)},
		{Labels: labels("http_server_request_duration_seconds_bucket", "http_response_status_code", "200", "le", "0.1", "pod", canary), Samples: points(1, 5)},
		{Labels: labels("http_server_duration_milliseconds_bucket", "http_status_code", "200", "le", "100", "pod", canary), Samples: points(1, 6)},
	}
	type read struct {
		arm   Arm
		kind  Kind
		class uint8
		bound float64
		value float64
	}
	var got []read
	for _, s := range Read(rawOf(t, config.PresetApp), answer) {
		got = append(got, read{s.Arm, s.Kind, s.Class, s.Bound, s.Samples[0].Value})
	}
	want := []read{{Primary, Requests, 5, 0, 1}, {Primary, Bucket, 0, 100, 2}, {Canary, Requests, 2, 0, 4}, {Canary, Bucket, 0, 100, 5}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(read{})); diff != "" {
		t.Error(diff)
	}
	if Read(analysis.Raw{}, answer) != nil {
		t.Error("without a preset something is read")
	}
}

func TestAFailedCallIsShownByItsStatus(t *testing.T) {
	answer := []analysis.RawSeries{{Labels: labels("istio_requests_total", "response_code", "200", "grpc_response_status", "14", "destination_workload", "podinfo-canary"), Samples: points(1, 1)}}
	series := Read(rawOf(t, config.PresetIstio), answer)
	counts := Increments{}
	counts.Errors = 1
	counts.addFailures(series[0].Failing, 1)
	if got := counts.MostFailed(); got != "status gRPC 14" {
		t.Errorf("most failed requests have %q", got)
	}
}

// TestAPolicySaysWhichStatusesFailed has statuses that may be the client's fault, or the version's.
func TestAPolicySaysWhichStatusesFailed(t *testing.T) {
	for _, c := range []struct {
		failed []string
		code   string
		want   uint8
	}{
		{nil, "500", failed}, {nil, "599", failed}, {nil, "499", answered}, {nil, "429", answered}, {nil, "200", 2}, {nil, "", 0}, {nil, "5000", 0},
		{[]string{"5xx", "429"}, "429", failed}, {[]string{"5xx", "429"}, "503", failed}, {[]string{"5xx", "429"}, "428", answered},
		{[]string{"4xx"}, "404", failed}, {[]string{"4xx"}, "500", answered}, {[]string{"503"}, "500", answered}, {[]string{"503"}, "503", failed},
	} {
		raw, _ := analysis.RawFor(config.PresetApp, analysis.Target{Namespace: "shop", Workload: "podinfo-canary", Primary: "podinfo", FailedStatuses: c.failed})
		got := Read(raw, []analysis.RawSeries{{Labels: labels("http_requests_total", "code", c.code, "pod", "podinfo-canary-7d9c-abcde"), Samples: points(1, 7)}})
		if len(got) != 1 || got[0].Class != c.want {
			t.Errorf("%v: %q is of class %d in %v", c.failed, c.code, c.want, got)
		}
		if fails := got[0].Failing.Code == c.code; c.code != "" && fails != (c.want == failed) {
			t.Errorf("%v: %q is told as a failure: %v", c.failed, c.code, fails)
		}
	}
}
