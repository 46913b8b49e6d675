// Package web sends the requests of providers to the servers that MetricTemplates name. It adds headers and credentials, goes only where
// the rules of package outbound allow, reads no more of an answer than one value needs, follows no redirect elsewhere, and leaves a
// server alone for a while that fails or asks for it. Clients of vendors get the same HTTP client, so all this holds for them, too.
package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/outbound"
)

// OfValue is the limit of an answer of any server, the controller's own Prometheus included: users write the queries for that one, too. One value
// needs few bytes, and a single label can be of any length.
var OfValue = Limit{Bytes: 64 << 10, Objects: 64 << 10, Advice: "aggregate the query to one value without labels, such as with sum() or max()"}

const (
	// mostRedirects is how many redirects on the same host are followed.
	mostRedirects = 5
	// forgotten is how long what is known of a server is kept after its last query, such as its token or that it fails.
	forgotten = 10 * time.Minute
)

// Client has what is kept between the queries to servers that MetricTemplates name.
type Client struct {
	rules               outbound.Rules
	verifying, insecure *http.Transport

	mu      sync.Mutex
	servers map[string]*known
	swept   time.Time
}

// known is what is kept of one server with one set of credentials.
type known struct {
	http *http.Client
	used time.Time
}

// New returns a Client. The rules say where servers may be.
func New(rules outbound.Rules) *Client {
	return &Client{rules: rules, verifying: outbound.Transport(rules, false), insecure: outbound.Transport(rules, true), servers: map[string]*known{}}
}

// To returns the HTTP client for one server. A Secret that has changed makes another one. The error says what is wrong with the credentials.
func (c *Client) To(server *analysis.Server) (*http.Client, error) {
	own, err := url.Parse(server.Address)
	if err != nil || own.Host == "" {
		return nil, errors.New("provider.address is no URL: write one such as https://metrics.example.com")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.sweep(now)
	id := server.Identity()
	if c.servers[id] == nil {
		transport, err := c.transportTo(server, own)
		if err != nil {
			return nil, err
		}
		c.servers[id] = &known{http: &http.Client{Transport: transport, CheckRedirect: staysOn(own)}}
	}
	c.servers[id].used = now
	return c.servers[id].http, nil
}

// sweep forgets servers that nobody has asked for a while.
func (c *Client) sweep(now time.Time) {
	if now.Sub(c.swept) < forgotten/10 {
		return
	}
	c.swept = now
	for id, server := range c.servers {
		if now.Sub(server.used) > forgotten {
			delete(c.servers, id)
		}
	}
}

func (c *Client) transportTo(server *analysis.Server, own *url.URL) (http.RoundTripper, error) {
	plain, err := c.encrypted(server)
	if err != nil {
		return nil, err
	}
	authorized, err := authorize(server, plain)
	if err != nil {
		return nil, err
	}
	return refusing{server, Limited{Next: &gate{next: withHeaders{server, own, authorized}}, Limit: OfValue}}, nil
}

// staysOn refuses redirects to another host or scheme, which would get the query, and might answer instead.
func staysOn(own *url.URL) func(*http.Request, []*http.Request) error {
	return func(request *http.Request, via []*http.Request) error {
		switch {
		case request.URL.Host != own.Host || request.URL.Scheme != own.Scheme:
			return fmt.Errorf("the server redirects to another host or scheme (%s://%s): set provider.address to the server that answers queries", request.URL.Scheme, request.URL.Host)
		case len(via) > mostRedirects:
			return errors.New("the server redirects in circles: check provider.address")
		}
		return nil
	}
}

// withHeaders adds a server's headers to each request.
type withHeaders struct {
	server *analysis.Server
	own    *url.URL
	next   http.RoundTripper
}

// RoundTrip adds the headers to a copy of the request. It tells them to no other host and no other scheme.
func (h withHeaders) RoundTrip(request *http.Request) (*http.Response, error) {
	if h.own.Host != request.URL.Host || h.own.Scheme != request.URL.Scheme {
		return nil, errors.New("the request is for another host or scheme than provider.address")
	}
	request = request.Clone(request.Context())
	for key, values := range h.server.Headers {
		for _, value := range values {
			request.Header.Add(key, value)
		}
	}
	return h.next.RoundTrip(request)
}
