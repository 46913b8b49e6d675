package uninstall

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	crconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	ctrlwebhook "sigs.k8s.io/controller-runtime/pkg/webhook"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/analysis"
	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/e2e/cluster/binaries"
	"sluice.dev/sluice/rollout/reconciler"
	"sluice.dev/sluice/webhook"
)

// server is a real API server.
var server struct {
	config *rest.Config
	scheme *runtime.Scheme
	client client.Client
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
	dir, err := binaries.Ensure(context.Background(), os.Stderr, "etcd", "kube-apiserver")
	if err != nil {
		return 0, err
	}
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api").Output()
	if err != nil {
		return 0, err
	}
	environment := &envtest.Environment{
		BinaryAssetsDirectory: dir,
		CRDDirectoryPaths:     []string{filepath.Join(strings.TrimSpace(string(module)), "config", "crd", "standard"), "../charts/sluice/files/crds"},
		WebhookInstallOptions: envtest.WebhookInstallOptions{MutatingWebhooks: []*admissionregistrationv1.MutatingWebhookConfiguration{routes()}},
	}
	if server.config, err = environment.Start(); err != nil {
		return 0, fmt.Errorf("start the API server: %w", err)
	}
	defer func() { _ = environment.Stop() }()
	stop := startAdmission(environment.WebhookInstallOptions)
	defer stop()
	server.scheme = runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(server.scheme), gatewayv1.Install(server.scheme), v1alpha1.AddToScheme(server.scheme)); err != nil {
		return 0, err
	}
	if server.client, err = client.New(server.config, client.Options{Scheme: server.scheme}); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// routes has updates of routes rendered, as the chart does.
func routes() *admissionregistrationv1.MutatingWebhookConfiguration {
	return &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "zz-sluice"}, Webhooks: []admissionregistrationv1.MutatingWebhook{{
		Name: "routes.sluice.dev", SideEffects: ptr.To(admissionregistrationv1.SideEffectClassNone), AdmissionReviewVersions: []string{"v1"},
		ClientConfig: admissionregistrationv1.WebhookClientConfig{Service: &admissionregistrationv1.ServiceReference{
			Namespace: "default", Name: "sluice-webhook", Path: ptr.To(webhook.MutateRoutePath)}},
		Rules: []admissionregistrationv1.RuleWithOperations{{
			Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Update},
			Rule:       admissionregistrationv1.Rule{APIGroups: []string{gatewayv1.GroupName}, APIVersions: []string{"v1"}, Resources: []string{"httproutes"}},
		}},
	}}}
}

// startAdmission serves admission until it is stopped.
func startAdmission(options envtest.WebhookInstallOptions) func() {
	hooks := ctrlwebhook.NewServer(ctrlwebhook.Options{Host: options.LocalServingHost, Port: options.LocalServingPort, CertDir: options.LocalServingCertDir})
	webhook.Register(hooks, "admin") // the user of the tests is the one that the job has in production
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() { defer close(over); _ = hooks.Start(ctx) }()
	return func() { stop(); <-over }
}

// startController runs a replica that reconciles once it has the lease; the channel tells how it ended.
func startController(t *testing.T, namespace string) <-chan error {
	t.Helper()
	manager, err := ctrl.NewManager(server.config, ctrl.Options{
		Scheme: server.scheme, Metrics: metricsserver.Options{BindAddress: "0"}, Controller: crconfig.Controller{SkipNameValidation: ptr.To(true)},
		LeaderElection: true, LeaderElectionID: "sluice", LeaderElectionNamespace: namespace, LeaderElectionReleaseOnCancel: true,
		LeaseDuration: ptr.To(leaseDuration), RenewDeadline: ptr.To(leaseDuration * 2 / 3), RetryPeriod: ptr.To(leaseDuration / 6),
	})
	if err != nil {
		t.Fatal(err)
	}
	allIsWell := func(_ context.Context, queries []analysis.Query) []analysis.Sample {
		values := map[analysis.Metric]float64{analysis.RequestCount: 100, analysis.SuccessRate: 100, analysis.Duration: 10}
		var samples []analysis.Sample
		for _, query := range queries {
			samples = append(samples, analysis.Sample{Metric: query.Metric, Value: values[query.Metric]})
		}
		return samples
	}
	if err := reconciler.Setup(manager, reconciler.Options{Query: allIsWell, Metrics: prometheus.NewRegistry()}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended, over := make(chan error, 1), make(chan struct{})
	go func() { ended <- manager.Start(ctx); close(over) }()
	t.Cleanup(func() { stop(); <-over })
	return ended
}

// gateway does what the gateway's and the workloads' controllers would in a namespace: routes are accepted, and every
// Deployment has its replicas, in its Service.
func startGateway(t *testing.T, namespace string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
			acceptRoutes(ctx, namespace)
			serveDeployments(ctx, namespace)
			return false, nil
		})
	}()
	t.Cleanup(func() { stop(); <-over })
}

// acceptRoutes ignores conflicts: the next round sees what is there then.
func acceptRoutes(ctx context.Context, namespace string) {
	var routes gatewayv1.HTTPRouteList
	_ = server.client.List(ctx, &routes, client.InNamespace(namespace))
	for i := range routes.Items {
		route := &routes.Items[i]
		status := gatewayv1.RouteParentStatus{ParentRef: route.Spec.ParentRefs[0], ControllerName: "traefik.io/gateway-controller"}
		for _, kind := range []string{"Accepted", "ResolvedRefs"} {
			status.Conditions = append(status.Conditions, metav1.Condition{Type: kind, Status: "True", Reason: kind,
				ObservedGeneration: route.Generation, LastTransitionTime: metav1.Now()})
		}
		if len(route.Status.Parents) > 0 && route.Status.Parents[0].Conditions[0].ObservedGeneration == route.Generation {
			continue
		}
		route.Status.Parents = []gatewayv1.RouteParentStatus{status}
		_ = server.client.Status().Update(ctx, route)
	}
}

func serveDeployments(ctx context.Context, namespace string) {
	var deployments appsv1.DeploymentList
	_ = server.client.List(ctx, &deployments, client.InNamespace(namespace))
	for i := range deployments.Items {
		d := &deployments.Items[i]
		n := *d.Spec.Replicas
		if d.Status.ObservedGeneration == d.Generation && d.Status.AvailableReplicas == n {
			continue
		}
		d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: n, UpdatedReplicas: n, AvailableReplicas: n, ReadyReplicas: n}
		_ = server.client.Status().Update(ctx, d)
	}
	slice := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "podinfo-canary"}, AddressType: discoveryv1.AddressTypeIPv4}
	slice.Labels = map[string]string{discoveryv1.LabelServiceName: "podinfo-canary", config.LabelRole: config.RoleCanary, config.LabelPrimary: "podinfo"}
	for i := range 4 {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{Addresses: []string{fmt.Sprintf("10.0.0.%d", i+1)},
			TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: fmt.Sprintf("pod-%d", i)}})
	}
	_ = server.client.Create(ctx, slice)
}
