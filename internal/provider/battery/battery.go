// Package battery plays the answers that a metrics server should not give, but some day does, to a provider. The tests of all providers
// run it. No such answer may become a value, because a value may pass a check.
package battery

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/outbound"
	"sluice.dev/sluice/internal/provider"
	"sluice.dev/sluice/internal/provider/web"
)

// Kind is one kind of server, as its documentation describes it.
type Kind struct {
	// New makes the provider.
	New func(*web.Client) provider.Provider
	// Server is what a MetricTemplate names. Its address becomes that of the test's server.
	Server analysis.Server
	// Query is a query that the server answers.
	Query string
	// Asked checks the request. The body is its whole body.
	Asked func(t *testing.T, request *http.Request, body string)
	// Answer is the documented answer, with %s where it has the value.
	Answer string
	// NoNumber are values that are no data, or none that can be judged, beside null. They are as the API writes them.
	NoNumber []string
	// Texts is true if the API writes numbers as texts.
	Texts bool
	// Empty are documented answers without data.
	Empty []string
	// Several are answers with more than one value.
	Several []string
	// Says are other answers, and a part of the message for each.
	Says map[string]string
}

// Loopback are the rules under which the servers of a test can be called.
var Loopback = outbound.Rules{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}

// good is the value of the good answer.
const good = 12.5

// played is a kind of server that answers in one way.
type played struct {
	t     *testing.T
	kind  Kind
	table *provider.Table
	query analysis.Query
	hits  atomic.Int32
}

func (k Kind) played(t *testing.T, handler http.HandlerFunc) *played {
	t.Helper()
	p := &played{t: t, kind: k}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.hits.Add(1)
		handler(w, r)
	}))
	t.Cleanup(s.Close)
	server := k.Server
	server.Address = s.URL
	p.table = provider.New(map[string]provider.Provider{server.Type: k.New(web.New(Loopback))})
	p.query = analysis.Query{Check: "own", Expression: k.Query, Server: &server, Window: time.Minute}
	return p
}

// asks asks once.
func (p *played) asks() analysis.Sample {
	p.t.Helper()
	sample := p.table.Query(p.t.Context(), []analysis.Query{p.query})[0]
	for _, secret := range p.query.Server.Secrets() {
		if strings.Contains(sample.Err, secret) {
			p.t.Errorf("a credential is in %q", sample.Err)
		}
	}
	return sample
}

// fails holds that there is no value, and that the message has a part.
func (p *played) fails(says string) {
	p.t.Helper()
	if sample := p.asks(); sample.Err == "" || !strings.Contains(sample.Err, says) {
		p.t.Errorf("got %+v, which does not say %q", sample, says)
	}
}

func unusable(sample analysis.Sample) bool {
	return sample.Missing || sample.Err != "" || math.IsNaN(sample.Value) || math.IsInf(sample.Value, 0)
}

func write(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

func status(code int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = io.WriteString(w, text)
	}
}

// Run plays all answers.
func (k Kind) Run(t *testing.T) {
	t.Run("the good answer", func(t *testing.T) {
		p := k.played(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			k.Asked(t, r, string(body))
			_, _ = fmt.Fprintf(w, k.Answer, "12.5")
		})
		if sample := p.asks(); sample.Err != "" || sample.Missing || sample.Value != good {
			t.Errorf("got %+v", sample)
		}
	})
	t.Run("values", k.values)
	t.Run("shapes", k.shapes)
	t.Run("statuses", k.statuses)
	t.Run("connections", k.connections)
}

// values plays the documented answer with what is no number.
func (k Kind) values(t *testing.T) {
	for _, value := range append([]string{"null", "NaN", "Infinity", "-Infinity", "1e999", "", "true", "{}", `"abc"`}, k.NoNumber...) {
		if sample := k.played(t, write(fmt.Sprintf(k.Answer, value))).asks(); !unusable(sample) {
			t.Errorf("%s becomes the value %v", value, sample.Value)
		}
	}
	if !k.Texts {
		k.played(t, write(fmt.Sprintf(k.Answer, `"12.5"`))).fails("number")
	}
}

