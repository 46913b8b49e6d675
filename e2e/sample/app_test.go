package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func get(t *testing.T, handler http.Handler, path string) (int, string, http.Header) {
	t.Helper()
	response := httptest.NewRecorder()
	handler.ServeHTTP(response, httptest.NewRequest(http.MethodGet, path, nil))
	body, _ := io.ReadAll(response.Body)
	return response.Code, string(body), response.Header()
}

func TestRoutes(t *testing.T) {
	handler := newApp(settings{version: "v7"}).handler()
	for path, want := range map[string]int{
		"/": 200, "/anything/else": 200, "/healthz": 200, "/metrics": 200, "/status/503": 503, "/status/201": 201,
		"/status/abc": 400, "/status/99": 400, "/delay/0.01": 200, "/delay/-1": 400, "/delay/NaN": 400,
	} {
		code, _, header := get(t, handler, path)
		if code != want || header.Get("X-Version") != "v7" {
			t.Errorf("%s answers %d %v, not %d by v7", path, code, header, want)
		}
	}
	_, metrics, _ := get(t, handler, "/metrics")
	for _, line := range []string{
		`http_requests_total{code="503",method="GET",path="/status/{code}"} 1`,
		`http_requests_total{code="200",method="GET",path="/"} 2`,
		`http_request_duration_seconds_bucket{code="200",method="GET",le="0.005"}`,
	} {
		if !strings.Contains(metrics, line) {
			t.Errorf("the metrics lack %s", line)
		}
	}
}

func TestAGateInPlaceOfTheApplication(t *testing.T) {
	handler := newApp(settings{version: "v1", gate: true}).handler()
	for path, want := range map[string]int{"/healthz": 200, "/metrics": 200, "/seen": 200, "/": 404, "/status/200": 404} {
		if code, _, _ := get(t, handler, path); code != want {
			t.Errorf("%s answers %d, not %d", path, code, want)
		}
	}
	for _, want := range []int{403, 200} {
		response := httptest.NewRecorder()
		handler.ServeHTTP(response, httptest.NewRequest(http.MethodPost, "/approval/check", strings.NewReader("{}")))
		if response.Code != want {
			t.Errorf("the gate answers %d, not %d", response.Code, want)
		}
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/approval/open", nil))
	}
}

func TestErrorRateSparesHealthAndMetrics(t *testing.T) {
	handler := newApp(settings{errorRate: 1}).handler()
	for path, want := range map[string]int{"/": 500, "/status/200": 500, "/healthz": 200, "/metrics": 200} {
		if code, _, _ := get(t, handler, path); code != want {
			t.Errorf("%s answers %d, not %d", path, code, want)
		}
	}
}

func TestReadiness(t *testing.T) {
	draining := newApp(settings{})
	draining.draining.Store(true)
	for name, c := range map[string]struct {
		app  *app
		want int
	}{
		"at once":           {newApp(settings{}), 200},
		"never":             {newApp(settings{neverReady: true}), 503},
		"after a while":     {newApp(settings{readyAfter: time.Hour}), 503},
		"not while it ends": {draining, 503},
	} {
		if code, _, _ := get(t, c.app.handler(), "/healthz"); code != c.want {
			t.Errorf("%s: answers %d, not %d", name, code, c.want)
		}
	}
}

func TestSettings(t *testing.T) {
	defaults := settings{version: "dev", port: "8080", drain: 12 * time.Second, forward: []string{"X-Sluice-Canary"}}
	for name, c := range map[string]struct {
		env  map[string]string
		want settings
	}{
		"nothing set has the defaults": {nil, defaults},
		"everything set": {map[string]string{
			"VERSION": "v2", "PORT": "9000", "ERROR_RATE": "0.5", "READY": "false", "LATENCY": "250ms", "DRAIN": "0s",
			"CRASH_AFTER": "1m", "READY_AFTER": "2s", "GRPC_PORT": "9001", "WORKER": "1", "GATE": "true",
			"UPSTREAM": "http://gateway.gateway-system", "UPSTREAM_HOST": "secondary.example.com", "FORWARD": "x-user, cookie",
		}, settings{version: "v2", port: "9000", errorRate: 0.5, neverReady: true, latency: 250 * time.Millisecond, crashAfter: time.Minute, readyAfter: 2 * time.Second,
			grpcPort: "9001", worker: true, gate: true, upstream: "http://gateway.gateway-system", upstreamHost: "secondary.example.com",
			forward: []string{"X-Sluice-Canary", "x-user", "cookie"}}},
		"ready said plainly": {map[string]string{"READY": "true"}, defaults},
	} {
		got, err := settingsFrom(func(key string) string { return c.env[key] })
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v and %v, not %+v", name, got, err, c.want)
		}
	}
}

