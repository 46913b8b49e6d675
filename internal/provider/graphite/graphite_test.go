package graphite

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

// TestAnswers plays those of https://graphite.readthedocs.io/en/latest/render_api.html#json
func TestAnswers(t *testing.T) {
	battery.Kind{
		New: func(c *web.Client) provider.Provider { return New(c) },
		Server: analysis.Server{Type: v1alpha1.ProviderGraphite, Credentials: map[string]analysis.Secret{
			analysis.KeyUsername: "jane", analysis.KeyPassword: "hidden-password"}},
		Query: "target=summarize(\n  sumSeries(stats.podinfo-canary.5xx),\n  '60s',\n  'sum'\n)&from=-5min\n",
		Asked: func(t *testing.T, r *http.Request, _ string) {
			user, password, _ := r.BasicAuth()
			if r.URL.Path != "/render" || r.FormValue("target") != "summarize( sumSeries(stats.podinfo-canary.5xx), '60s', 'sum' )" ||
				strings.TrimSpace(r.FormValue("from")) != "-5min" || r.FormValue("format") != "json" || user != "jane" || password != "hidden-password" {
				t.Errorf("got %s with %v", r.URL, r.Header)
			}
		},
		Answer:  `[{"target":"summarize","tags":{},"datapoints":[[null,1311836008],[%s,1311836009],[null,1311836010]]}]`,
		Empty:   []string{`[]`, `[{"target":"a","datapoints":[]}]`, `[{"target":"a","datapoints":[[null,1311836008]]}]`},
		Several: []string{`[{"target":"a","datapoints":[[1,2]]},{"target":"b","datapoints":[[1,2]]}]`},
		Says:    map[string]string{`[{"target":"a"}]`: "check provider.address", `[{"datapoints":[[1]]}]`: "check provider.address"},
	}.Run(t)
}

func TestAQueryHasOneTarget(t *testing.T) {
	for _, query := range []string{"sumSeries(a)", "from=-5min", "target=a&target=b", "target=%zz"} {
		_, err := New(web.New(battery.Loopback)).Value(t.Context(), analysis.Query{Expression: query, Server: &analysis.Server{Address: "http://127.0.0.1:1"}})
		if err == nil || !strings.Contains(err.Error(), "target=sumSeries(…)&from=-5min") {
			t.Errorf("%s: %v", query, err)
		}
	}
}
