package datadog

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

// TestAnswers plays those of https://docs.datadoghq.com/api/latest/metrics/#query-timeseries-points
func TestAnswers(t *testing.T) {
	const query = "avg:trace.http.request.errors{service:podinfo-canary}\n/\navg:trace.http.request.hits{service:podinfo-canary}\n* 100"
	battery.Kind{
		New: func(c *web.Client) provider.Provider { return New(c) },
		Server: analysis.Server{Type: v1alpha1.ProviderDatadog, Credentials: map[string]analysis.Secret{
			analysis.KeyDatadogAPI: "hidden-api", analysis.KeyDatadogApplication: "hidden-application"}},
		Query: query + "\n",
		Asked: func(t *testing.T, r *http.Request, _ string) {
			from, _ := strconv.Atoi(r.FormValue("from"))
			to, _ := strconv.Atoi(r.FormValue("to"))
			if r.URL.Path != "/api/v1/query" || r.FormValue("query") != query || to-from != 600 || r.Header.Get("DD-API-KEY") != "hidden-api" || r.Header.Get("DD-APPLICATION-KEY") != "hidden-application" {
				t.Errorf("got %s with %v", r.URL, r.Header)
			}
		},
		Answer:  `{"status":"ok","res_type":"time_series","series":[{"metric":"trace","pointlist":[[1430311800000,null],[1430311820000,%s],[1430311840000,null]],"length":3,"scope":"*","unit":[null,null]}],"from_date":1,"to_date":2}`,
		Empty:   []string{`{"status":"ok","series":[]}`, `{"status":"ok","series":[{"pointlist":[]}]}`, `{"status":"ok","series":[{"pointlist":[[1,null]]}]}`},
		Several: []string{`{"status":"ok","series":[{"pointlist":[[1,1]]},{"pointlist":[[1,2]]}]}`},
		Says: map[string]string{
			`{"status":"error","error":"Error parsing query","series":[]}`:                                  "correct it: Error parsing query",
			`{"status":"error","error":"Error parsing query","series":[{"pointlist":[[1430311820000,1]]}]}`: "correct it: Error parsing query",
			`{"status":"ok"}`: "check provider.address",
			`{"status":"ok","series":[{"pointlist":[[1]]}]}`: "check provider.address",
		},
	}.Run(t)
}
