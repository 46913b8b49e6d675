// Command sample is the application that the end-to-end tests and the demo roll out: an HTTP server that can be told to
// fail, to be slow, to crash and never to get ready.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run() error {
	s, err := settingsFrom(os.Getenv)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	app := newApp(s)
	server := &http.Server{Addr: ":" + s.port, Handler: app.handler(), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve on port %s: %w", s.port, err)
	case <-after(s.crashAfter):
		return errors.New("crashing, as CRASH_AFTER says")
	case <-ctx.Done():
	}
	return drain(app, server, s.drain)
}

// after never comes for 0.
func after(d time.Duration) <-chan time.Time {
	if d == 0 {
		return nil
	}
	return time.After(d)
}

// drain goes on serving while the withdrawal of the endpoint spreads, then finishes what is under way.
func drain(app *app, server *http.Server, d time.Duration) error {
	app.draining.Store(true)
	<-time.After(d)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return server.Shutdown(ctx)
}
