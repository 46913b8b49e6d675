package main

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"sluice.dev/sluice/e2e/gate"
)

// longestDelay limits /delay.
const longestDelay = 60 * time.Second

// clientGone is the status that is counted if the client left before the answer. nginx introduced it.
const clientGone = 499

type app struct {
	settings
	// after is time.After, which tests replace.
	after    func(time.Duration) <-chan time.Time
	started  time.Time
	draining atomic.Bool
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	jobs     *prometheus.CounterVec
}

func newApp(s settings) *app {
	a := &app{
		settings: s,
		after:    time.After,
		started:  time.Now(),
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_requests_total", Help: "Requests by status, method and route.",
		}, []string{"code", "method", "path"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_request_duration_seconds", Help: "Durations of requests by status and method.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"code", "method"}),
		jobs: newJobs(),
	}
	if s.worker {
		a.registry.MustRegister(a.jobs)
	} else {
		a.registry.MustRegister(a.requests, a.duration)
	}
	return a
}

func (a *app) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", a.health)
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.registry, promhttp.HandlerOpts{}))
	switch {
	case a.gate:
		mux.Handle("/", gate.New().Handler())
	case !a.worker:
		mux.Handle("/status/{code}", a.observed("/status/{code}", a.status))
		mux.Handle("/delay/{seconds}", a.observed("/delay/{seconds}", a.delay))
		mux.Handle("/", a.observed("/", a.index))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Version", a.version)
		mux.ServeHTTP(w, r)
	})
}

func (a *app) ready() bool {
	return !a.neverReady && !a.draining.Load() && time.Since(a.started) >= a.readyAfter
}

func (a *app) health(w http.ResponseWriter, _ *http.Request) {
	if !a.ready() {
		http.Error(w, "not ready", http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ok\n"))
}

type statusWriter struct {
	http.ResponseWriter
	code int
}

func (w *statusWriter) WriteHeader(code int) {
	w.code = code
	w.ResponseWriter.WriteHeader(code)
}

// methods have their own series. All others share one, because a client may send any word.
var methods = map[string]bool{
	http.MethodGet: true, http.MethodHead: true, http.MethodPost: true, http.MethodPut: true, http.MethodPatch: true,
	http.MethodDelete: true, http.MethodOptions: true, http.MethodConnect: true, http.MethodTrace: true,
}

func methodLabel(method string) string {
	if methods[method] {
		return method
	}
	return "other"
}

// observed counts requests, and lets the share of ERROR_RATE fail after LATENCY.
func (a *app) observed(pattern string, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(response http.ResponseWriter, r *http.Request) {
		began := time.Now()
		w := &statusWriter{ResponseWriter: response, code: http.StatusOK}
		defer func() {
			code, method := strconv.Itoa(w.code), methodLabel(r.Method)
			a.requests.WithLabelValues(code, method, pattern).Inc()
			a.duration.WithLabelValues(code, method).Observe(time.Since(began).Seconds())
		}()
		if !a.wait(r.Context(), a.latency) {
			w.code = clientGone
			return
		}
		if rand.Float64() < a.errorRate {
			http.Error(w, "failing, as ERROR_RATE says", http.StatusInternalServerError)
			return
		}
		next(w, r)
	})
}

// wait returns false if the client has left before.
func (a *app) wait(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		return true
	}
	select {
	case <-ctx.Done():
		return false
	case <-a.after(d):
		return true
	}
}

func (a *app) status(w http.ResponseWriter, r *http.Request) {
	code, err := strconv.Atoi(r.PathValue("code"))
	if err != nil || code < 200 || code > 599 {
		http.Error(w, "the status must be from 200 to 599", http.StatusBadRequest)
		return
	}
	w.WriteHeader(code)
}

func (a *app) delay(w http.ResponseWriter, r *http.Request) {
	seconds, err := strconv.ParseFloat(r.PathValue("seconds"), 64)
	if err != nil || !(seconds >= 0) {
		http.Error(w, "the delay must be a number of seconds", http.StatusBadRequest)
		return
	}
	if !a.wait(r.Context(), delayOf(seconds)) {
		w.WriteHeader(clientGone)
		return
	}
	a.index(w, r)
}

// delayOf limits the number before it converts it, because a number too large for a duration is a long delay too.
func delayOf(seconds float64) time.Duration {
	return time.Duration(min(seconds, longestDelay.Seconds()) * float64(time.Second))
}