func TestBadSettingsAreAllNamed(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"an error rate above 1":           {"ERROR_RATE": "2"},
		"an error rate below 0":           {"ERROR_RATE": "-0.1"},
		"an error rate that is no number": {"ERROR_RATE": "NaN"},
		"a port that is a word":           {"PORT": "x"},
		"a port too high":                 {"PORT": "65536"},
		"a duration without a unit":       {"LATENCY": "5"},
		"a readiness that is no bool":     {"READY": "maybe"},
		"a negative duration":             {"DRAIN": "-1s"},
		"a gRPC port that is a word":      {"GRPC_PORT": "x"},
		"a worker that is no bool":        {"WORKER": "yes"},
		"an upstream that is no URL":      {"UPSTREAM": "secondary"},
		"an upstream without plain HTTP":  {"UPSTREAM": "https://secondary"},
		"a header without a name":         {"FORWARD": "x-user,,cookie"},
		"a gate that is no bool":          {"GATE": "open"},
		"several at once":                 {"CRASH_AFTER": "soon", "READY_AFTER": "later"},
	} {
		_, err := settingsFrom(func(key string) string { return env[key] })
		for key, value := range env {
			if want := fmt.Sprintf("%s=%q: must be", key, value); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, not %s", name, err, want)
			}
		}
	}
}

func TestLatencyIsAddedToAppRequestsOnly(t *testing.T) {
	a := newApp(settings{latency: time.Minute})
	var waited []time.Duration
	a.after = func(d time.Duration) <-chan time.Time {
		waited = append(waited, d)
		return past()
	}
	for _, path := range []string{"/healthz", "/metrics", "/", "/status/204", "/delay/0.5", "/delay/1e300"} {
		get(t, a.handler(), path)
	}
	want := []time.Duration{time.Minute, time.Minute, time.Minute, 500 * time.Millisecond, time.Minute, longestDelay}
	if !slices.Equal(waited, want) {
		t.Errorf("waited %v, not %v", waited, want)
	}
}

// past returns a timer that has ended.
func past() <-chan time.Time {
	ended := make(chan time.Time)
	close(ended)
	return ended
}

func TestAClientThatLeavesIsNoSuccess(t *testing.T) {
	for name, c := range map[string]struct {
		latency time.Duration
		path    string
		series  string
	}{
		"during the latency": {time.Hour, "/", "/"},
		"during a delay":     {0, "/delay/30", "/delay/{seconds}"},
	} {
		handler := newApp(settings{latency: c.latency}).handler()
		ctx, leave := context.WithCancel(t.Context())
		leave()
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, c.path, nil).WithContext(ctx))
		_, metrics, _ := get(t, handler, "/metrics")
		if line := `http_requests_total{code="499",method="GET",path="` + c.series + `"} 1`; !strings.Contains(metrics, line) {
			t.Errorf("%s: the metrics lack %s", name, line)
		}
	}
}

func TestMethodsAreBounded(t *testing.T) {
	handler := newApp(settings{}).handler()
	for _, method := range []string{"BREW", "WHEN", http.MethodPost} {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, "/", nil))
	}
	_, metrics, _ := get(t, handler, "/metrics")
	for _, line := range []string{`{code="200",method="other",path="/"} 2`, `{code="200",method="POST",path="/"} 1`} {
		if !strings.Contains(metrics, line) {
			t.Errorf("the metrics lack %s", line)
		}
	}
}

func TestAShareOfErrors(t *testing.T) {
	handler := newApp(settings{errorRate: 0.5}).handler()
	failed := 0
	for range 2000 {
		if code, _, _ := get(t, handler, "/"); code == http.StatusInternalServerError {
			failed++
		}
	}
	// Nine standard deviations to either side.
	if failed < 800 || failed > 1200 {
		t.Errorf("%d of 2000 requests failed, half was asked for", failed)
	}
}
