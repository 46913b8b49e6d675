package main

import (
	"cmp"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"sluice.dev/sluice/config/process"
)

const configFlag = "config"

// addFlags adds every flag, with the defaults of a process without a configuration file.
func addFlags(flags *pflag.FlagSet) {
	flags.String(configFlag, "", "configuration file; flags override it")
	settings := defaults()
	bind(flags, &settings)
}

// defaults returns the defaults of the product, with the namespace, the service account and the node of the pod.
func defaults() process.Settings {
	settings := process.Default()
	settings.Namespace = os.Getenv("POD_NAMESPACE")
	if addresses := os.Getenv("NODE_ADDRESSES"); addresses != "" {
		settings.Outbound.Node = strings.Split(addresses, ",")
	}
	settings.ServiceAccount = cmp.Or(os.Getenv("POD_SERVICE_ACCOUNT"), settings.ServiceAccount)
	return settings
}

// bind adds a flag for every setting of the configuration file.
func bind(flags *pflag.FlagSet, p *process.Settings) {
	flags.StringVar(&p.PrometheusURL, "prometheus-url", p.PrometheusURL, "URL of Prometheus; without it no candidate can be judged")
	flags.StringVar(&p.LogLevel, "log-level", p.LogLevel, "log level: debug, info or error")
	flags.StringVar(&p.Namespace, "namespace", p.Namespace, "namespace that Sluice runs in (environment variable POD_NAMESPACE)")
	flags.StringVar(&p.ServiceAccount, "service-account", p.ServiceAccount, "service account that Sluice runs as; no other user may promote or split (environment variable POD_SERVICE_ACCOUNT)")
	flags.StringSliceVar(&p.WatchNamespaces, "watch-namespaces", p.WatchNamespaces, "namespaces to watch for opted-in Deployments; empty means all")
	flags.StringSliceVar(&p.QueryNamespaces, "query-namespaces", p.QueryNamespaces, "namespaces whose policies and MetricTemplates may ask Prometheus queries of their own; empty means all")
	flags.BoolVar(&p.NoCrossNamespaceRefs, "no-cross-namespace-refs", p.NoCrossNamespaceRefs, "reject checks that use a MetricTemplate in another namespace")
	flags.BoolVar(&p.CrossNamespaceGrants, "cross-namespace-grants", p.CrossNamespaceGrants, "create ReferenceGrants in other namespaces for the backends that a policy names there")
	flags.StringSliceVar(&p.Outbound.Allow, "outbound-allow", p.Outbound.Allow, "addresses and prefixes that hooks and the servers of MetricTemplates may have although they would be refused")
	flags.StringSliceVar(&p.Outbound.Node, "outbound-node", p.Outbound.Node, "addresses of the node that Sluice runs on, which hooks and the servers of MetricTemplates must not have (environment variable NODE_ADDRESSES)")
	flags.BoolVar(&p.LeaderElection.Enabled, "leader-elect", p.LeaderElection.Enabled, "elect the replica that reconciles; every replica serves admission")
	flags.DurationVar(&p.LeaderElection.LeaseDuration.Duration, "leader-elect-lease-duration", p.LeaderElection.LeaseDuration.Duration, "how long replicas wait for a silent leader before one of them takes over")
	flags.DurationVar(&p.LeaderElection.RenewDeadline.Duration, "leader-elect-renew-deadline", p.LeaderElection.RenewDeadline.Duration, "how long a leader tries to renew its lease before it stops reconciling")
	flags.DurationVar(&p.LeaderElection.RetryPeriod.Duration, "leader-elect-retry-period", p.LeaderElection.RetryPeriod.Duration, "time between attempts to acquire or renew the lease")
	flags.StringVar(&p.Metrics.BindAddress, "metrics-bind-address", p.Metrics.BindAddress, "address that serves Sluice's own metrics; 0 disables them")
	flags.BoolVar(&p.Metrics.Secure, "metrics-secure", p.Metrics.Secure, "serve metrics over TLS, only to clients that RBAC allows to get /metrics")
	flags.StringVar(&p.Probes.BindAddress, "health-probe-bind-address", p.Probes.BindAddress, "address that serves /healthz and /readyz; empty disables them")
	flags.StringVar(&p.Pprof.BindAddress, "pprof-bind-address", p.Pprof.BindAddress, "address that serves profiles of the process, without authentication; empty disables them")
	flags.IntVar(&p.Webhook.Port, "webhook-port", p.Webhook.Port, "port of the admission webhooks")
	flags.StringVar(&p.Webhook.Service, "webhook-service", p.Webhook.Service, "Service through which the API server calls the webhooks")
	flags.StringVar(&p.Webhook.Mutating, "mutating-webhook-configuration", p.Webhook.Mutating, "name of the MutatingWebhookConfiguration")
	flags.StringVar(&p.Webhook.Last, "last-webhook-configuration", p.Webhook.Last, "name of the MutatingWebhookConfiguration that is called after all others")
	flags.StringVar(&p.Webhook.Validating, "validating-webhook-configuration", p.Webhook.Validating, "name of the ValidatingWebhookConfiguration")
	flags.StringVar(&p.Webhook.ClientCA, "webhook-client-ca", p.Webhook.ClientCA, "certificates in PEM of the authorities that sign the API server's client certificate; empty asks for none")
	flags.StringSliceVar(&p.Webhook.ClientNames, "webhook-client-names", p.Webhook.ClientNames, "names that the API server's client certificate may have; empty means any")
	flags.StringVar(&p.Certs.Provider, "cert-provider", p.Certs.Provider, "issuer of the webhooks' certificate: self or cert-manager")
	flags.StringVar(&p.Certs.Secret, "cert-secret", p.Certs.Secret, "Secret that holds the webhooks' certificate")
	flags.DurationVar(&p.Certs.CAValidity.Duration, "cert-ca-validity", p.Certs.CAValidity.Duration, "validity of Sluice's own certificate authority; it is replaced after two thirds of that time")
	flags.DurationVar(&p.Certs.Validity.Duration, "cert-validity", p.Certs.Validity.Duration, "validity of Sluice's own certificate; it is replaced after two thirds of that time")
	flags.DurationVar(&p.ShutdownDelay.Duration, "shutdown-delay", p.ShutdownDelay.Duration, "how long admission is still served after a request to terminate, until the pod is out of the Service")
	flags.Float32Var(&p.KubeAPI.QPS, "kube-api-qps", p.KubeAPI.QPS, "average number of requests per second to the API server")
	flags.IntVar(&p.KubeAPI.Burst, "kube-api-burst", p.KubeAPI.Burst, "largest burst of requests to the API server")
	flags.IntVar(&p.MaxConcurrent.Cluster, "max-concurrent-cluster", p.MaxConcurrent.Cluster, "maximum number of open rollouts in the cluster; 0 means no limit")
	flags.IntVar(&p.MaxConcurrent.Namespace, "max-concurrent-namespace", p.MaxConcurrent.Namespace, "maximum number of open rollouts in each namespace; 0 means no limit")
	flags.DurationVar(&p.MaxConcurrent.HeldFor.Duration, "max-concurrent-held-for", p.MaxConcurrent.HeldFor.Duration, "how long a rollout that is paused or kept at a gate counts for the maximum; 0 means without an end")
	flags.BoolVar(&p.AsAuthor.Enabled, "as-author", p.AsAuthor.Enabled, "ask the API server, by a dry run as the author of a template, what the cluster's policies say of it before it is held back")
	flags.DurationVar(&p.AsAuthor.Timeout.Duration, "as-author-timeout", p.AsAuthor.Timeout.Duration, "how long such an answer may take; less than the time-out of the webhooks")
	flags.StringVar(&p.AsAuthor.FailurePolicy, "as-author-failure-policy", p.AsAuthor.FailurePolicy, "what becomes of a change without an answer: Fail rejects it, Ignore holds it back with a warning")
	flags.StringSliceVar(&p.AsAuthor.Extra, "as-author-extra", p.AsAuthor.Extra, "keys of an author's extra values that the cluster's policies see")
	flags.BoolVar(&p.DryRun, "dry-run", p.DryRun, "decide and report, but change nothing")
}

// processOf returns the effective settings: the defaults, overridden by the file, overridden by the flags that were given.
func processOf(given *pflag.FlagSet) (process.Settings, error) {
	settings := defaults()
	if path, err := given.GetString(configFlag); err == nil && path != "" {
		content, err := os.ReadFile(path)
		if err != nil {
			return settings, fmt.Errorf("read the configuration file: %w", err)
		}
		if settings, err = process.Read(content, settings); err != nil {
			return settings, fmt.Errorf("configuration file %s: %w", path, err)
		}
	}
	if err := override(&settings, given); err != nil {
		return settings, err
	}
	return settings, settings.Validate().ToAggregate()
}

// override applies the flags that were given on the command line.
func override(settings *process.Settings, given *pflag.FlagSet) error {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	bind(flags, settings)
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
