package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	ctrlwebhook "sigs.k8s.io/controller-runtime/pkg/webhook"
)

// handlersOf is a webhook server that keeps the registered handlers.
type handlersOf struct {
	ctrlwebhook.Server
	mux *http.ServeMux
}

func (h handlersOf) Register(path string, handler http.Handler) { h.mux.Handle(path, handler) }

func TestConnectionsAreNotUsedAgainOnceTheProcessIsToldToEnd(t *testing.T) {
	d, mux := &drain{}, http.NewServeMux()
	drained{handlersOf{mux: mux}, d}.Register("/", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	closes := func() bool {
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/", nil))
		return answer.Header().Get("Connection") == "close"
	}
	told, tell := context.WithCancel(t.Context())
	later := d.after(told, 50*time.Millisecond)
	if closes() {
		t.Error("a connection is ended before")
	}
	tell()
	<-later.Done()
	if !closes() {
		t.Error("a connection is used again afterwards")
	}
}
