// Package newrelic asks New Relic for the one number of an NRQL query: by NerdGraph with a user key, or by the older query API with a query
// key, as Flagger does. It makes one HTTP call of its own: the official client has the types of the whole of New Relic for it.
package newrelic

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/provider"
	"sluice.dev/sluice/internal/provider/web"
)

// The APIs of the data centre in the United States.
const (
	nerdGraph = "https://api.newrelic.com"
	insights  = "https://insights-api.newrelic.com"
)

// document is the GraphQL of a query: https://docs.newrelic.com/docs/apis/nerdgraph/examples/nerdgraph-nrql-tutorial/
const document = `query($account: Int!, $nrql: Nrql!) { actor { account(id: $account) { nrql(query: $nrql) { results } } } }`

// since matches queries that say themselves how far they look back.
var since = regexp.MustCompile(`(?i)\bSINCE\b`)

// Provider asks New Relic.
type Provider struct{ servers *web.Client }

// New returns a Provider.
func New(servers *web.Client) *Provider { return &Provider{servers} }

// Name is what messages call such servers.
func (*Provider) Name() string { return "New Relic" }

// Value returns the one number of the one result.
func (p *Provider) Value(ctx context.Context, query analysis.Query) (float64, error) {
	account, err := strconv.ParseUint(query.Server.Key(analysis.KeyNewRelicAccount), 10, 63)
	if err != nil {
		return 0, errors.New("the key newrelic_account_id of the Secret must be the number of the account")
	}
	nrql := strings.Join(strings.Fields(query.Expression), " ")
	if !since.MatchString(nrql) {
		nrql += fmt.Sprintf(" SINCE %d seconds ago", int64((query.Window+time.Second-1)/time.Second))
	}
	if query.Server.Key(analysis.KeyNewRelicUser) == "" {
		return p.older(ctx, *query.Server, account, nrql)
	}
	return p.nerdGraph(ctx, *query.Server, account, nrql)
}

func (p *Provider) nerdGraph(ctx context.Context, server analysis.Server, account uint64, nrql string) (float64, error) {
	server.Address = cmp.Or(strings.TrimSuffix(server.Address, "/"), nerdGraph)
	body, err := json.Marshal(map[string]any{"query": document, "variables": map[string]any{"account": account, "nrql": nrql}})
	if err != nil {
		return 0, fmt.Errorf("write the query: %w", err)
	}
	body, err = p.servers.Fetch(ctx, &server, web.Request{Method: http.MethodPost, URL: server.Address + "/graphql", Body: body,
		Header: map[string]string{"Content-Type": "application/json", "API-Key": server.Key(analysis.KeyNewRelicUser)}})
	if err != nil {
		return 0, err
	}
	var got struct {
		Errors []struct {
			Message string `json:"message"`
		} `json:"errors"`
		Data struct {
			Actor struct {
				Account struct {
					NRQL struct {
						Results *[]json.RawMessage `json:"results"`
					} `json:"nrql"`
				} `json:"account"`
			} `json:"actor"`
		} `json:"data"`
	}
	if err := web.JSON(body, &got); err != nil {
		return 0, err
	}
	if len(got.Errors) > 0 {
		return 0, errors.New("the server refuses the query: correct it, or the account and its key: " + got.Errors[0].Message)
	}
	return value(got.Data.Actor.Account.NRQL.Results)
}

// older asks the query API of Insights.
func (p *Provider) older(ctx context.Context, server analysis.Server, account uint64, nrql string) (float64, error) {
	server.Address = cmp.Or(strings.TrimSuffix(server.Address, "/"), insights)
	asked := fmt.Sprintf("%s/v1/accounts/%d/query?%s", server.Address, account, url.Values{"nrql": {nrql}}.Encode())
	body, err := p.servers.Fetch(ctx, &server, web.Request{URL: asked, Header: map[string]string{"X-Query-Key": server.Key(analysis.KeyNewRelicQuery)}})
	if err != nil {
		return 0, err
	}
	var got struct {
		Error   string             `json:"error"`
		Results *[]json.RawMessage `json:"results"`
	}
	if err := web.JSON(body, &got); err != nil {
		return 0, err
	}
	if got.Error != "" {
		return 0, errors.New("the server refuses the query: correct it: " + got.Error)
	}
	return value(got.Results)
}

// value is the one number of the one result.
func value(results *[]json.RawMessage) (float64, error) {
	const advice = "use one aggregate function, without FACET, TIMESERIES and COMPARE WITH"
	switch {
	case results == nil:
		return 0, errors.New("the answer has no results: check provider.address and the key newrelic_account_id")
	case len(*results) == 0:
		return 0, provider.ErrNoData
	case len(*results) > 1:
		return 0, web.One(len(*results), advice)
	}
	var found []json.RawMessage
	if err := leaves((*results)[0], &found); err != nil {
		return 0, err
	}
	switch len(found) {
	case 0:
		return 0, provider.ErrNoData
	case 1:
		return web.Number(found[0])
	}
	return 0, web.One(len(found), advice)
}

// leaves collects what a result has. A percentile has its value one level deeper, by the name of the percentile.
func leaves(result json.RawMessage, into *[]json.RawMessage) error {
	var fields map[string]json.RawMessage
	if err := web.JSON(result, &fields); err != nil {
		return err
	}
	for _, field := range fields {
		if strings.HasPrefix(string(field), "{") {
			if err := leaves(field, into); err != nil {
				return err
			}
			continue
		}
		*into = append(*into, field)
	}
	return nil
}
