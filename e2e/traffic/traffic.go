// Package traffic sends requests at a fixed rate and counts the answers by version and status. The loop is open: a slow
// answer does not slow the rate.
package traffic

import (
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"sync"
	"syscall"
	"time"

	"fortio.org/fortio/periodic"
	"fortio.org/log"

	"sluice.dev/sluice/e2e/pressure"
)

// VersionHeader is the header in which the sample application names its version.
const VersionHeader = "X-Version"

// Options describe the requests.
type Options struct {
	// URL is what to request. Its host must be on this machine's loopback address. It may have query parameters.
	URL string
	// Host is the Host header. Default: that of the URL.
	Host string
	// Also has more targets. They are called in turn with URL and Host.
	Also []Target
	// Rate is the number of requests per second, for all targets together.
	Rate float64
	// Header adds headers to requests to every target.
	Header http.Header
	// Users is the number of users who send the requests, in turn, each to all targets before the next. Each has their own cookies
	// and treats them as a browser does, and sends a request when the one before is answered. With 0 no cookies are kept.
	Users int
	// Keep names the response headers that answers keep.
	Keep []string
	// Body makes answers keep the sample application's body.
	Body bool
	// Timeout is the time limit of one request. Default 10 s, and up to 20 s on a machine with fewer than four cores.
	Timeout time.Duration
	// NoKeepAlive opens a connection for each request. By default connections are reused.
	NoKeepAlive bool
}

// Target is something to request.
type Target struct {
	// URL and Host are like those of Options.
	URL, Host string
	// Header adds headers to requests to this target.
	Header http.Header
}

// targets returns everything that is requested, in order.
func (o Options) targets() []Target {
	return append([]Target{{URL: o.URL, Host: o.Host}}, o.Also...)
}

// idleConnections are kept for the next requests. More are closed when idle.
const idleConnections = 256

// defaultTimeout is 10 s, and more on a machine with few cores.
var defaultTimeout = pressure.OnCores(10*time.Second, runtime.NumCPU())

// Run is traffic in progress.
type Run struct {
	// ask sends the request with that number, from 0, and waits for its answer.
	ask     func(ctx context.Context, number int) Answer
	users   []*user
	stop    func()
	ended   chan struct{}
	sending sync.WaitGroup

	mu      sync.Mutex
	sent    int
	answers []Answer
	// underWay has the times of requests without an answer, by number.
	underWay map[int]time.Time
}

// Start starts to send. The traffic ends with the context or with Stop. It refuses options with a rate that is not a positive
// number, a negative timeout or number of users, or a URL that is not http or https on this machine's loopback address.
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
	c := newHTTPClient(options, transport)
	r := &Run{ask: c.ask, users: c.users}
	r.begin(ctx, options.Rate, c.client.CloseIdleConnections)
	return r
}

// begin sends at a rate until the context ends or Stop is called. It calls done when everything has been answered.
func (r *Run) begin(ctx context.Context, rate float64, done func()) {
	r.ended, r.underWay = make(chan struct{}), map[int]time.Time{}
	log.SetLogLevelQuiet(log.Error)
	aborter := periodic.NewAborter()
	runner := periodic.NewPeriodicRunner(&periodic.RunnerOptions{
		QPS: rate, Duration: -1, NumThreads: 1, Stop: aborter, Out: io.Discard,
	})
	runner.Options().Runners[0] = r
	r.stop = sync.OnceFunc(func() { aborter.Abort(true) })
	go func() {
		defer close(r.ended)
		runner.Run()
		r.sending.Wait()
		done()
	}()
	go func() {
		select {
		case <-ctx.Done():
			r.stop()
		case <-r.ended:
		}
	}()
}

func (o Options) check(ctx context.Context) error {
	if err := checkPace(o.Rate, o.Timeout); err != nil {
		return err
	}
	if o.Users < 0 {
		return fmt.Errorf("users %d: must not be negative; 0 means that no cookies are kept", o.Users)
	}
	for _, target := range o.targets() {
		if err := onLoopback(ctx, target.URL); err != nil {
			return err
		}
	}
	return nil
}

func checkPace(rate float64, timeout time.Duration) error {
	if !(rate > 0) || math.IsInf(rate, 0) {
		return fmt.Errorf("rate %g: must be a number of requests per second above 0", rate)
	}
	if timeout < 0 {
		return fmt.Errorf("timeout %s: must not be negative; 0 means %s", timeout, defaultTimeout)
	}
	return nil
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

// dialLoopback checks the address itself, because a name may resolve to a different one later.
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

// Run sends one request and does not wait for its answer, so that the loop stays open. fortio calls it.
func (r *Run) Run(ctx context.Context, _ periodic.ThreadID) (bool, string) {
	r.mu.Lock()
	number := r.sent
	r.sent++
	r.underWay[number] = time.Now()
	r.mu.Unlock()
	r.sending.Go(func() {
		answer := r.ask(context.WithoutCancel(ctx), number)
		answer.Done = time.Now()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.answers = append(r.answers, answer)
		delete(r.underWay, number)
	})
	return true, ""
}

// Stop ends the traffic, waits for the answers in flight and returns the report.
func (r *Run) Stop() Report {
	r.stop()
	<-r.ended
	return r.Report()
}

// Ended is closed when no more requests are sent and all that were sent have been answered or have timed out.
func (r *Run) Ended() <-chan struct{} { return r.ended }

// UnderWay counts the requests sent until a moment that have neither an answer nor been given up.
func (r *Run) UnderWay(until time.Time) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	count := 0
	for _, sent := range r.underWay {
		if !sent.After(until) {
			count++
		}
	}
	return count
}

// Report returns the answers so far, without requests in flight.
func (r *Run) Report() Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Report{Answers: append([]Answer(nil), r.answers...)}
}
