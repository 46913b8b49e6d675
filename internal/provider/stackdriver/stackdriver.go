// Package stackdriver asks Google Cloud Monitoring for the newest value of a query in MQL. It makes one HTTP call of its own: the official
// client speaks gRPC with a transport of its own, which cannot be kept from addresses that only nodes may call.
package stackdriver

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/provider"
	"sluice.dev/sluice/internal/provider/web"
)

const usual = "https://monitoring.googleapis.com"

// Provider asks Google Cloud Monitoring.
type Provider struct{ servers *web.Client }

// New returns a Provider.
func New(servers *web.Client) *Provider { return &Provider{servers} }

// Name is what messages call such servers.
func (*Provider) Name() string { return "Google Cloud Monitoring" }

// answer is that of https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.timeSeries/query
type answer struct {
	Descriptor json.RawMessage `json:"timeSeriesDescriptor"`
	Data       []struct {
		Points []struct {
			Values []map[string]json.RawMessage `json:"values"`
		} `json:"pointData"`
	} `json:"timeSeriesData"`
	Partial []struct {
		Message string `json:"message"`
	} `json:"partialErrors"`
}

// Value returns the newest value of the one series.
func (p *Provider) Value(ctx context.Context, query analysis.Query) (float64, error) {
	server := *query.Server
	server.Address = cmp.Or(strings.TrimSuffix(server.Address, "/"), usual)
	body, err := json.Marshal(map[string]string{"query": query.Expression})
	if err != nil {
		return 0, fmt.Errorf("write the query: %w", err)
	}
	body, err = p.servers.Fetch(ctx, &server, web.Request{Method: http.MethodPost, Body: body, Header: map[string]string{"Content-Type": "application/json"},
		URL: server.Address + "/v3/projects/" + url.PathEscape(server.Key(analysis.KeyProject)) + "/timeSeries:query"})
	if err != nil {
		return 0, err
	}
	var got answer
	if err := web.JSON(body, &got); err != nil {
		return 0, err
	}
	switch {
	case len(got.Partial) > 0:
		return 0, errors.New("the server could not answer the whole query: " + got.Partial[0].Message)
	case got.Descriptor == nil:
		return 0, errors.New("the answer has no series: check provider.address and the key project of the Secret")
	case len(got.Data) == 0 || len(got.Data) == 1 && len(got.Data[0].Points) == 0:
		return 0, provider.ErrNoData
	case len(got.Data) > 1:
		return 0, web.One(len(got.Data), "aggregate them, such as with group_by [], sum(val())")
	}
	return newest(got.Data[0].Points[0].Values)
}

// newest reads the first point, which is the newest one. A whole number is a text in Google's JSON.
func newest(values []map[string]json.RawMessage) (float64, error) {
	if len(values) != 1 {
		return 0, web.One(len(values), "select one column of values")
	}
	if whole, is := values[0]["int64Value"]; is {
		var text json.Number
		if err := json.Unmarshal([]byte(strings.Trim(string(whole), `"`)), &text); err != nil {
			return 0, fmt.Errorf("the answer has %s where a number is expected: change the query so that it returns a number", whole)
		}
		return text.Float64()
	}
	value, is := values[0]["doubleValue"]
	if !is {
		return 0, errors.New("the answer has a value that is no number: change the query so that it returns a number, such as with mean(val()) or percentile(val(), 99)")
	}
	return web.Number(value)
}
