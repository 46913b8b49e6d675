package main

import (
	"fmt"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/certs"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/config/process"
)

// leaseName is the lease of the replica that reconciles. Every replica serves admission.
const leaseName = "sluice"

// shutdownTimeout is how long admission requests in flight may take to finish. The API server waits no longer than that.
const shutdownTimeout = 20 * time.Second

func newManager(settings process.Settings) (ctrl.Manager, error) {
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	restConfig, err := ctrl.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("find the cluster: %w", err)
	}
	restConfig.QPS, restConfig.Burst = settings.KubeAPI.QPS, settings.KubeAPI.Burst
	election, shutdown := settings.LeaderElection, shutdownTimeout
	return ctrl.NewManager(restConfig, ctrl.Options{
		Scheme:                        scheme,
		Metrics:                       metricsOptions(settings.Metrics),
		PprofBindAddress:              settings.Pprof.BindAddress,
		LeaderElection:                election.Enabled,
		LeaderElectionID:              leaseName,
		LeaderElectionNamespace:       settings.Namespace,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 &election.LeaseDuration.Duration,
		RenewDeadline:                 &election.RenewDeadline.Duration,
		RetryPeriod:                   &election.RetryPeriod.Duration,
		GracefulShutdownTimeout:       &shutdown,
		Cache:                         cacheOptions(settings),
	})
}

func newScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, gatewayv1.Install, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("register types: %w", err)
		}
	}
	return scheme, nil
}

func metricsOptions(m process.Metrics) metricsserver.Options {
	options := metricsserver.Options{BindAddress: m.BindAddress}
	if m.Secure {
		options.SecureServing, options.FilterProvider = true, filters.WithAuthenticationAndAuthorization
	}
	return options
}

// cacheOptions restricts reads to what the permissions of the chart allow. Gateways are read in every namespace, even if only
// some are watched, because routes attach to Gateways in other namespaces.
func cacheOptions(settings process.Settings) cache.Options {
	objects := certs.CacheOf(certOptions(settings))
	objects[&discoveryv1.EndpointSlice{}] = cache.ByObject{Label: labels.SelectorFromSet(labels.Set{config.LabelRole: config.RoleCanary})}
	options := cache.Options{DefaultTransform: cache.TransformStripManagedFields(), ByObject: objects}
	if len(settings.WatchNamespaces) == 0 {
		return options
	}
	objects[&gatewayv1.Gateway{}] = cache.ByObject{Namespaces: map[string]cache.Config{cache.AllNamespaces: {}}}
	options.DefaultNamespaces = map[string]cache.Config{}
	for _, namespace := range settings.WatchNamespaces {
		options.DefaultNamespaces[namespace] = cache.Config{}
	}
	return options
}

func certOptions(settings process.Settings) certs.Options {
	return certs.Options{
		Namespace:  settings.Namespace,
		Secret:     settings.Certs.Secret,
		Hosts:      certs.HostsOf(settings.Webhook.Service, settings.Namespace),
		Mutating:   settings.Webhook.Mutating,
		Validating: settings.Webhook.Validating,
		Rotate:     settings.Certs.Provider == process.CertsSelf,
		Lifetimes:  certs.Lifetimes{CA: settings.Certs.CAValidity.Duration, Leaf: settings.Certs.Validity.Duration},
	}
}
