// Package uninstall tests what an uninstall does first, against a real API server with replicas of the controller.
package uninstall

import (
	"context"
	"os"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	crconfig "sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"sluice.dev/sluice/e2e/testserver"
	"sluice.dev/sluice/internal/reconciler"
)

// server is a real API server with no admission except that of routes. The reconciler has the same identity as the uninstall
// job in production.
var server *testserver.Server

func TestMain(m *testing.M) {
	os.Exit(testserver.Main(m, &server, nil, testserver.OnlyWebhooks("routes.sluice.dev")))
}

// startController runs a replica that reconciles once it has the lease. The channel reports how it ended.
func startController(t *testing.T, namespace string) <-chan error {
	t.Helper()
	manager, err := ctrl.NewManager(server.ReconcilerConfig, ctrl.Options{
		Scheme: server.Client.Scheme(), Metrics: metricsserver.Options{BindAddress: "0"}, Controller: crconfig.Controller{SkipNameValidation: ptr.To(true)},
		LeaderElection: true, LeaderElectionID: "sluice", LeaderElectionNamespace: namespace, LeaderElectionReleaseOnCancel: true,
		LeaseDuration: ptr.To(leaseDuration), RenewDeadline: ptr.To(leaseDuration * 4 / 5), RetryPeriod: ptr.To(leaseDuration / 20),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := reconciler.Setup(manager, reconciler.Options{Query: testserver.AllIsWell, Prometheus: true, Metrics: prometheus.NewRegistry()}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended, over := make(chan error, 1), make(chan struct{})
	go func() { ended <- manager.Start(ctx); close(over) }()
	t.Cleanup(func() { stop(); <-over })
	return ended
}
