package prometheus

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/api"
	prometheusv1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/outbound"
	"sluice.dev/sluice/internal/provider/web"
)

// Provider queries Prometheus servers: the controller's own, and those that queries name.
type Provider struct {
	// api is nil if the controller has no server. raw is the same server with the limit of an answer with raw samples.
	api, raw prometheusv1.API
	// reading has an element for each answer with raw samples that is being read, and large one for a long one.
	reading, large chan struct{}
	// servers are those that queries name.
	servers *web.Client
}

// New returns a Provider. The address is the http or https URL of the controller's server; if it is empty, only queries that
// name a server are answered. The rules hold for servers that queries name. A user and password in the URL are used for basic authentication and never shown.
func New(address string, rules outbound.Rules) (*Provider, error) {
	p := &Provider{servers: web.New(rules), reading: make(chan struct{}, rawAtOnce), large: make(chan struct{}, 1)}
	if address == "" {
		return p, nil
	}
	parsed, err := url.Parse(address)
	if err != nil || (parsed.Scheme != "http" && parsed.Scheme != "https") || parsed.Host == "" {
		return nil, errors.New("the address of Prometheus must be a URL such as http://prometheus.monitoring:9090")
	}
	transport := http.RoundTripper(outbound.Unguarded())
	if parsed.User != nil {
		transport = basicAuth{user: parsed.User, next: transport}
		parsed.User = nil
	}
	if p.api, err = newAPI(parsed.String(), &http.Client{Transport: web.Limited{Next: transport, Limit: web.OfValue}}); err != nil {
		return nil, err
	}
	p.raw, err = newAPI(parsed.String(), &http.Client{Transport: web.Limited{Next: turns{transport}, Limit: ofCounters}})
	return p, err
}

func newAPI(address string, with *http.Client) (prometheusv1.API, error) {
	client, err := api.NewClient(api.Config{Address: address, Client: with})
	if err != nil {
		return nil, fmt.Errorf("make the client for Prometheus: %w", err)
	}
	return prometheusv1.NewAPI(client), nil
}

// ErrTooLong is what an answer fails with that is longer than its limit.
var ErrTooLong = web.ErrTooLong

// apiOf returns the API of the server that a query is for.
func (p *Provider) apiOf(query analysis.Query) (prometheusv1.API, error) {
	if query.Server == nil {
		if p.api == nil {
			return nil, errors.New("no Prometheus is configured")
		}
		return p.api, nil
	}
	client, err := p.servers.To(query.Server)
	if err != nil {
		return nil, err
	}
	return newAPI(query.Server.Address, client)
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

// Name returns Prometheus.
func (*Provider) Name() string { return "Prometheus" }

// Value lets the server choose the time of evaluation, because the data has the server's clock.
func (p *Provider) Value(ctx context.Context, query analysis.Query) (float64, error) {
	server, err := p.apiOf(query)
	if err != nil {
		return 0, err
	}
	answer, _, _, err := server.Query(ctx, query.Expression, time.Time{})
	if err != nil {
		return 0, err
	}
	return valueOf(answer)
}
