package main

import (
	"fmt"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/selection"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	crconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/certs"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/config/process"
	"sluice.dev/sluice/internal/reconciler"
	"sluice.dev/sluice/internal/workload"
)

// shutdownTimeout is how long admission requests in flight may take to finish. The API server waits no longer than that.
const shutdownTimeout = 20 * time.Second

// newServing returns the manager of what every replica does for as long as its process runs: admission and the metrics.
func newServing(settings process.Settings) (ctrl.Manager, error) {
	restConfig, scheme, err := connection(settings)
	if err != nil {
		return nil, err
	}
	return newManager(restConfig, scheme, ctrl.Options{
		Metrics:          metricsOptions(settings.Metrics),
		PprofBindAddress: settings.Pprof.BindAddress,
		Cache:            cache.Options{DefaultTransform: cache.TransformStripManagedFields(), ByObject: certs.CacheOf(certOptions(settings))},
	})
}

// newReconciling returns the manager of what the replica with the lease does. It ends when the lease is lost, and cannot be
// started again.
func newReconciling(settings process.Settings) (ctrl.Manager, error) {
	election := settings.LeaderElection
	restConfig, scheme, err := connection(settings)
	if err != nil {
		return nil, err
	}
	lease, err := leaseOf(restConfig, settings)
	if err != nil {
		return nil, fmt.Errorf("prepare the lease: %w", err)
	}
	return newManager(restConfig, scheme, ctrl.Options{
		Metrics:                             metricsserver.Options{BindAddress: "0"},
		LeaderElection:                      election.Enabled,
		LeaderElectionID:                    leaseName,
		LeaderElectionNamespace:             settings.Namespace,
		LeaderElectionReleaseOnCancel:       true,
		LeaderElectionResourceLockInterface: lease,
		LeaseDuration:                       &election.LeaseDuration.Duration,
		RenewDeadline:                       &election.RenewDeadline.Duration,
		RetryPeriod:                         &election.RetryPeriod.Duration,
		Cache:                               cacheOptions(settings),
		// The names of the controllers are those of the manager before.
		Controller: crconfig.Controller{SkipNameValidation: ptr.To(true)},
	})
}

func newManager(restConfig *rest.Config, scheme *runtime.Scheme, options ctrl.Options) (ctrl.Manager, error) {
	options.Scheme, options.GracefulShutdownTimeout = scheme, ptr.To(shutdownTimeout)
	return ctrl.NewManager(restConfig, options)
}

// connection returns how to reach the cluster, and the types of its objects.
func connection(settings process.Settings) (*rest.Config, *runtime.Scheme, error) {
	scheme, err := newScheme()
	if err != nil {
		return nil, nil, err
	}
	restConfig, err := ctrl.GetConfig()
	if err != nil {
		return nil, nil, fmt.Errorf("find the cluster: %w", err)
	}
	restConfig.QPS, restConfig.Burst = settings.KubeAPI.QPS, settings.KubeAPI.Burst
	return restConfig, scheme, nil
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

// ofCopies selects what is labeled as a canary's or a control's.
func ofCopies() labels.Selector {
	role, err := labels.NewRequirement(config.LabelRole, selection.In, workload.CopyRoles)
	if err != nil {
		panic(err) // the key and the values are constants
	}
	return labels.NewSelector().Add(*role)
}

// cacheOptions restricts reads to what the permissions of the chart allow. Gateways are read in every namespace, even if only
// some are watched, because routes attach to Gateways in other namespaces.
func cacheOptions(settings process.Settings) cache.Options {
	objects := certs.CacheOf(certOptions(settings))
	objects[&discoveryv1.EndpointSlice{}] = cache.ByObject{Label: ofCopies()}
	options := cache.Options{DefaultTransform: reconciler.Strip, ByObject: objects}
	if len(settings.WatchNamespaces) == 0 {
		return options
	}
	for _, everywhere := range []client.Object{&gatewayv1.Gateway{}, &gatewayv1.ListenerSet{}} {
		objects[everywhere] = cache.ByObject{Namespaces: map[string]cache.Config{cache.AllNamespaces: {}}}
	}
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
		Last:       settings.Webhook.Last,
		Validating: settings.Webhook.Validating,
		Rotate:     settings.Certs.Provider == process.CertsSelf,
		Lifetimes:  certs.Lifetimes{CA: settings.Certs.CAValidity.Duration, Leaf: settings.Certs.Validity.Duration},
		Now:        time.Now,
	}
}
