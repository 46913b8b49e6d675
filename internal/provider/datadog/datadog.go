// Package datadog asks Datadog for the last value of a query. It makes one HTTP call of its own: the official client has thousands of
// types for it.
package datadog

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/provider"
	"sluice.dev/sluice/internal/provider/web"
)

// usual is the API of the site in the United States.
const usual = "https://api.datadoghq.com"

// back is how many times the interval of a check a query covers, as in Flagger: Datadog has points of its own length, and the last one counts.
const back = 10

// Provider asks Datadog.
type Provider struct{ servers *web.Client }

// New returns a Provider.
func New(servers *web.Client) *Provider { return &Provider{servers} }

// Name is what messages call such servers.
func (*Provider) Name() string { return "Datadog" }

// answer is that of GET /api/v1/query: https://docs.datadoghq.com/api/latest/metrics/#query-timeseries-points
type answer struct {
	Status string `json:"status"`
	Error  string `json:"error"`
	Series *[]struct {
		Points [][]json.RawMessage `json:"pointlist"`
	} `json:"series"`
}

// Value returns the value of the last point that has one.
func (p *Provider) Value(ctx context.Context, query analysis.Query) (float64, error) {
	server := *query.Server
	server.Address = cmp.Or(strings.TrimSuffix(server.Address, "/"), usual)
	now := time.Now()
	asked := url.Values{"query": {strings.TrimSpace(query.Expression)}, "to": {strconv.FormatInt(now.Unix(), 10)},
		"from": {strconv.FormatInt(now.Add(-back*query.Window).Unix(), 10)}}
	body, err := p.servers.Fetch(ctx, &server, web.Request{URL: server.Address + "/api/v1/query?" + asked.Encode(), Header: map[string]string{
		"DD-API-KEY": server.Key(analysis.KeyDatadogAPI), "DD-APPLICATION-KEY": server.Key(analysis.KeyDatadogApplication)}})
	if err != nil {
		return 0, err
	}
	var got answer
	if err := web.JSON(body, &got); err != nil {
		return 0, err
	}
	switch {
	case got.Status == "error" || got.Error != "":
		return 0, errors.New("the server refuses the query: correct it: " + got.Error)
	case got.Series == nil:
		return 0, errors.New("the answer has no list of series: check provider.address")
	case len(*got.Series) == 0:
		return 0, provider.ErrNoData
	case len(*got.Series) > 1:
		return 0, web.One(len(*got.Series), "remove the grouping, or select one group")
	}
	return web.Last((*got.Series)[0].Points, 1)
}
