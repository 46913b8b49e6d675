// Package graphite asks the render API of Graphite for the last value of a target. There is no official client.
package graphite

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"

	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/provider"
	"sluice.dev/sluice/internal/provider/web"
)

// Provider asks servers of Graphite.
type Provider struct{ servers *web.Client }

// New returns a Provider.
func New(servers *web.Client) *Provider { return &Provider{servers} }

// Name is what messages call such servers.
func (*Provider) Name() string { return "Graphite" }

// answer is that of the render API: https://graphite.readthedocs.io/en/latest/render_api.html#json
type answer []struct {
	Points *[][]json.RawMessage `json:"datapoints"`
}

// Value returns the value of the last point that has one. The query is that of the URL, with a target and perhaps from and until.
func (p *Provider) Value(ctx context.Context, query analysis.Query) (float64, error) {
	asked, err := url.ParseQuery(strings.Join(strings.Fields(query.Expression), " "))
	switch {
	case err != nil:
		return 0, errors.New("the query is not that of a URL: write it as target=sumSeries(…)&from=-5min, with %25 for %")
	case len(asked["target"]) != 1:
		return 0, errors.New("the query must have one target: write it as target=sumSeries(…)&from=-5min")
	}
	asked.Set("format", "json")
	body, err := p.servers.Fetch(ctx, query.Server, web.Request{URL: strings.TrimSuffix(query.Server.Address, "/") + "/render?" + asked.Encode()})
	if err != nil {
		return 0, err
	}
	var got answer
	if err := web.JSON(body, &got); err != nil {
		return 0, err
	}
	switch {
	case got == nil:
		return 0, errors.New("the answer is null: check provider.address")
	case len(got) == 0:
		return 0, provider.ErrNoData
	case len(got) > 1:
		return 0, web.One(len(got), "aggregate them, such as with sumSeries() or averageSeries()")
	case got[0].Points == nil:
		return 0, errors.New("the answer has no datapoints: check provider.address")
	}
	return web.Last(*got[0].Points, 0)
}
