// Package traffic sends requests at a fixed rate and counts the answers by version and status. The loop is open: a slow
// answer does not slow the rate.
package traffic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"sync"
	"syscall"
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
	// NoKeepAlive makes a connection for each request; by default connections are kept and used again.
	NoKeepAlive bool
}

// idleConnections are kept for the next requests; more are closed when they have nothing to do.
const idleConnections = 256

const defaultTimeout = 10 * time.Second

// Run is traffic under way.
type Run struct {
	options Options
	client  *http.Client
	stop    func()
	ended   chan struct{}
	sending sync.WaitGroup

	mu      sync.Mutex
	answers []Answer
}

// Start begins to send. The traffic ends with the context or with Stop. It refuses options with a rate that is no positive
// number, a negative timeout, or a URL that is not http or https on this machine's loopback.
func Start(ctx context.Context, options Options) (*Run, error) {
	if err := options.check(ctx); err != nil {
		return nil, err
	}
	transport := &http.Transport{
		MaxIdleConnsPerHost: idleConnections, DisableKeepAlives: options.NoKeepAlive, DisableCompression: true,
		DialContext: (&net.Dialer{Control: dialLoopback}).DialContext,
	}
	return start(ctx, options, transport), nil
}

func start(ctx context.Context, options Options, transport http.RoundTripper) *Run {
	if options.Timeout == 0 {
		options.Timeout = defaultTimeout
	}
	r := &Run{options: options, ended: make(chan struct{}), client: &http.Client{
		Transport: transport, Timeout: options.Timeout,
		// A redirect is an answer to count; following it would be a second request, maybe to elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	log.SetLogLevelQuiet(log.Error)
	aborter := periodic.NewAborter()
	runner := periodic.NewPeriodicRunner(&periodic.RunnerOptions{
		QPS: options.Rate, Duration: -1, NumThreads: 1, Stop: aborter, Out: io.Discard,
	})
	runner.Options().Runners[0] = r
	r.stop = sync.OnceFunc(func() { aborter.Abort(true) })
	go func() {
		defer close(r.ended)
		runner.Run()
		r.sending.Wait()
		r.client.CloseIdleConnections()
	}()
	go func() {
		select {
		case <-ctx.Done():
			r.stop()
		case <-r.ended:
		}
	}()
	return r
}

func (o Options) check(ctx context.Context) error {
	if !(o.Rate > 0) || math.IsInf(o.Rate, 0) {
		return fmt.Errorf("rate %g: must be a number of requests per second above 0", o.Rate)
	}
	if o.Timeout < 0 {
		return fmt.Errorf("timeout %s: must not be negative; 0 means %s", o.Timeout, defaultTimeout)
	}
	return onLoopback(ctx, o.URL)
}

// onLoopback keeps the load on this machine.
func onLoopback(ctx context.Context, address string) error {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Hostname() == "" || (parsed.Scheme != "http" && parsed.Scheme != "https") {
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

// dialLoopback looks at the address itself: a name may resolve to another one than it did at the start.
func dialLoopback(_, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("%s: must be on this machine's loopback", address)
	}
	return nil
}

// Run sends one request and does not wait for its answer, so that the loop stays open; fortio calls it.
func (r *Run) Run(ctx context.Context, _ periodic.ThreadID) (bool, string) {
	r.sending.Go(func() {
		answer := r.ask(context.WithoutCancel(ctx))
		answer.Done = time.Now()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.answers = append(r.answers, answer)
	})
	return true, ""
}

func (r *Run) ask(ctx context.Context) Answer {
	answer := Answer{Sent: time.Now()}
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
	answer.Status, answer.Version = response.StatusCode, response.Header.Get(VersionHeader)
	_, err = io.Copy(io.Discard, response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		answer.Err = fmt.Sprintf("read the body: %s", err)
	}
	return answer
}

// Stop ends the traffic, waits for the answers that are under way and returns the report.
func (r *Run) Stop() Report {
	r.stop()
	<-r.ended
	return r.Report()
}

// Ended is closed when no more requests are sent and all that were sent have been answered or have timed out.
func (r *Run) Ended() <-chan struct{} { return r.ended }

// Report is what has been answered until now; requests under way are not in it.
func (r *Run) Report() Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Report{Answers: append([]Answer(nil), r.answers...)}
}