// shapes plays answers that have another form.
func (k Kind) shapes(t *testing.T) {
	for _, answer := range k.Empty {
		if sample := k.played(t, write(answer)).asks(); !sample.Missing {
			t.Errorf("%s becomes %+v", answer, sample)
		}
	}
	for _, answer := range k.Several {
		k.played(t, write(answer)).fails("one is expected")
	}
	for answer, says := range k.Says {
		k.played(t, write(answer)).fails(says)
	}
	for _, answer := range []string{"", "null", "{}", "[]", "12.5", `"12.5"`, "[12.5]", k.Answer[:len(k.Answer)/2], "<html><body>Sign in</body></html>"} {
		if sample := k.played(t, write(answer)).asks(); !unusable(sample) {
			t.Errorf("%s becomes the value %v", answer, sample.Value)
		}
	}
}

// statuses plays the answers that mean the same everywhere. A server that fails, or that asks for it, is left alone for a while.
func (k Kind) statuses(t *testing.T) {
	k.played(t, status(http.StatusUnauthorized, "bad key")).fails("provider.secretRef")
	k.played(t, status(http.StatusForbidden, "")).fails("allow them to read metrics")
	k.played(t, status(http.StatusNotFound, "{}")).fails("404")
	echo := strings.Join(k.Server.Secrets(), " ")
	k.played(t, status(http.StatusBadRequest, echo)).fails("")
	for code, says := range map[int]string{http.StatusTooManyRequests: "set a longer interval", http.StatusInternalServerError: "", http.StatusServiceUnavailable: ""} {
		p := k.played(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "30")
			w.WriteHeader(code)
			_, _ = fmt.Fprintf(w, k.Answer, "12.5")
		})
		p.fails(says)
		p.fails(fmt.Sprintf("the server answers %d %s; the server is asked again at ", code, http.StatusText(code)))
		if hits := p.hits.Load(); hits != 1 {
			t.Errorf("after %d, the server is asked %d times", code, hits)
		}
	}
	elsewhere := k.played(t, write(fmt.Sprintf(k.Answer, "12.5")))
	address := strings.Replace(elsewhere.query.Server.Address, "127.0.0.1", "127.0.0.2", 1)
	k.played(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, address, http.StatusTemporaryRedirect)
	}).fails("redirects to another host or scheme")
	if elsewhere.hits.Load() > 0 {
		t.Error("a redirect is followed elsewhere")
	}
}

// connections plays answers that do not come, break off or never end.
func (k Kind) connections(t *testing.T) {
	k.played(t, func(w http.ResponseWriter, _ *http.Request) {
		text := fmt.Sprintf(k.Answer, "12.5")
		w.Header().Set("Content-Length", fmt.Sprint(len(text)+1))
		_, _ = io.WriteString(w, text)
	}).fails("EOF")
	k.played(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }).fails("EOF")
	var sent atomic.Int64
	k.played(t, func(w http.ResponseWriter, _ *http.Request) {
		begin, _, _ := strings.Cut(k.Answer, "%s")
		_, _ = io.WriteString(w, begin)
		for some := []byte(strings.Repeat(" ", 1<<16)); sent.Load() < 100<<20; {
			n, err := w.Write(some)
			if sent.Add(int64(n)); err != nil {
				return
			}
		}
	}).fails("the answer is longer than 65536 bytes")
	if sent.Load() > 32<<20 {
		t.Errorf("%d bytes are read", sent.Load())
	}
	k.late(t)
}

// late plays a server that does not answer in time.
func (k Kind) late(t *testing.T) {
	over := make(chan struct{})
	p := k.played(t, func(http.ResponseWriter, *http.Request) { <-over })
	t.Cleanup(func() { close(over) })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if sample := p.table.Query(ctx, []analysis.Query{p.query})[0]; !strings.Contains(sample.Err, "in time") {
		t.Errorf("got %+v", sample)
	}
	own := k.New(web.New(Loopback))
	if _, err := own.Value(ctx, p.query); err == nil {
		t.Error("a query does not end with its context")
	}
}
