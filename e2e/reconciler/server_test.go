// Package reconciler tests the reconciler against a real API server, without admission. The tests play the other controllers.
package reconciler

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/e2e/testserver"
	"sluice.dev/sluice/internal/reconciler"
)

// server is a real API server with the reconciler and without admission.
var server struct {
	*testserver.Server
	metrics *prometheus.Registry

	mu       sync.Mutex
	requests map[string]int // by namespace
	failing  map[string]bool
	refused  map[string]int // status by part of a path
}

// refuse answers the reconciler's requests for a path with a status; 0 answers them as usual.
func refuse(part string, status int) {
	server.mu.Lock()
	defer server.mu.Unlock()
	server.refused[part] = status
}

// refusal returns the status with which a path is refused; 0 if it is not.
func refusal(path string) int {
	server.mu.Lock()
	defer server.mu.Unlock()
	for part, status := range server.refused {
		if strings.Contains(path, part) {
			return status
		}
	}
	return 0
}

// requestsIn counts the reconciler's requests for a namespace, for one kind of objects in a namespace, such as test/httproutes,
// or, if empty, for routes in all namespaces.
func requestsIn(namespace string) int {
	server.mu.Lock()
	defer server.mu.Unlock()
	return server.requests[namespace]
}

// counted counts the reconciler's requests, except watches, which stay open.
type counted struct{ next http.RoundTripper }

func (c counted) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Query().Get("watch") != "true" {
		_, rest, namespaced := strings.Cut(request.URL.Path, "/namespaces/")
		if namespaced || strings.Contains(request.URL.Path, "/gateway.networking.k8s.io/") {
			namespace, rest, _ := strings.Cut(rest, "/")
			kind, _, _ := strings.Cut(rest, "/")
			server.mu.Lock()
			server.requests[namespace]++
			server.requests[namespace+"/"+kind]++
			server.mu.Unlock()
		}
	}
	if status := refusal(request.URL.Path); status > 0 {
		recorder := httptest.NewRecorder()
		recorder.WriteHeader(status)
		return recorder.Result(), nil
	}
	return c.next.RoundTrip(request)
}

func TestMain(m *testing.M) {
	os.Exit(testserver.Main(m, &server.Server, startReconciler, testserver.OnlyWebhooks(), testserver.WithOptionalKinds))
}

func startReconciler(ctx context.Context) error {
	watched := rest.CopyConfig(server.ReconcilerConfig)
	watched.Wrap(func(next http.RoundTripper) http.RoundTripper { return counted{next} })
	manager, err := ctrl.NewManager(watched, ctrl.Options{
		Scheme:  server.Client.Scheme(),
		Metrics: metricsserver.Options{BindAddress: "0"},
		Cache: cache.Options{DefaultTransform: reconciler.Strip, ByObject: map[client.Object]cache.ByObject{
			&discoveryv1.EndpointSlice{}: {Label: labels.SelectorFromSet(labels.Set{config.LabelRole: config.RoleCanary})},
		}},
	})
	if err != nil {
		return err
	}
	server.metrics, server.requests, server.failing = prometheus.NewRegistry(), map[string]int{}, map[string]bool{}
	server.refused = map[string]int{}
	if err := reconciler.Setup(manager, reconciler.Options{Query: answer, Prometheus: true, CrossNamespaceGrants: true, Metrics: server.metrics}); err != nil {
		return err
	}
	go func() { _ = manager.Start(ctx) }()
	return nil
}
