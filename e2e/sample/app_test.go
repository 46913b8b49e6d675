package main

import (
	"io"
	"net/http"
	"net/http/httptest"
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
	for name, value := range map[string]string{"ERROR_RATE": "2", "PORT": "x", "LATENCY": "5", "READY": "maybe", "DRAIN": "-1s"} {
		_, err := settingsFrom(func(key string) string {
			if key == name {
				return value
			}
			return ""
		})
		if err == nil || !strings.HasPrefix(err.Error(), name+"=") || !strings.Contains(err.Error(), "must be") {
			t.Errorf("%s=%s: got %v", name, value, err)
		}
	}
}
