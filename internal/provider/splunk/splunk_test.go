package splunk

import (
	"net/http"
	"strconv"
	"testing"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/provider"
	"sluice.dev/sluice/internal/provider/battery"
	"sluice.dev/sluice/internal/provider/web"
)

// TestAnswers plays those of https://dev.splunk.com/observability/reference/api/signalflow/latest
func TestAnswers(t *testing.T) {
	const (
		begin = "event: control-message\ndata: {\"event\":\"STREAM_START\",\"timestampMs\":1460148000000}\n\nevent: metadata\ndata: {\"tsId\":\"A\",\"properties\":{}}\n\n"
		end   = "event: control-message\ndata: {\"event\":\"END_OF_CHANNEL\",\"timestampMs\":1460148000000}\n\n"
		query = "data('errors', filter=filter('service', 'podinfo-canary')).sum().publish()"
	)
	values := func(text string) string {
		return "event: data\ndata: {\ndata:   \"data\" : [ " + text + " ],\ndata:   \"logicalTimestampMs\" : 1460148000000\ndata: }\n\n"
	}
	battery.Kind{
		New:    func(c *web.Client) provider.Provider { return New(c) },
		Server: analysis.Server{Type: v1alpha1.ProviderSplunk, Credentials: map[string]analysis.Secret{analysis.KeySplunk: "hidden-token"}},
		Query:  query,
		Asked: func(t *testing.T, r *http.Request, body string) {
			start, _ := strconv.Atoi(r.URL.Query().Get("start"))
			stop, _ := strconv.Atoi(r.URL.Query().Get("stop"))
			if r.URL.Path != "/v2/signalflow/execute" || stop-start != 600_000 || body != query || r.Header.Get("X-SF-TOKEN") != "hidden-token" {
				t.Errorf("got %s %v %s", r.URL, r.Header, body)
			}
		},
		Answer:  begin + values(`{"tsId":"A","value":null}`) + values(`{"tsId":"A","value":%s}`) + values("") + end,
		Empty:   []string{begin + end, begin + values("") + end, begin + values(`{"tsId":"A","value":null}`) + end},
		Several: []string{begin + values(`{"tsId":"A","value":1},{"tsId":"B","value":2}`) + end},
		Says: map[string]string{
			begin + values(`{"tsId":"A","value":1}`): "the stream has no end",
			begin + values(`{"tsId":"A","value":1}`) + "event: error\ndata: {\"code\":400,\"message\":\"syntax\"}\n\n" + end: "correct it: syntax",
			begin + values(`{"tsId":"A","value":1}`) + "event: control-message\ndata: {\"event\":\"CHANNEL_ABORT\"}\n\n":     "the server refuses the program",
		},
	}.Run(t)
}

func TestTheAddressOfTheAPIIsThatOfTheStreams(t *testing.T) {
	for address, want := range map[string]string{"https://api.us1.signalfx.com/": "https://stream.us1.signalfx.com", "https://stream.eu0.signalfx.com": "https://stream.eu0.signalfx.com"} {
		if got := streaming(address); got != want {
			t.Errorf("%s: %s", address, got)
		}
	}
}
