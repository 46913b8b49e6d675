// Command sample is the application that the end-to-end tests and the demo roll out: an HTTP server that can be told to
// fail, to be slow, to crash and never to get ready.
package main

import (
	"context"
	"fmt"
	"net"
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
	listener, err := net.Listen("tcp", ":"+s.port)
	if err != nil {
		return fmt.Errorf("serve on port %s: %w; PORT sets another one", s.port, err)
	}
	return serve(ctx, newApp(s), listener)
}

// serve answers until the context ends, then drains.
func serve(ctx context.Context, app *app, listener net.Listener) error {
	server := &http.Server{Handler: app.handler(), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	var crash <-chan time.Time
	if app.crashAfter > 0 {
		crash = app.after(app.crashAfter)
	}
	select {
	case err := <-failed:
		return fmt.Errorf("serve on %s: %w", listener.Addr(), err)
	case <-crash:
		return fmt.Errorf("crashing, as CRASH_AFTER=%s says", app.crashAfter)
	case <-ctx.Done():
	}
	return drain(app, server)
}

// drain goes on serving while the withdrawal of the endpoint spreads, then finishes what is under way.
func drain(app *app, server *http.Server) error {
	app.draining.Store(true)
	<-app.after(app.settings.drain)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return fmt.Errorf("finish the requests under way: %w", err)
	}
	return nil
}
