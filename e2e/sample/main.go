// Command sample is the application that the end-to-end tests and the demo roll out: an HTTP and gRPC server, or a worker
// without requests. It can be told to fail, to be slow, to crash and never to become ready.
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

	"google.golang.org/grpc"
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
	listener, err := listen("PORT", s.port)
	if err != nil {
		return err
	}
	var grpcListener net.Listener
	if s.grpcPort != "" {
		if grpcListener, err = listen("GRPC_PORT", s.grpcPort); err != nil {
			return err
		}
	}
	return serve(ctx, newApp(s), listener, grpcListener)
}

func listen(setting, port string) (net.Listener, error) {
	listener, err := net.Listen("tcp", ":"+port)
	if err != nil {
		return nil, fmt.Errorf("serve on port %s: %w; %s sets another one", port, err, setting)
	}
	return listener, nil
}

// serve answers until the context ends, then drains. Without a listener for gRPC, it serves none.
func serve(ctx context.Context, app *app, listener, grpcListener net.Listener) error {
	server := &http.Server{Handler: app.handler(), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 2)
	go func() { failed <- fmt.Errorf("serve on %s: %w", listener.Addr(), server.Serve(listener)) }()
	calls := app.grpcServer()
	if grpcListener != nil {
		go func() { failed <- fmt.Errorf("serve gRPC on %s: %w", grpcListener.Addr(), calls.Serve(grpcListener)) }()
	}
	if app.worker {
		go app.work(ctx)
	}
	var crash <-chan time.Time
	if app.crashAfter > 0 {
		crash = app.after(app.crashAfter)
	}
	select {
	case err := <-failed:
		return err
	case <-crash:
		return fmt.Errorf("crashing, as CRASH_AFTER=%s says", app.crashAfter)
	case <-ctx.Done():
	}
	return drain(app, server, calls)
}

// drain serves until the endpoint's removal has spread, then completes the requests in flight.
func drain(app *app, server *http.Server, calls *grpc.Server) error {
	app.draining.Store(true)
	<-app.after(app.settings.drain)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	defer context.AfterFunc(ctx, calls.Stop)()
	calls.GracefulStop()
	if err := server.Shutdown(ctx); err != nil {
		return fmt.Errorf("finish the requests under way: %w", err)
	}
	return nil
}
