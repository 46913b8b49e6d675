package main

import (
	"cmp"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"sluice.dev/sluice/config"
)

const configFlag = "config"

// addFlags adds every flag, with the defaults of a process without a configuration file.
func addFlags(flags *pflag.FlagSet) {
	flags.String(configFlag, "", "configuration file; flags that are given override it")
	process := defaults()
	bind(flags, &process)
}

// defaults are those of the product, in the namespace that the pod is in.
func defaults() config.Process {
	process := config.DefaultProcess()
	process.Namespace = os.Getenv("POD_NAMESPACE")
	process.ServiceAccount = cmp.Or(os.Getenv("POD_SERVICE_ACCOUNT"), process.ServiceAccount)
	return process
}

// bind adds a flag for every setting of the configuration file.
func bind(flags *pflag.FlagSet, p *config.Process) {
	flags.StringVar(&p.PrometheusURL, "prometheus-url", p.PrometheusURL, "URL of Prometheus; without it no candidate can be judged")
	flags.StringVar(&p.LogLevel, "log-level", p.LogLevel, "debug, info or error")
	flags.StringVar(&p.Namespace, "namespace", p.Namespace, "namespace that sluice runs in (also: environment variable POD_NAMESPACE)")
	flags.StringVar(&p.ServiceAccount, "service-account", p.ServiceAccount, "service account that sluice runs as; only it may promote and split (also: environment variable POD_SERVICE_ACCOUNT)")
	flags.StringSliceVar(&p.WatchNamespaces, "watch-namespaces", p.WatchNamespaces, "namespaces whose Deployments can be opted in; all when empty")
	flags.BoolVar(&p.NoCrossNamespaceRefs, "no-cross-namespace-refs", p.NoCrossNamespaceRefs, "forbid checks that use MetricTemplates of other namespaces")
	flags.BoolVar(&p.CrossNamespaceGrants, "cross-namespace-grants", p.CrossNamespaceGrants, "make ReferenceGrants in other namespaces for the backends that a policy names there")
	flags.BoolVar(&p.LeaderElection.Enabled, "leader-elect", p.LeaderElection.Enabled, "let one of several replicas reconcile; admission is served by all")
	flags.DurationVar(&p.LeaderElection.LeaseDuration.Duration, "leader-elect-lease-duration", p.LeaderElection.LeaseDuration.Duration, "how long replicas wait for a leader that is silent before one of them takes over")
	flags.DurationVar(&p.LeaderElection.RenewDeadline.Duration, "leader-elect-renew-deadline", p.LeaderElection.RenewDeadline.Duration, "how long a leader that cannot renew its lease tries to, until its process ends")
	flags.DurationVar(&p.LeaderElection.RetryPeriod.Duration, "leader-elect-retry-period", p.LeaderElection.RetryPeriod.Duration, "time between two attempts to renew or to get the lease")
	flags.StringVar(&p.Metrics.BindAddress, "metrics-bind-address", p.Metrics.BindAddress, "where sluice's own metrics are served; 0 for nowhere")
	flags.BoolVar(&p.Metrics.Secure, "metrics-secure", p.Metrics.Secure, "serve metrics over TLS, only to those that may get /metrics by RBAC")
	flags.StringVar(&p.Probes.BindAddress, "health-probe-bind-address", p.Probes.BindAddress, "where /healthz and /readyz are served")
	flags.StringVar(&p.Pprof.BindAddress, "pprof-bind-address", p.Pprof.BindAddress, "where profiles of the process are served, without any authentication; nowhere when empty")
	flags.IntVar(&p.Webhook.Port, "webhook-port", p.Webhook.Port, "port of the admission webhooks")
	flags.StringVar(&p.Webhook.Service, "webhook-service", p.Webhook.Service, "Service that the API server reaches the webhooks at")
	flags.StringVar(&p.Webhook.Mutating, "mutating-webhook-configuration", p.Webhook.Mutating, "MutatingWebhookConfiguration of the webhooks")
	flags.StringVar(&p.Webhook.Validating, "validating-webhook-configuration", p.Webhook.Validating, "ValidatingWebhookConfiguration of the webhooks")
	flags.StringVar(&p.Certs.Provider, "cert-provider", p.Certs.Provider, "who makes the webhooks' certificate: self or cert-manager")
	flags.StringVar(&p.Certs.Secret, "cert-secret", p.Certs.Secret, "Secret that keeps the webhooks' certificate")
	flags.DurationVar(&p.Certs.CAValidity.Duration, "cert-ca-validity", p.Certs.CAValidity.Duration, "how long an authority of sluice's own is valid; replaced after two thirds of that")
	flags.DurationVar(&p.Certs.Validity.Duration, "cert-validity", p.Certs.Validity.Duration, "how long a certificate of sluice's own is valid; replaced after two thirds of that")
	flags.DurationVar(&p.ShutdownDelay.Duration, "shutdown-delay", p.ShutdownDelay.Duration, "how long admission goes on after the process was told to end, until it is out of the Service")
	flags.Float32Var(&p.KubeAPI.QPS, "kube-api-qps", p.KubeAPI.QPS, "requests per second to the API server, on average")
	flags.IntVar(&p.KubeAPI.Burst, "kube-api-burst", p.KubeAPI.Burst, "requests to the API server at once")
	flags.IntVar(&p.MaxConcurrent.Cluster, "max-concurrent-cluster", p.MaxConcurrent.Cluster, "how many rollouts may be open at the same time in the cluster; 0 for any number")
	flags.IntVar(&p.MaxConcurrent.Namespace, "max-concurrent-namespace", p.MaxConcurrent.Namespace, "how many rollouts may be open at the same time in each namespace; 0 for any number")
	flags.BoolVar(&p.DryRun, "dry-run", p.DryRun, "decide and report everything, and change nothing")
}

// processOf are the effective settings: the defaults, then the file, then the flags that were given.
func processOf(given *pflag.FlagSet) (config.Process, error) {
	process := defaults()
	if path, err := given.GetString(configFlag); err == nil && path != "" {
		content, err := os.ReadFile(path)
		if err != nil {
			return process, fmt.Errorf("read the configuration file: %w", err)
		}
		if process, err = config.ReadProcess(content, process); err != nil {
			return process, fmt.Errorf("configuration file %s: %w", path, err)
		}
	}
	if err := override(&process, given); err != nil {
		return process, err
	}
	return process, process.Validate().ToAggregate()
}

// override sets what was given on the command line.
func override(process *config.Process, given *pflag.FlagSet) error {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	bind(flags, process)
	var failed error
	given.Visit(func(flag *pflag.Flag) {
		target := flags.Lookup(flag.Name)
		if target == nil || failed != nil {
			return
		}
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			failed = target.Value.(pflag.SliceValue).Replace(list.GetSlice())
			return
		}
		failed = target.Value.Set(flag.Value.String())
	})
	return failed
}
