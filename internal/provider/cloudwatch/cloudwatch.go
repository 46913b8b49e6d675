// Package cloudwatch asks Amazon CloudWatch for the newest value of a metric data query. It makes one HTTP call of its own, in JSON, with the
// signature of the official SDK: the SDK's client would bring its own transport of errors, in a binary form, for the same call.
package cloudwatch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/provider"
	"sluice.dev/sluice/internal/provider/web"
)

// back is how many times the interval of a check a query covers, as in Flagger: CloudWatch has points of its own length, and the newest counts.
const back = 10

// regions matches the names of regions.
var regions = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]+$`)

// Provider asks CloudWatch.
type Provider struct{ servers *web.Client }

// New returns a Provider.
func New(servers *web.Client) *Provider { return &Provider{servers} }

// Name is what messages call such servers.
func (*Provider) Name() string { return "CloudWatch" }

// answer is that of https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
type answer struct {
	Results *[]struct {
		ID     string            `json:"Id"`
		Status string            `json:"StatusCode"`
		Values []json.RawMessage `json:"Values"`
	} `json:"MetricDataResults"`
	Messages []struct {
		Value string `json:"Value"`
	} `json:"Messages"`
}

// Value returns the newest value of the one result.
func (p *Provider) Value(ctx context.Context, query analysis.Query) (float64, error) {
	server := *query.Server
	if !regions.MatchString(server.Region) {
		return 0, errors.New("provider.region is no region of AWS: write one such as eu-west-1")
	}
	server.Address = cmp.Or(strings.TrimSuffix(server.Address, "/"), endpoint(server.Region))
	body, err := request(query, time.Now())
	if err != nil {
		return 0, err
	}
	body, err = p.servers.Fetch(ctx, &server, web.Request{Method: http.MethodPost, URL: server.Address + "/", Body: body, Header: map[string]string{
		"X-Amz-Target": "GraniteServiceVersion20100801.GetMetricData", "Content-Type": "application/json", "Accept": "application/json", "Content-Encoding": "amz-1.0"}})
	if err != nil {
		return 0, err
	}
	var got answer
	if err := web.JSON(body, &got); err != nil {
		return 0, err
	}
	return got.value()
}

// endpoint is that of a region: https://docs.aws.amazon.com/general/latest/gr/cw_region.html
func endpoint(region string) string {
	host := "https://monitoring." + region + ".amazonaws.com"
	if strings.HasPrefix(region, "cn-") {
		host += ".cn"
	}
	return host
}

func request(query analysis.Query, now time.Time) ([]byte, error) {
	var queries []json.RawMessage
	if err := json.Unmarshal([]byte(query.Expression), &queries); err != nil {
		return nil, fmt.Errorf("the query is not a list of metric data queries in JSON (%w): write [{\"Id\": …}]", err)
	}
	body, err := json.Marshal(map[string]any{"MetricDataQueries": queries, "StartTime": now.Add(-back * query.Window).Unix(), "EndTime": now.Unix(), "ScanBy": "TimestampDescending"})
	if err != nil {
		return nil, fmt.Errorf("write the query: %w", err)
	}
	return body, nil
}

func (a answer) value() (float64, error) {
	if a.Results == nil {
		return 0, errors.New("the answer has no results: check provider.address")
	}
	switch results := *a.Results; {
	case len(a.Messages) > 0:
		return 0, errors.New("the server could not answer the whole query: " + a.Messages[0].Value)
	case len(results) == 0:
		return 0, provider.ErrNoData
	case len(results) > 1:
		return 0, web.One(len(results), `set "ReturnData": false in all queries but one`)
	case results[0].Status != "Complete" && results[0].Status != "PartialData":
		return 0, fmt.Errorf("the query %s could not be answered (%s): correct it, or allow its credentials to read these metrics", results[0].ID, results[0].Status)
	case len(results[0].Values) == 0:
		return 0, provider.ErrNoData
	default:
		return web.Number(results[0].Values[0])
	}
}
