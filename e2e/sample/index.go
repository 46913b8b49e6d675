package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"sluice.dev/sluice/e2e/sample/answer"
)

// upstreamLimit is the time limit of a call to the application behind this one.
const upstreamLimit = 10 * time.Second

// longestAnswer is how much of its answer is read.
const longestAnswer = 1 << 20

// index returns who answers and the request. With UPSTREAM, it adds the answer of the application behind this one.
func (a *app) index(w http.ResponseWriter, r *http.Request) {
	said := a.answerTo(r.Header)
	if a.upstream != "" {
		var err error
		if said.Upstream, err = a.askUpstream(r.Context(), r.Header); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(said)
}

func (a *app) answerTo(header http.Header) *answer.Answer {
	pod, _ := os.Hostname()
	said := &answer.Answer{Version: a.version, Pod: pod, Headers: map[string]string{}, Cookies: map[string]string{}}
	for name, values := range header {
		if lower := strings.ToLower(name); lower == "cookie" || strings.HasPrefix(lower, "x-") {
			said.Headers[lower] = strings.Join(values, ", ")
		}
	}
	for _, cookie := range (&http.Request{Header: header}).Cookies() {
		said.Cookies[cookie.Name] = cookie.Value
	}
	return said
}

// askUpstream forwards the headers that FORWARD names.
func (a *app) askUpstream(ctx context.Context, header http.Header) (*answer.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, upstreamLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.upstream, nil)
	if err != nil {
		return nil, fmt.Errorf("ask UPSTREAM=%s: %w", a.upstream, err)
	}
	request.Host = a.upstreamHost
	for _, name := range a.forward {
		for _, value := range header.Values(name) {
			request.Header.Add(name, value)
		}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask UPSTREAM=%s: %w", a.upstream, err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("UPSTREAM=%s answers %s", a.upstream, response.Status)
	}
	var said answer.Answer
	if err := json.NewDecoder(http.MaxBytesReader(nil, response.Body, longestAnswer)).Decode(&said); err != nil {
		return nil, fmt.Errorf("read the answer of UPSTREAM=%s: %w", a.upstream, err)
	}
	return &said, nil
}
