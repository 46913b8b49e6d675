// Package prometheus asks a Prometheus server the questions of package analysis.
package prometheus

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/api"
	prometheusv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"sluice.dev/sluice/analysis"
)

// queryTimeout is how long one query may take.
const queryTimeout = 5 * time.Second

// longestError is how many bytes of an error are told.
const longestError = 200

// Provider asks one Prometheus server.
type Provider struct {
	api prometheusv1.API
}

// New makes a Provider for the server at an http or https URL. A user and password in the URL are used for basic
// authentication and never told.
func New(address string) (*Provider, error) {
	parsed, err := url.Parse(address)
	if err != nil || (parsed.Scheme != "http" && parsed.Scheme != "https") || parsed.Host == "" {
		return nil, errors.New("the address of Prometheus must be a URL such as http://prometheus.monitoring:9090")
	}
	transport := http.RoundTripper(http.DefaultTransport.(*http.Transport).Clone())
	if parsed.User != nil {
		transport = basicAuth{user: parsed.User, next: transport}
		parsed.User = nil
	}
	client, err := api.NewClient(api.Config{Address: parsed.String(), RoundTripper: transport})
	if err != nil {
		return nil, fmt.Errorf("make the client for Prometheus: %w", err)
	}
	return &Provider{api: prometheusv1.NewAPI(client)}, nil
}

type basicAuth struct {
	user *url.Userinfo
	next http.RoundTripper
}

// RoundTrip adds the credentials to a copy of the request.
func (b basicAuth) RoundTrip(request *http.Request) (*http.Response, error) {
	password, _ := b.user.Password()
	request = request.Clone(request.Context())
	request.SetBasicAuth(b.user.Username(), password)
	return b.next.RoundTrip(request)
}

// Query answers all queries at once, one sample for each. A query that fails is a sample with an error.
func (p *Provider) Query(ctx context.Context, queries []analysis.Query) []analysis.Sample {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	samples := make([]analysis.Sample, len(queries))
	var all sync.WaitGroup
	for i, query := range queries {
		all.Go(func() { samples[i] = p.ask(ctx, query) })
	}
	all.Wait()
	return samples
}

// ask leaves the time of evaluation to the server, whose clock the data has.
func (p *Provider) ask(ctx context.Context, query analysis.Query) analysis.Sample {
	sample := analysis.Sample{Metric: query.Metric}
	value, _, _, err := p.api.Query(ctx, query.Expression, time.Time{})
	if err != nil {
		sample.Err = oneLine(err)
		return sample
	}
	switch v := value.(type) {
	case *model.Scalar:
		sample.Value = float64(v.Value)
	case model.Vector:
		switch len(v) {
		case 0:
			sample.Missing = true
		case 1:
			sample.Value = float64(v[0].Value)
		default:
			sample.Err = fmt.Sprintf("the query has %d results in place of one", len(v))
		}
	default:
		sample.Err = fmt.Sprintf("the query has a %s as its result in place of one value", value.Type())
	}
	return sample
}

// oneLine shortens an error for a status; the URL in a transport error repeats the whole query, so it is left out.
func oneLine(err error) string {
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err
	}
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > longestError {
		text = strings.ToValidUTF8(text[:longestError], "") + "…"
	}
	return text
}
