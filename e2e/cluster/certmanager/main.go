// Command cert-manager runs the controllers of cert-manager that self-signed and CA issuers need, and its cainjector, in one
// process. cert-manager's own programs are in nested modules that no module can require.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/cert-manager/cert-manager/pkg/logs"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/manager"
)

// probeAddress is where /readyz is served.
const probeAddress = ":8081"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	logs.InitLogs()
	ctrl.SetLogger(logs.Log)
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// run ends when any part of it ends. The pod is then restarted.
func run(ctx context.Context) error {
	injector, err := newInjector(ctx)
	if err != nil {
		return err
	}
	started := &atomic.Bool{}
	if err := injector.AddReadyzCheck("controllers", func(*http.Request) error {
		if !started.Load() {
			return errors.New("the controllers have not read the cluster yet")
		}
		return nil
	}); err != nil {
		return fmt.Errorf("add /readyz: %w", err)
	}
	if err := injector.Add(manager.RunnableFunc(func(ctx context.Context) error { return runControllers(ctx, started) })); err != nil {
		return fmt.Errorf("add the controllers of certificates: %w", err)
	}
	return injector.Start(ctx)
}
