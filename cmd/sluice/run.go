package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"

	"go.uber.org/zap/zapcore"
	"k8s.io/apimachinery/pkg/api/meta"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config/process"
	"sluice.dev/sluice/internal/hooks"
	"sluice.dev/sluice/internal/reconciler"
	"sluice.dev/sluice/rollout/observed"
)

func run(ctx context.Context, settings process.Settings) error {
	ctrl.SetLogger(zap.New(zap.Level(levelOf(settings.LogLevel))))
	memory, err := limitMemory(os.Getenv("MEMORY_LIMIT"))
	if err != nil {
		return err
	}
	ctrl.Log.WithName("setup").Info("starting", "version", version, "config", settings.Redacted(), "memory-limit-bytes", memory)
	manager, err := newManager(settings)
	if err != nil {
		return err
	}
	if err := needGatewayAPI(manager); err != nil {
		return err
	}
	if err := needOwnFields(ctx, manager); err != nil {
		return err
	}
	servers, err := providers(settings)
	if err != nil {
		return err
	}
	if err := reconciler.Setup(manager, reconciler.Options{
		Query: servers.Query, Prometheus: settings.PrometheusURL != "", Hook: hooks.New().Call, Metrics: metrics.Registry,
		NoCrossNamespaceRefs: settings.NoCrossNamespaceRefs, CrossNamespaceGrants: settings.CrossNamespaceGrants, Namespaces: settings.WatchNamespaces, DryRun: settings.DryRun,
		Limits: observed.Limits{Cluster: settings.MaxConcurrent.Cluster, Namespace: settings.MaxConcurrent.Namespace},
	}); err != nil {
		return fmt.Errorf("set up the reconciler: %w", err)
	}
	d := &drain{}
	if err := addWebhooks(manager, settings, d); err != nil {
		return err
	}
	return manager.Start(d.after(ctx, settings.ShutdownDelay.Duration))
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

// needGatewayAPI fails early, and says what to do, if the cluster lacks a type that Sluice depends on.
func needGatewayAPI(manager ctrl.Manager) error {
	for _, object := range []client.Object{&gatewayv1.HTTPRoute{}, &v1alpha1.Canary{}, &v1alpha1.CanaryPolicy{}, &v1alpha1.ClusterCanaryPolicy{}, &v1alpha1.Freeze{}} {
		kinds, _, err := manager.GetScheme().ObjectKinds(object)
		if err != nil {
			return fmt.Errorf("look up %T: %w", object, err)
		}
		if _, err := manager.GetRESTMapper().RESTMapping(kinds[0].GroupKind(), kinds[0].Version); meta.IsNoMatchError(err) {
			return fmt.Errorf("the cluster does not serve %s: install the CRDs of the Gateway API (standard channel, v1) and those of Sluice, which are in the chart", kinds[0])
		} else if err != nil {
			return fmt.Errorf("look up %s: %w", kinds[0], err)
		}
	}
	return nil
}
