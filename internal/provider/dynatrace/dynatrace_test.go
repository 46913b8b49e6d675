package dynatrace

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

// TestAnswers plays those of https://docs.dynatrace.com/docs/dynatrace-api/environment-api/metric-v2/get-data-points
func TestAnswers(t *testing.T) {
	const begin = `{"totalCount":1,"nextPageKey":null,"resolution":"Inf","result":[{"metricId":"builtin:service.errors","data":[`
	battery.Kind{
		New:    func(c *web.Client) provider.Provider { return New(c) },
		Server: analysis.Server{Type: v1alpha1.ProviderDynatrace, Credentials: map[string]analysis.Secret{analysis.KeyDynatrace: "hidden-token"}},
		Query:  "builtin:service.errors.total.rate:filter(eq(\"dt.entity.service\",podinfo-canary)):splitBy():avg\n",
		Asked: func(t *testing.T, r *http.Request, _ string) {
			from, _ := strconv.Atoi(r.FormValue("from"))
			to, _ := strconv.Atoi(r.FormValue("to"))
			if r.URL.Path != "/api/v2/metrics/query" || r.FormValue("resolution") != "Inf" || to-from != 600_000 || r.Header.Get("Authorization") != "Api-Token hidden-token" ||
				r.FormValue("metricSelector") != `builtin:service.errors.total.rate:filter(eq("dt.entity.service",podinfo-canary)):splitBy():avg` {
				t.Errorf("got %s with %v", r.URL, r.Header)
			}
		},
		Answer:  begin + `{"dimensions":[],"timestamps":[1579097520000],"values":[%s]}]}]}`,
		Empty:   []string{`{"totalCount":0,"result":[]}`, begin + `]}]}`, begin + `{"timestamps":[],"values":[]}]}]}`},
		Several: []string{begin + `{"values":[1]},{"values":[2]}]}]}`, begin + `{"values":[1,2]}]}]}`, `{"result":[{"data":[{"values":[1]}]},{"data":[{"values":[2]}]}]}`},
		Says:    map[string]string{`{"error":{"code":400,"message":"x"}}`: "ends before /api"},
	}.Run(t)
}
