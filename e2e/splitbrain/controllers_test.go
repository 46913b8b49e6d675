// Package splitbrain tests two controllers that reconcile the same objects at once, as when leader election fails.
package splitbrain

import (
	"context"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	crconfig "sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/e2e/testserver"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/reconciler"
)

// server is a real API server that calls the webhooks as the chart configures them.
var server *testserver.Server

func TestMain(m *testing.M) { os.Exit(testserver.Main(m, &server, nil)) }

// slowest is the longest extra delay of a controller's request. It varies the order of writes.
const slowest = 60 * time.Millisecond

// uneven is a network on which every request takes a different time.
type uneven struct{ next http.RoundTripper }

func (u uneven) RoundTrip(request *http.Request) (*http.Response, error) {
	select {
	case <-request.Context().Done():
		return nil, request.Context().Err()
	case <-time.After(rand.N(slowest)):
	}
	return u.next.RoundTrip(request)
}

// startController runs a reconciler without leader election for these namespaces until the test ends.
func startController(t *testing.T, namespaces []string) {
	t.Helper()
	network := rest.CopyConfig(server.ReconcilerConfig)
	network.Wrap(func(next http.RoundTripper) http.RoundTripper { return uneven{next} })
	options := cache.Options{DefaultNamespaces: map[string]cache.Config{}, ByObject: map[client.Object]cache.ByObject{
		&discoveryv1.EndpointSlice{}: {Label: labels.SelectorFromSet(labels.Set{config.LabelRole: config.RoleCanary})},
	}}
	for _, namespace := range namespaces {
		options.DefaultNamespaces[namespace] = cache.Config{}
	}
	manager, err := ctrl.NewManager(network, ctrl.Options{
		Scheme: server.Client.Scheme(), Metrics: metricsserver.Options{BindAddress: "0"}, Cache: options,
		Controller: crconfig.Controller{SkipNameValidation: ptr.To(true)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := reconciler.Setup(manager, reconciler.Options{Query: query(namespaces), Prometheus: true, Metrics: prometheus.NewRegistry()}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() { defer close(over); _ = manager.Start(ctx) }()
	t.Cleanup(func() { stop(); <-over })
}

// query is a Prometheus that reports failures of a bad image in its last step.
func query(namespaces []string) reconciler.QueryFunc {
	return func(ctx context.Context, queries []analysis.Query) []analysis.Sample {
		successRate := 100.0
		for _, namespace := range namespaces {
			if !strings.Contains(queries[0].Expression, namespace) {
				continue
			}
			var canary v1alpha1.Canary
			if err := server.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: "podinfo"}, &canary); err != nil {
				return []analysis.Sample{{Check: queries[0].Check, Metric: analysis.SuccessRate, Err: err.Error()}}
			}
			if status := canary.Status; strings.Contains(strings.Join(status.Candidate.Images, " "), "bad") && int(status.Open().Step.Number) == len(status.Plan.Steps) {
				successRate = 0
			}
		}
		return testserver.Samples(queries, successRate)
	}
}
