package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"

	"go.uber.org/zap/zapcore"
	"golang.org/x/sync/errgroup"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"sluice.dev/sluice/config/process"
	"sluice.dev/sluice/internal/provider"
)

// run waits for the API server and then serves, until the context ends.
func run(ctx context.Context, settings process.Settings) error {
	ctrl.SetLogger(zap.New(zap.Level(levelOf(settings.LogLevel))))
	memory, err := limitMemory(os.Getenv("MEMORY_LIMIT"))
	if err != nil {
		return err
	}
	ctrl.Log.WithName("setup").Info("starting", "version", version, "config", settings.Redacted(), "memory-limit-bytes", memory)
	servers, err := providers(settings)
	if err != nil {
		return err
	}
	needed, err := prerequisitesOf(settings)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	// The probes answer from the first moment to the last.
	probing, endProbes := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error { return probe(probing, settings.Probes.BindAddress, needed.ready.check) })
	group.Go(func() error {
		defer endProbes()
		if err := needed.await(ctx); err != nil || ctx.Err() != nil {
			return err
		}
		return serve(ctx, settings, servers, &needed.ready)
	})
	return group.Wait()
}

// serve serves admission until the context ends, and for the shutdown delay after that. It reconciles while this replica has the
// lease.
func serve(ctx context.Context, settings process.Settings, servers *provider.Table, ready *readiness) error {
	serving, err := newServing(settings)
	if err != nil {
		return err
	}
	d := &drain{}
	answers, err := addWebhooks(serving, settings, d)
	if err != nil {
		return err
	}
	ready.follows(answers)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return serving.Start(d.after(ctx, settings.ShutdownDelay.Duration)) })
	group.Go(func() error { keepReconciling(ctx, settings, servers); return nil })
	return group.Wait()
}

func levelOf(name string) zapcore.Level {
	switch name {
	case "debug":
		return zapcore.DebugLevel
	case "error":
		return zapcore.ErrorLevel
	}
	return zapcore.InfoLevel
}

// limitMemory makes the garbage collector work harder once the process uses 90% of the container's memory limit. It changes
// nothing without a limit, or if GOMEMLIMIT is set. It returns the limit that is in force.
func limitMemory(container string) (int64, error) {
	if container == "" || os.Getenv("GOMEMLIMIT") != "" {
		return debug.SetMemoryLimit(-1), nil
	}
	limit, err := strconv.ParseInt(container, 10, 64)
	if err != nil || limit <= 0 {
		return 0, fmt.Errorf("environment variable MEMORY_LIMIT is %q: must be the memory limit of the container in bytes, or unset for no limit", container)
	}
	debug.SetMemoryLimit(limit / 10 * 9)
	return limit / 10 * 9, nil
}
