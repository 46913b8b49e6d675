package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice.dev/sluice/e2e/sample/answer"
)

// ask sends a request with headers and reads the answer.
func ask(t *testing.T, handler http.Handler, header map[string]string) (int, answer.Answer) {
	t.Helper()
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response := httptest.NewRecorder()
	handler.ServeHTTP(response, request)
	var said answer.Answer
	if response.Code == http.StatusOK {
		if err := json.Unmarshal(response.Body.Bytes(), &said); err != nil {
			t.Fatal(err)
		}
	}
	said.Pod = ""
	return response.Code, said
}

func TestItEchoesHeadersAndCookies(t *testing.T) {
	_, got := ask(t, newApp(settings{version: "v1"}).handler(), map[string]string{
		"X-Sluice-Canary": "main", "Cookie": "session=a; theme=dark", "Accept": "text/plain"})
	want := answer.Answer{
		Version: "v1", Headers: map[string]string{"x-sluice-canary": "main", "cookie": "session=a; theme=dark"},
		Cookies: map[string]string{"session": "a", "theme": "dark"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestItAsksTheApplicationBehindIt(t *testing.T) {
	behind := newApp(settings{version: "v2"}).handler()
	var host string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host = r.Host
		behind.ServeHTTP(w, r)
	}))
	defer server.Close()
	front := newApp(settings{version: "v1", upstream: server.URL, upstreamHost: "secondary.example.com", forward: []string{cohortHeader, "x-user"}})
	_, got := ask(t, front.handler(), map[string]string{"X-Sluice-Canary": "main", "X-User": "7", "X-Other": "no"})
	if chain := got.Chain(); !slices.Equal(chain, []string{"v1", "v2"}) || host != "secondary.example.com" {
		t.Errorf("%v answered, the last as %s", chain, host)
	}
	if diff := cmp.Diff(map[string]string{"x-sluice-canary": "main", "x-user": "7"}, got.Upstream.Headers); diff != "" {
		t.Error(diff)
	}
}

func TestAnApplicationBehindItThatFailsIsABadGateway(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"it answers an error":       func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusInternalServerError) },
		"it answers something else": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
	} {
		server := httptest.NewServer(handler)
		front := newApp(settings{upstream: server.URL}).handler()
		response := httptest.NewRecorder()
		front.ServeHTTP(response, httptest.NewRequest(http.MethodGet, "/", nil))
		if response.Code != http.StatusBadGateway || !strings.Contains(response.Body.String(), "UPSTREAM="+server.URL) {
			t.Errorf("%s: got %d %s", name, response.Code, response.Body)
		}
		server.Close()
		if code, _, _ := get(t, front, "/"); code != http.StatusBadGateway {
			t.Errorf("nobody is there: got %d", code)
		}
	}
}
