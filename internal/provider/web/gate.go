package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	// firstWait is how long a server is left alone after one failure. Each further one doubles it, up to longestWait.
	firstWait = time.Second
	// longestWait is also the longest that a server may ask for.
	longestWait = time.Minute
	// mostDoublings keeps the shift within the number.
	mostDoublings = 6
)

// gate leaves a server alone for a while that fails, or that asks for it. So a server that is down, slow, or that counts requests does not
// keep the rounds of others waiting, and gets time to recover.
type gate struct {
	next http.RoundTripper

	mu       sync.Mutex
	failures int
	until    time.Time
	why      string
}

// RoundTrip sends a request if the server is not left alone.
func (g *gate) RoundTrip(request *http.Request) (*http.Response, error) {
	if err := g.shut(time.Now()); err != nil {
		return nil, err
	}
	response, err := g.next.RoundTrip(request)
	if err != nil {
		g.failed(err)
		return nil, err
	}
	if response.StatusCode == http.StatusTooManyRequests || response.StatusCode >= http.StatusInternalServerError {
		g.leave("the server answers "+strconv.Itoa(response.StatusCode)+" "+http.StatusText(response.StatusCode), asked(response.Header, time.Now()))
		return response, nil
	}
	response.Body = &told{response.Body, g}
	return response, nil
}

// shut says why the server is not asked now; nil if it is.
func (g *gate) shut(now time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !now.Before(g.until) {
		return nil
	}
	return fmt.Errorf("%s; the server is asked again at %s", g.why, g.until.UTC().Format(time.TimeOnly+" MST"))
}

// leave leaves the server alone: as long as it asks for, or longer after each failure.
func (g *gate) leave(why string, asked time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	wait := min(max(asked, firstWait<<min(g.failures, mostDoublings)), longestWait)
	g.failures++
	g.why = why
	if until := time.Now().Add(wait); until.After(g.until) {
		g.until = until
	}
}

// failed notes that a request failed. One that was given up before its time says nothing about the server.
func (g *gate) failed(err error) {
	switch {
	case errors.Is(err, context.Canceled):
	case errors.Is(err, context.DeadlineExceeded):
		g.leave("the server did not answer in time", 0)
	default:
		g.leave(err.Error(), 0)
	}
}

// answered notes that a request was answered to its end.
func (g *gate) answered() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.failures = 0
}

// asked is how long a server wants to be left alone: in seconds or until a time, as RFC 9110 has it in section 10.2.3, or by the header of Datadog.
func asked(header http.Header, now time.Time) time.Duration {
	for _, name := range []string{"Retry-After", "X-RateLimit-Reset"} {
		value := header.Get(name)
		if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
			return time.Duration(seconds) * time.Second
		}
		if until, err := http.ParseTime(value); err == nil {
			return max(0, until.Sub(now))
		}
	}
	return 0
}

// told is a body that tells the gate how it ends.
type told struct {
	io.ReadCloser
	gate *gate
}

// Read reads on.
func (t *told) Read(into []byte) (int, error) {
	n, err := t.ReadCloser.Read(into)
	switch {
	case errors.Is(err, io.EOF):
		t.gate.answered()
	case err != nil:
		t.gate.failed(err)
	}
	return n, err
}
