package main

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	ctrlwebhook "sigs.k8s.io/controller-runtime/pkg/webhook"
)

// drain keeps serving admission after the process is told to terminate, until no more requests arrive. Meanwhile the pod is
// removed from the Service, and every answer asks the API server not to reuse the connection. Otherwise a request on a
// connection that closes at the end would fail.
type drain struct {
	begun atomic.Bool
}

// after returns a context that ends the given time after ctx.
func (d *drain) after(ctx context.Context, while time.Duration) context.Context {
	later, done := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() {
		d.begun.Store(true)
		time.AfterFunc(while, done)
	})
	return later
}

// drained is a webhook server whose answers close their connections once the drain has begun.
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
