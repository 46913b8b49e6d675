package reconciler

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	discoveryv1 "k8s.io/api/discovery/v1"

	"sluice.dev/sluice/analysis"
	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/e2e/cluster/binaries"
)

// server is a real API server with the reconciler and without any admission.
var server struct {
	client  client.WithWatch
	metrics *prometheus.Registry

	mu       sync.Mutex
	requests map[string]int // by namespace
}

// requestsIn is how many requests the reconciler has made for a namespace.
func requestsIn(namespace string) int {
	server.mu.Lock()
	defer server.mu.Unlock()
	return server.requests[namespace]
}

// counted counts the requests that the reconciler makes, apart from watches, which it keeps open.
type counted struct{ next http.RoundTripper }

func (c counted) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Query().Get("watch") != "true" {
		if _, rest, namespaced := strings.Cut(request.URL.Path, "/namespaces/"); namespaced {
			namespace, _, _ := strings.Cut(rest, "/")
			server.mu.Lock()
			server.requests[namespace]++
			server.mu.Unlock()
		}
	}
	return c.next.RoundTrip(request)
}

func TestMain(m *testing.M) {
	code, err := serve(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func serve(m *testing.M) (int, error) {
	ctrl.SetLogger(zap.New(zap.WriteTo(os.Stderr)))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	dir, err := binaries.Ensure(ctx, os.Stderr, "etcd", "kube-apiserver", "kubectl")
	if err != nil {
		return 0, err
	}
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api").Output()
	if err != nil {
		return 0, err
	}
	environment := &envtest.Environment{BinaryAssetsDirectory: dir, CRDDirectoryPaths: []string{
		filepath.Join(strings.TrimSpace(string(module)), "config", "crd", "standard"), "../../charts/sluice/files/crds",
	}}
	restConfig, err := environment.Start()
	if err != nil {
		return 0, fmt.Errorf("start the API server: %w", err)
	}
	defer func() { _ = environment.Stop() }()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, gatewayv1.Install, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return 0, err
		}
	}
	if server.client, err = client.NewWithWatch(restConfig, client.Options{Scheme: scheme}); err != nil {
		return 0, err
	}
	if err := startReconciler(ctx, restConfig, scheme); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

func startReconciler(ctx context.Context, restConfig *rest.Config, scheme *runtime.Scheme) error {
	watched := rest.CopyConfig(restConfig)
	watched.Wrap(func(next http.RoundTripper) http.RoundTripper { return counted{next} })
	manager, err := ctrl.NewManager(watched, ctrl.Options{
		Scheme:  scheme,
		Metrics: metricsserver.Options{BindAddress: "0"},
		Cache: cache.Options{ByObject: map[client.Object]cache.ByObject{
			&discoveryv1.EndpointSlice{}: {Label: labels.SelectorFromSet(labels.Set{config.LabelRole: config.RoleCanary})},
		}},
	})
	if err != nil {
		return err
	}
	server.metrics, server.requests = prometheus.NewRegistry(), map[string]int{}
	if err := Setup(manager, Options{Query: allIsWell, Metrics: server.metrics}); err != nil {
		return err
	}
	go func() { _ = manager.Start(ctx) }()
	return nil
}

// allIsWell is a Prometheus that has seen enough requests without an error.
func allIsWell(_ context.Context, queries []analysis.Query) []analysis.Sample {
	values := map[analysis.Metric]float64{analysis.RequestCount: 100, analysis.SuccessRate: 100, analysis.Duration: 10}
	var samples []analysis.Sample
	for _, query := range queries {
		samples = append(samples, analysis.Sample{Metric: query.Metric, Value: values[query.Metric]})
	}
	return samples
}
