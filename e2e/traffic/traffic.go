// Package traffic sends requests at a fixed rate and counts the answers by version and status. The loop is open: a slow
// answer does not slow the rate.
package traffic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"fortio.org/fortio/periodic"
	"fortio.org/log"
)

// VersionHeader is where the sample application says its version.
const VersionHeader = "X-Version"

// Options are what to send.
type Options struct {
	// URL to ask; its host must be on this machine's loopback.
	URL string
	// Host is the Host header; empty for that of the URL.
	Host string
	// Rate is the number of requests per second.
	Rate float64
	// Header are further headers.
	Header http.Header
	// Timeout of one request; 10 s when 0.
	Timeout time.Duration
}

// workers wait for answers at the same time: the rate holds as long as not all of them do.
const workers = 64

const defaultTimeout = 10 * time.Second

// Run is traffic under way.
type Run struct {
	options Options
	client  *http.Client
	stop    func()
	ended   chan struct{}

	mu      sync.Mutex
	answers []Answer
}

// Start begins to send. The traffic ends with the context or with Stop.
func Start(ctx context.Context, options Options) (*Run, error) {
	if err := onLoopback(ctx, options.URL); err != nil {
		return nil, err
	}
	if options.Rate <= 0 {
		return nil, fmt.Errorf("rate %g: must be more than 0 requests per second", options.Rate)
	}
	if options.Timeout == 0 {
		options.Timeout = defaultTimeout
	}
	transport := &http.Transport{MaxIdleConnsPerHost: workers, DialContext: (&net.Dialer{}).DialContext}
	r := &Run{options: options, client: &http.Client{Transport: transport, Timeout: options.Timeout}, ended: make(chan struct{})}
	log.SetLogLevelQuiet(log.Error)
	aborter := periodic.NewAborter()
	runner := periodic.NewPeriodicRunner(&periodic.RunnerOptions{
		QPS: options.Rate, Duration: -1, NumThreads: workers, Stop: aborter, Out: io.Discard, Uniform: true, NoCatchUp: false,
	})
	senders := runner.Options().Runners
	for i := range senders {
		senders[i] = r
	}
	r.stop = sync.OnceFunc(func() { aborter.Abort(true) })
	go func() {
		defer close(r.ended)
		runner.Run()
	}()
	go func() {
		select {
		case <-ctx.Done():
			r.stop()
		case <-r.ended:
		}
	}()
	return r, nil
}

// onLoopback keeps the load on this machine.
func onLoopback(ctx context.Context, address string) error {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Hostname() == "" {
		return fmt.Errorf("URL %q: must be such as http://127.0.0.1:8080/", address)
	}
	addresses, err := net.DefaultResolver.LookupIPAddr(ctx, parsed.Hostname())
	if err != nil {
		return fmt.Errorf("URL %q: %w", address, err)
	}
	for _, a := range addresses {
		if !a.IP.IsLoopback() {
			return fmt.Errorf("URL %q: must be on this machine's loopback, %s is not", address, a.IP)
		}
	}
	return nil
}

// Run sends one request; fortio calls it.
func (r *Run) Run(ctx context.Context, _ periodic.ThreadID) (bool, string) {
	answer := r.ask(context.WithoutCancel(ctx))
	r.mu.Lock()
	r.answers = append(r.answers, answer)
	r.mu.Unlock()
	return !answer.Failed(), ""
}

func (r *Run) ask(ctx context.Context) Answer {
	answer := Answer{Sent: time.Now()}
	defer func() { answer.Done = time.Now() }()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.options.URL, nil)
	if err != nil {
		answer.Err = err.Error()
		return answer
	}
	request.Host = r.options.Host
	for key, values := range r.options.Header {
		request.Header[key] = values
	}
	response, err := r.client.Do(request)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err
		}
		answer.Err = err.Error()
		return answer
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	answer.Status, answer.Version = response.StatusCode, response.Header.Get(VersionHeader)
	answer.Done = time.Now()
	return answer
}

// Stop ends the traffic, waits for the answers that are under way and returns the report.
func (r *Run) Stop() Report {
	r.stop()
	<-r.ended
	return r.Report()
}

// Ended is closed when no more requests are sent.
func (r *Run) Ended() <-chan struct{} { return r.ended }

// Report counts what has been answered until now.
func (r *Run) Report() Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Report{Answers: append([]Answer(nil), r.answers...)}
}
