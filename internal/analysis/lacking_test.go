package analysis

import (
	"strings"
	"testing"

	"sluice.dev/sluice/config"
)

func TestLackingSaysWhatToAdd(t *testing.T) {
	series := func(name string, labels ...string) RawSeries {
		all := map[string]string{"__name__": name, "pod": "podinfo-7d9c-abcde"}
		for i := 0; i < len(labels); i += 2 {
			all[labels[i]] = labels[i+1]
		}
		return RawSeries{Labels: all}
	}
	requests, durations := series("http_requests_total", "code", "200"), series("http_request_duration_seconds_bucket", "le", "1")
	for name, c := range map[string]struct {
		preset config.Preset
		answer []RawSeries
		want   []string
	}{
		"nothing":                            {"app", []RawSeries{requests, durations}, nil},
		"nothing of a native histogram":      {"app", []RawSeries{requests, series("http_request_duration_seconds")}, nil},
		"nothing of another convention":      {"app", []RawSeries{series("rpc_server_duration_milliseconds_count", "rpc_grpc_status_code", "0"), series("rpc_server_duration_milliseconds_bucket", "le", "1")}, nil},
		"everything":                         {"app", nil, []string{"there is no http_requests_total, http_server_request_duration_seconds_count", `add prometheus.io/scrape: "true"`, "relabel_configs"}},
		"everything but what others count":   {"app", []RawSeries{series("http_requests_total", "code", "200", "pod", "other-7d9c-abcde")}, []string{"there is no http_requests_total", "scrape", "relabel"}},
		"durations":                          {"app", []RawSeries{requests}, []string{"there is no http_request_duration_seconds_bucket of the primary, so latencies are not judged"}},
		"the status":                         {"app", []RawSeries{series("http_requests_total"), durations}, []string{"http_requests_total of the primary has no label code, so no request is seen to fail"}},
		"what Traefik does not count itself": {"traefik", nil, []string{"there is no traefik_service_requests_total", "add --metrics.prometheus.addServicesLabels=true to the arguments of Traefik", "prometheus.io/scrape"}},
		"what is counted as the app":         {"kong", nil, []string{"the preset kong cannot judge", "scrape", "relabel"}},
	} {
		t.Run(name, func(t *testing.T) {
			raw, _ := RawFor(c.preset, rawTarget)
			got := raw.Lacking(c.answer)
			if len(got) != len(c.want) {
				t.Fatalf("lacks %q", got)
			}
			for i, want := range c.want {
				if !strings.Contains(got[i], want) {
					t.Errorf("says %q, not %q", got[i], want)
				}
			}
		})
	}
}
