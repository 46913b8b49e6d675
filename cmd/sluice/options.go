package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// options are the flags of the process.
type options struct {
	prometheusURL      string
	metricsAddress     string
	probeAddress       string
	webhookPort        int
	certDir            string
	logLevel           string
	leaderElect        bool
	namespace          string
	serviceAccount     string
	secret             string
	service            string
	mutatingWebhooks   string
	validatingWebhooks string
	qps                float32
	burst              int
}

var logLevels = []string{"debug", "info", "error"}

func defaults() *options {
	return &options{
		metricsAddress:     ":8080",
		probeAddress:       ":8081",
		webhookPort:        9443,
		certDir:            "/tmp/sluice-certs",
		logLevel:           "info",
		leaderElect:        true,
		namespace:          os.Getenv("POD_NAMESPACE"),
		serviceAccount:     cmp.Or(os.Getenv("POD_SERVICE_ACCOUNT"), "sluice"),
		secret:             "sluice-webhook",
		service:            "sluice-webhook",
		mutatingWebhooks:   "zz-sluice",
		validatingWebhooks: "zz-sluice",
		qps:                100,
		burst:              200,
	}
}

func (o *options) addTo(flags *pflag.FlagSet) {
	flags.StringVar(&o.prometheusURL, "prometheus-url", o.prometheusURL, "URL of Prometheus; without it no candidate can be judged")
	flags.StringVar(&o.metricsAddress, "metrics-bind-address", o.metricsAddress, "where sluice's own metrics are served; 0 for nowhere")
	flags.StringVar(&o.probeAddress, "health-probe-bind-address", o.probeAddress, "where /healthz and /readyz are served")
	flags.IntVar(&o.webhookPort, "webhook-port", o.webhookPort, "port of the admission webhooks")
	flags.StringVar(&o.certDir, "cert-dir", o.certDir, "folder that the webhooks' certificate is written to and read from")
	flags.StringVar(&o.logLevel, "log-level", o.logLevel, "debug, info or error")
	flags.BoolVar(&o.leaderElect, "leader-elect", o.leaderElect, "let one of several replicas reconcile; admission is served by all")
	flags.StringVar(&o.namespace, "namespace", o.namespace, "namespace that sluice runs in (also: environment variable POD_NAMESPACE)")
	flags.StringVar(&o.serviceAccount, "service-account", o.serviceAccount, "service account that sluice runs as; only it may promote and split (also: environment variable POD_SERVICE_ACCOUNT)")
	flags.StringVar(&o.secret, "cert-secret", o.secret, "Secret that keeps the webhooks' certificate")
	flags.StringVar(&o.service, "webhook-service", o.service, "Service that the API server reaches the webhooks at")
	flags.StringVar(&o.mutatingWebhooks, "mutating-webhook-configuration", o.mutatingWebhooks, "MutatingWebhookConfiguration to put the certificate authority into")
	flags.StringVar(&o.validatingWebhooks, "validating-webhook-configuration", o.validatingWebhooks, "ValidatingWebhookConfiguration to put the certificate authority into")
	flags.Float32Var(&o.qps, "kube-api-qps", o.qps, "requests per second to the API server, on average")
	flags.IntVar(&o.burst, "kube-api-burst", o.burst, "requests to the API server at once")
}

func (o *options) validate() error {
	if !slices.Contains(logLevels, o.logLevel) {
		return fmt.Errorf("--log-level %q: must be one of %s", o.logLevel, strings.Join(logLevels, ", "))
	}
	if o.namespace == "" {
		return fmt.Errorf("--namespace: must be the namespace that sluice runs in; set it, or the environment variable POD_NAMESPACE")
	}
	if o.webhookPort < 1 || o.webhookPort > 65535 {
		return fmt.Errorf("--webhook-port %d: must be from 1 to 65535", o.webhookPort)
	}
	return nil
}
