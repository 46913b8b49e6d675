package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestProbesSayWhyNot(t *testing.T) {
	problem := errors.New("the webhooks wait for their certificate")
	handler := probes(":0", func(*http.Request) error { return problem }).Server.Handler
	get := func(path string) (int, string) {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
		return recorder.Code, recorder.Body.String()
	}
	if code, body := get("/readyz"); code == http.StatusOK || !strings.Contains(body, problem.Error()) {
		t.Errorf("/readyz answers %d: %s", code, body)
	}
	if code, body := get("/healthz"); code != http.StatusOK {
		t.Errorf("/healthz answers %d: %s", code, body)
	}
	problem = nil
	if code, body := get("/readyz"); code != http.StatusOK {
		t.Errorf("/readyz answers %d: %s", code, body)
	}
}
