package prometheus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/api"
	prometheusv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/outbound"
	"sluice.dev/sluice/internal/provider"
)

// ofValue are the limits of an answer of any server, the controller's own included: users write the queries for that one, too.
// One value needs few bytes, and a single label can be of any length.
var ofValue = limits{bytes: 64 << 10, objects: 64 << 10, advice: "aggregate the query to one value without labels, such as with sum() or max()"}

// Provider queries Prometheus servers: the controller's own, and those that queries name.
type Provider struct {
	// api is nil if the controller has no server. raw is the same server with the limit of an answer with raw samples.
	api, raw prometheusv1.API
	// reading has an element for each answer with raw samples that is being read, and large one for a long one.
	reading, large chan struct{}
	// verifying and insecure are the transports for servers that queries name.
	verifying, insecure http.RoundTripper
}

// New returns a Provider. The address is the http or https URL of the controller's server; if it is empty, only queries that
// name a server are answered. The rules hold for servers that queries name. A user and password in the URL are used for basic authentication and never shown.
func New(address string, rules outbound.Rules) (*Provider, error) {
	p := &Provider{verifying: outbound.Transport(rules, false), insecure: outbound.Transport(rules, true), reading: make(chan struct{}, rawAtOnce), large: make(chan struct{}, 1)}
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
	if p.api, err = newAPI(parsed.String(), brief{transport, ofValue}); err != nil {
		return nil, err
	}
	p.raw, err = newAPI(parsed.String(), brief{turns{transport}, ofCounters})
	return p, err
}

func newAPI(address string, transport brief) (prometheusv1.API, error) {
	client, err := api.NewClient(api.Config{Address: address, RoundTripper: transport})
	if err != nil {
		return nil, fmt.Errorf("make the client for Prometheus: %w", err)
	}
	return prometheusv1.NewAPI(client), nil
}

// withHeaders adds a server's headers to each request.
type withHeaders struct {
	server *analysis.Server
	next   http.RoundTripper
}

// RoundTrip adds the headers to a copy of the request. It refuses to follow a redirect to another host or scheme.
func (h withHeaders) RoundTrip(request *http.Request) (*http.Response, error) {
	own, err := url.Parse(h.server.Address)
	if err != nil || own.Host != request.URL.Host || own.Scheme != request.URL.Scheme {
		return nil, errors.New("the server redirects to another host or scheme")
	}
	request = request.Clone(request.Context())
	for key, values := range h.server.Headers {
		for _, value := range values {
			request.Header.Add(key, value)
		}
	}
	if h.server.Authorization != "" {
		request.Header.Set("Authorization", string(h.server.Authorization))
	}
	return h.next.RoundTrip(request)
}

// brief limits the answers.
type brief struct {
	next    http.RoundTripper
	answers limits
}

// limits are those of an answer.
type limits struct {
	// bytes and objects are how many an answer may have. A JSON object of two bytes takes a hundred when it is decoded.
	bytes, objects int
	// advice is what to do about an answer that has more.
	advice string
}

// RoundTrip limits the body of the answer.
func (b brief) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := b.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	response.Body = &limited{ReadCloser: response.Body, left: b.answers, limits: b.answers}
	return response, nil
}

// ErrTooLong is what an answer fails with that is longer than its limits.
var ErrTooLong = errors.New("the answer is too long")

// tooLong says which limit an answer has passed, and what to do about it.
type tooLong string

// Error is the text.
func (t tooLong) Error() string { return string(t) }

// Is holds for ErrTooLong.
func (tooLong) Is(target error) bool { return target == ErrTooLong }

// limited is a body that fails after the given number of bytes or objects.
type limited struct {
	io.ReadCloser
	limits
	left limits
}

// Read reads at most what is left.
func (l *limited) Read(into []byte) (int, error) {
	if l.left.bytes <= 0 {
		return 0, tooLong(fmt.Sprintf("the answer is longer than %d bytes: %s", l.bytes, l.advice))
	}
	n, err := l.ReadCloser.Read(into[:min(len(into), l.left.bytes)])
	l.left.bytes -= n
	if l.left.objects -= bytes.Count(into[:n], []byte("{")); l.left.objects < 0 {
		return 0, tooLong(fmt.Sprintf("the answer has more than %d objects: %s", l.objects, l.advice))
	}
	return n, err
}

// apiOf returns the API of the server that a query is for.
func (p *Provider) apiOf(query analysis.Query) (prometheusv1.API, error) {
	if query.Server == nil {
		if p.api == nil {
			return nil, errors.New("no Prometheus is configured")
		}
		return p.api, nil
	}
	transport := p.verifying
	if query.Server.InsecureSkipVerify {
		transport = p.insecure
	}
	return newAPI(query.Server.Address, brief{withHeaders{server: query.Server, next: transport}, ofValue})
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
	switch a := answer.(type) {
	case *model.Scalar:
		return float64(a.Value), nil
	case model.Vector:
		switch len(a) {
		case 0:
			return 0, provider.ErrNoData
		case 1:
			return float64(a[0].Value), nil
		}
		return 0, fmt.Errorf("the query returns %d results; one is expected: aggregate them, such as with sum() or max()", len(a))
	}
	return 0, fmt.Errorf("the query returns a %s; one value is expected", answer.Type())
}
