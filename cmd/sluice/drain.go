package main

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	ctrlwebhook "sigs.k8s.io/controller-runtime/pkg/webhook"
)

// drain lets admission go on for a while after the process was told to end, until nobody sends requests any more: the pod
// is taken out of the Service meanwhile, and every answer asks the API server not to use the connection again. A request on
// a connection that is closed at the end would fail.
type drain struct {
	begun atomic.Bool
}

// after is done a while after the context is.
func (d *drain) after(ctx context.Context, while time.Duration) context.Context {
	later, done := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() {
		d.begun.Store(true)
		time.AfterFunc(while, done)
	})
	return later
}

// drained is a webhook server whose answers end their connections once the drain has begun.
type drained struct {
	ctrlwebhook.Server
	drain *drain
}

// Register adds a handler.
func (s drained) Register(path string, handler http.Handler) {
	s.Server.Register(path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.drain.begun.Load() {
			w.Header().Set("Connection", "close")
		}
		handler.ServeHTTP(w, r)
	}))
}
