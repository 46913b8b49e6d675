package jsonapi

import (
	"net/http"
	"strings"
	"testing"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/provider"
	"sluice.dev/sluice/internal/provider/battery"
	"sluice.dev/sluice/internal/provider/web"
)

func kind(method string) battery.Kind {
	return battery.Kind{
		New: func(c *web.Client) provider.Provider { return New(c) },
		Server: analysis.Server{Type: v1alpha1.ProviderHTTP, HTTP: analysis.HTTP{Method: method, JSONPath: `{.data[?(@.name=="errors")].rate}`},
			Credentials: map[string]analysis.Secret{analysis.KeyToken: "hidden-token"}},
		Query:   "/rates?app=podinfo-canary",
		Answer:  `{"data":[{"name":"errors","rate":%s},{"name":"requests","rate":1}]}`,
		Empty:   []string{`{"data":[]}`, `{"data":[{"name":"requests","rate":1}]}`},
		Several: []string{`{"data":[{"name":"errors","rate":1},{"name":"errors","rate":2}]}`},
		Says:    map[string]string{`{"date":[]}`: "correct provider.http.jsonPath", `{"data":[{"name":"errors"}]}`: "correct provider.http.jsonPath"},
	}
}

func TestAnswers(t *testing.T) {
	get := kind(http.MethodGet)
	get.Asked = func(t *testing.T, r *http.Request, _ string) {
		if r.URL.String() != "/rates?app=podinfo-canary" || r.Header.Get("Authorization") != "Bearer hidden-token" {
			t.Errorf("got %s with %v", r.URL, r.Header)
		}
	}
	t.Run("GET", get.Run)
	post := kind(http.MethodPost)
	post.Query = `{"app": "podinfo-canary"}`
	post.Asked = func(t *testing.T, r *http.Request, body string) {
		if r.Method != http.MethodPost || r.URL.Path != "/" || body != post.Query || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("got %s %s with %s", r.Method, r.URL, body)
		}
	}
	t.Run("POST", post.Run)
}

// TestAzure plays the answers of https://learn.microsoft.com/rest/api/monitor/metrics/list
func TestAzure(t *testing.T) {
	k := kind(http.MethodGet)
	k.Server.HTTP.JSONPath = "{.value[0].timeseries[0].data[-1:].average}"
	k.Query = "/subscriptions/1/sites/shop/providers/Microsoft.Insights/metrics?api-version=2024-02-01&metricnames=Http5xx&aggregation=Average&interval=PT1M\n"
	k.Asked = func(t *testing.T, r *http.Request, _ string) {
		if r.FormValue("metricnames") != "Http5xx" {
			t.Errorf("got %s", r.URL)
		}
	}
	data := func(points string) string {
		return `{"cost":59,"timespan":"PT1H","interval":"PT1M","value":[{"name":{"value":"Http5xx"},"unit":"Count","timeseries":[{"metadatavalues":[],"data":[` + points + `]}]}],"namespace":"n"}`
	}
	k.Answer = data(`{"timeStamp":"2026-01-02T12:00:00Z","average":1},{"timeStamp":"2026-01-02T12:01:00Z","average":%s}`)
	k.Empty, k.Several = nil, nil
	k.Says = map[string]string{
		data(`{"timeStamp":"2026-01-02T12:00:00Z"}`):     "correct provider.http.jsonPath",
		`{"error":{"code":"BadRequest","message":"no"}}`: "correct provider.http.jsonPath",
	}
	k.Run(t)
}

func TestTheQueryIsTheEndOfTheAddress(t *testing.T) {
	for query, want := range map[string]string{"rates": "https://a/v1/rates", "/rates?a=b\n": "https://a/v1/rates?a=b", "?a=b": "https://a/v1/?a=b", "@evil.test": "https://a/v1/@evil.test"} {
		got := request(analysis.Query{Expression: query, Server: &analysis.Server{Address: "https://a/v1/", HTTP: analysis.HTTP{Method: http.MethodGet}}})
		if got.URL != want {
			t.Errorf("%q: %s", query, got.URL)
		}
	}
}

func TestPaths(t *testing.T) {
	for path, says := range map[string]string{
		"{.a}": "", "{.a.b[0]}": "", "{.a['b'].c}": "", "{$.a[*]}": "", `{.a[?(@.b=="c")].d}`: "", "{.a[-1]}": "",
		"{.a": "is not valid", "a": "one path in braces", "": "one path in braces", "{.a}{.b}": "one path in braces", "{..a}": "without range", "{.a[0,0]}": "without range",
		"{range .a[*]}{.b}{end}": "one path in braces", "{.a[?(@..b)]}": "without range",
	} {
		if _, err := parse(path); (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v", path, err)
		}
	}
}
