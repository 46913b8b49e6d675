package counters

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// pod counts its own requests, as an app does.
type pod struct {
	name    string
	address string
	native  bool
	created time.Time

	// life is what the pod has counted since it was started.
	life atomic.Pointer[life]
	// down means that the pod does not answer scrapes.
	down atomic.Bool
}

type life struct {
	requests  *prometheus.CounterVec
	durations prometheus.Histogram
	handler   http.Handler
}

// slow is the bound of the histograms that tests look at, in seconds.
const slow = 0.25

func newPod(t *testing.T, name string, native bool) *pod {
	t.Helper()
	p := &pod{name: name, native: native, created: time.Now()}
	p.start()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.down.Load() {
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		p.life.Load().handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	p.address = strings.TrimPrefix(server.URL, "http://")
	return p
}

// start begins with all counters at zero.
func (p *pod) start() {
	registry := prometheus.NewRegistry()
	options := prometheus.HistogramOpts{Name: "http_request_duration_seconds", Buckets: []float64{0.1, slow, 1}}
	if p.native {
		options.Buckets, options.NativeHistogramBucketFactor = nil, 1.1
	}
	l := &life{requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "http_requests_total"}, []string{"code"}), durations: prometheus.NewHistogram(options)}
	registry.MustRegister(l.requests, l.durations)
	l.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	p.life.Store(l)
}

// answer answers requests with a code after a time in seconds.
func (p *pod) answer(code string, seconds float64, times int) {
	l := p.life.Load()
	for range times {
		l.requests.WithLabelValues(code).Inc()
		l.durations.Observe(seconds)
	}
}

// served is what a version really answered.
type served struct{ requests, errors, slower float64 }

// ledger has what both versions really answered.
type ledger struct {
	sync.Mutex
	canary, primary served
}

// serve lets a pod answer good and slow failed requests, and writes them down before they can be scraped.
func (l *ledger) serve(p *pod, good, failed int) {
	l.Lock()
	defer l.Unlock()
	of := &l.primary
	if strings.HasPrefix(p.name, "podinfo-canary-") {
		of = &l.canary
	}
	of.requests += float64(good + failed)
	of.errors += float64(failed)
	of.slower += float64(failed)
	p.answer("200", 0.2, good)
	p.answer("503", 3, failed)
}

// read returns what was answered so far.
func (l *ledger) read() (canary, primary served) {
	l.Lock()
	defer l.Unlock()
	return l.canary, l.primary
}
