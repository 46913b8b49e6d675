package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"go.uber.org/zap/zapcore"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	ctrlwebhook "sigs.k8s.io/controller-runtime/pkg/webhook"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/analysis/provider/prometheus"
	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/certs"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/rollout/reconciler"
	"sluice.dev/sluice/webhook"
)

// Leader election hands over in seconds: admission is served by all replicas, but steps are taken by one.
const (
	leaseDuration = 6 * time.Second
	renewDeadline = 4 * time.Second
	retryPeriod   = time.Second
)

func run(ctx context.Context, o *options) error {
	ctrl.SetLogger(zap.New(zap.Level(levelOf(o.logLevel))))
	log := ctrl.Log.WithName("setup")
	log.Info("starting", "prometheus-url", redacted(o.prometheusURL), "namespace", o.namespace, "webhook-port", o.webhookPort,
		"leader-elect", o.leaderElect, "metrics-bind-address", o.metricsAddress, "log-level", o.logLevel)
	manager, err := newManager(o)
	if err != nil {
		return err
	}
	if err := needGatewayAPI(manager); err != nil {
		return err
	}
	reconcilerOptions := reconciler.Options{Metrics: metrics.Registry}
	if o.prometheusURL != "" {
		provider, err := prometheus.New(o.prometheusURL)
		if err != nil {
			return fmt.Errorf("--prometheus-url: %w", err)
		}
		reconcilerOptions.Query = provider.Query
	}
	if err := reconciler.Setup(manager, reconcilerOptions); err != nil {
		return fmt.Errorf("set up the reconciler: %w", err)
	}
	if err := addWebhooks(manager, o); err != nil {
		return err
	}
	return manager.Start(ctx)
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

// redacted leaves credentials out of the log.
func redacted(address string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return "(not a URL)"
	}
	return parsed.Redacted()
}

func newManager(o *options) (ctrl.Manager, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, gatewayv1.Install, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("register types: %w", err)
		}
	}
	restConfig, err := ctrl.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("find the cluster: %w", err)
	}
	restConfig.QPS, restConfig.Burst = o.qps, o.burst
	lease, renew, retry := leaseDuration, renewDeadline, retryPeriod
	return ctrl.NewManager(restConfig, ctrl.Options{
		Scheme:                        scheme,
		Metrics:                       metricsserver.Options{BindAddress: o.metricsAddress},
		HealthProbeBindAddress:        o.probeAddress,
		WebhookServer:                 ctrlwebhook.NewServer(ctrlwebhook.Options{Port: o.webhookPort, CertDir: o.certDir}),
		LeaderElection:                o.leaderElect,
		LeaderElectionID:              "sluice",
		LeaderElectionNamespace:       o.namespace,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 &lease,
		RenewDeadline:                 &renew,
		RetryPeriod:                   &retry,
		Cache: cache.Options{
			DefaultTransform: cache.TransformStripManagedFields(),
			ByObject: map[client.Object]cache.ByObject{
				&discoveryv1.EndpointSlice{}: {Label: labels.SelectorFromSet(labels.Set{config.LabelRole: config.RoleCanary})},
				&corev1.Secret{}:             {Namespaces: map[string]cache.Config{o.namespace: {}}},
			},
		},
	})
}

// needGatewayAPI fails early, with what to do, where the types are missing that everything rests on.
func needGatewayAPI(manager ctrl.Manager) error {
	for _, object := range []client.Object{&gatewayv1.HTTPRoute{}, &v1alpha1.Canary{}} {
		kinds, _, err := manager.GetScheme().ObjectKinds(object)
		if err != nil {
			return fmt.Errorf("look up %T: %w", object, err)
		}
		if _, err := manager.GetRESTMapper().RESTMapping(kinds[0].GroupKind(), kinds[0].Version); meta.IsNoMatchError(err) {
			return fmt.Errorf("the cluster does not know %s: install the Gateway API CRDs (standard channel, v1) and sluice's own, which the chart has", kinds[0])
		} else if err != nil {
			return fmt.Errorf("look up %s: %w", kinds[0], err)
		}
	}
	return nil
}

// addWebhooks serves admission once the certificate and its authority are in place: the server cannot start without.
func addWebhooks(manager ctrl.Manager, o *options) error {
	ready, err := certs.Setup(manager, certs.Options{
		Namespace: o.namespace, Secret: o.secret, Service: o.service, Dir: o.certDir,
		Mutating: o.mutatingWebhooks, Validating: o.validatingWebhooks,
	})
	if err != nil {
		return err
	}
	if err := manager.AddHealthzCheck("process", func(*http.Request) error { return nil }); err != nil {
		return fmt.Errorf("add /healthz: %w", err)
	}
	var started atomic.Pointer[healthz.Checker]
	if err := manager.AddReadyzCheck("webhooks", func(request *http.Request) error {
		check := started.Load()
		if check == nil {
			return errors.New("the webhooks wait for their certificate")
		}
		return (*check)(request)
	}); err != nil {
		return fmt.Errorf("add /readyz: %w", err)
	}
	return manager.Add(afterCertificate(func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return nil
		case <-ready:
		}
		server := manager.GetWebhookServer()
		webhook.Register(server, fmt.Sprintf("system:serviceaccount:%s:%s", o.namespace, o.serviceAccount))
		check := server.StartedChecker()
		started.Store(&check)
		<-ctx.Done()
		return nil
	}))
}

// afterCertificate runs on every replica, leader or not.
type afterCertificate func(context.Context) error

// Start waits for the certificate.
func (f afterCertificate) Start(ctx context.Context) error { return f(ctx) }

// NeedLeaderElection is false: every replica serves admission.
func (f afterCertificate) NeedLeaderElection() bool { return false }
