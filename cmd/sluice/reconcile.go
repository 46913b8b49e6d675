package main

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"sluice.dev/sluice/certs"
	"sluice.dev/sluice/config/process"
	"sluice.dev/sluice/internal/hooks"
	"sluice.dev/sluice/internal/provider"
	"sluice.dev/sluice/internal/reconciler"
	"sluice.dev/sluice/rollout/observed"
)

// reconcilePause is the time between the end of a manager that reconciled and the start of the next.
const reconcilePause = time.Second

// keepReconciling reconciles whenever this replica has the lease, until the context ends. What ends a manager, such as a lost
// lease, does not end the process, because admission depends on it.
func keepReconciling(ctx context.Context, settings process.Settings, servers *provider.Table) {
	for {
		err := reconcile(ctx, settings, servers)
		if ctx.Err() != nil {
			return
		}
		ctrl.Log.WithName("reconcile").Error(err, "this replica has stopped reconciling and tries to take the lease again; it still serves admission")
		select {
		case <-ctx.Done():
			return
		case <-time.After(reconcilePause):
		}
	}
}

// reconcile waits for the lease and reconciles until it is lost or the context ends.
func reconcile(ctx context.Context, settings process.Settings, servers *provider.Table) error {
	manager, err := newReconciling(settings)
	if err != nil {
		return err
	}
	if err := certs.Rotate(manager, certOptions(settings)); err != nil {
		return err
	}
	lent := &lentMetrics{Registerer: metrics.Registry}
	defer lent.giveBack()
	if err := reconciler.Setup(manager, reconciler.Options{
		Query: servers.Query, Counters: servers.Counters, Prometheus: settings.PrometheusURL != "", Hook: hooks.New(rulesOf(settings.Outbound)).Call, Metrics: lent,
		NoCrossNamespaceRefs: settings.NoCrossNamespaceRefs, CrossNamespaceGrants: settings.CrossNamespaceGrants, Namespaces: settings.WatchNamespaces, QueryNamespaces: settings.QueryNamespaces, DryRun: settings.DryRun,
		Limits: observed.Limits{Cluster: settings.MaxConcurrent.Cluster, Namespace: settings.MaxConcurrent.Namespace, HeldFor: settings.MaxConcurrent.HeldFor.Duration},
	}); err != nil {
		return fmt.Errorf("set up the reconciler: %w", err)
	}
	return manager.Start(ctx)
}

// lentMetrics lets metrics be registered for as long as this replica reconciles. Afterwards another replica exports them.
type lentMetrics struct {
	prometheus.Registerer
	collectors []prometheus.Collector
}

// MustRegister registers metrics and notes them.
func (l *lentMetrics) MustRegister(collectors ...prometheus.Collector) {
	l.Registerer.MustRegister(collectors...)
	l.collectors = append(l.collectors, collectors...)
}

func (l *lentMetrics) giveBack() {
	for _, collector := range l.collectors {
		l.Unregister(collector)
	}
}
