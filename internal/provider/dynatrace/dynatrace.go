// Package dynatrace asks Dynatrace for the one value of a metric selector. There is no official client in Go.
package dynatrace

import (
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

// back is how many times the interval of a check a query covers, as in Flagger. Dynatrace gives one value for all of it.
const back = 10

// Provider asks servers of Dynatrace.
type Provider struct{ servers *web.Client }

// New returns a Provider.
func New(servers *web.Client) *Provider { return &Provider{servers} }

// Name is what messages call such servers.
func (*Provider) Name() string { return "Dynatrace" }

// answer is that of the metrics API: https://docs.dynatrace.com/docs/dynatrace-api/environment-api/metric-v2/get-data-points
type answer struct {
	Result *[]struct {
		Data []struct {
			Values []json.RawMessage `json:"values"`
		} `json:"data"`
	} `json:"result"`
}

// Value returns the one value of the one series.
func (p *Provider) Value(ctx context.Context, query analysis.Query) (float64, error) {
	now := time.Now()
	asked := url.Values{"metricSelector": {strings.Join(strings.Fields(query.Expression), " ")}, "resolution": {"Inf"},
		"from": {strconv.FormatInt(now.Add(-back*query.Window).UnixMilli(), 10)}, "to": {strconv.FormatInt(now.UnixMilli(), 10)}}
	body, err := p.servers.Fetch(ctx, query.Server, web.Request{URL: strings.TrimSuffix(query.Server.Address, "/") + "/api/v2/metrics/query?" + asked.Encode(),
		Header: map[string]string{"Authorization": "Api-Token " + query.Server.Key(analysis.KeyDynatrace)}})
	if err != nil {
		return 0, err
	}
	var got answer
	if err := web.JSON(body, &got); err != nil {
		return 0, err
	}
	if got.Result == nil {
		return 0, errors.New("the answer has no result: check provider.address, which ends before /api")
	}
	var values []json.RawMessage
	for _, result := range *got.Result {
		for _, data := range result.Data {
			values = append(values, data.Values...)
		}
	}
	switch len(values) {
	case 0:
		return 0, provider.ErrNoData
	case 1:
		return web.Number(values[0])
	}
	return 0, web.One(len(values), "merge them, such as with :splitBy():avg, and use one selector")
}
