package newrelic

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

const (
	query = "SELECT percentage(count(*), WHERE error IS true)\nFROM Transaction WHERE appName = 'podinfo-canary'\n"
	sent  = "SELECT percentage(count(*), WHERE error IS true) FROM Transaction WHERE appName = 'podinfo-canary' SINCE 60 seconds ago"
)

func kind(credentials map[string]analysis.Secret) battery.Kind {
	credentials[analysis.KeyNewRelicAccount] = "1234567"
	return battery.Kind{
		New:    func(c *web.Client) provider.Provider { return New(c) },
		Server: analysis.Server{Type: v1alpha1.ProviderNewRelic, Credentials: credentials},
		Query:  query,
	}
}

// TestAnswersOfNerdGraph plays those of https://docs.newrelic.com/docs/apis/nerdgraph/examples/nerdgraph-nrql-tutorial/
func TestAnswersOfNerdGraph(t *testing.T) {
	k := kind(map[string]analysis.Secret{analysis.KeyNewRelicUser: "hidden-user", analysis.KeyNewRelicQuery: "hidden-query"})
	k.Asked = func(t *testing.T, r *http.Request, body string) {
		if r.URL.Path != "/graphql" || r.Header.Get("API-Key") != "hidden-user" || !strings.Contains(body, `"account":1234567,"nrql":"`+sent) {
			t.Errorf("got %s %v %s", r.URL, r.Header, body)
		}
	}
	around := func(results string) string {
		return `{"data":{"actor":{"account":{"nrql":{"results":` + results + `}}}}}`
	}
	k.Answer = around(`[{"percentage":%s}]`)
	k.Empty = []string{around("[]"), around("[{}]"), around(`[{"percentile.duration":{"99":null}}]`)}
	k.Several = []string{around(`[{"facet":"a","count":1},{"facet":"b","count":1}]`), around(`[{"count":1,"average.duration":2}]`), around(`[{"percentile.duration":{"50":1,"99":2}}]`)}
	k.Says = map[string]string{
		`{"errors":[{"message":"NRQL Syntax Error"}],"data":{"actor":{"account":{"nrql":null}}}}`:   "NRQL Syntax Error",
		`{"errors":[{"message":"partly"}],` + strings.TrimPrefix(around(`[{"percentage":1}]`), "{"): "partly",
		`{"data":{"actor":{"account":null}}}`:                                                       "newrelic_account_id",
	}
	k.Run(t)
}

// TestAnswersOfInsights plays those of the older API, which Flagger asks.
func TestAnswersOfInsights(t *testing.T) {
	k := kind(map[string]analysis.Secret{analysis.KeyNewRelicQuery: "hidden-query"})
	k.Asked = func(t *testing.T, r *http.Request, _ string) {
		if r.URL.Path != "/v1/accounts/1234567/query" || r.Header.Get("X-Query-Key") != "hidden-query" || r.FormValue("nrql") != sent {
			t.Errorf("got %s %v", r.URL, r.Header)
		}
	}
	k.Answer = `{"results":[{"result":%s}],"metadata":{"guid":"a"}}`
	k.Empty = []string{`{"results":[]}`}
	k.Several = []string{`{"results":[{"result":1},{"result":2}]}`}
	k.Says = map[string]string{`{"error":"syntax"}`: "correct it: syntax", `{"facets":[]}`: "has no results"}
	k.Run(t)
}

func TestThePercentileIsOneLevelDeeper(t *testing.T) {
	k := kind(map[string]analysis.Secret{analysis.KeyNewRelicQuery: "hidden-query"})
	k.Query += " SINCE 5 minutes ago"
	k.Asked = func(t *testing.T, r *http.Request, _ string) {
		if !strings.HasSuffix(r.FormValue("nrql"), "'podinfo-canary' SINCE 5 minutes ago") {
			t.Errorf("got %s", r.URL)
		}
	}
	k.Answer = `{"results":[{"percentiles":{"99":%s}}]}`
	k.Run(t)
}
