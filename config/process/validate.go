package process

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// shortestValidity is the least that leaves time to hand a new certificate to every replica.
const shortestValidity = time.Second

// Validate returns what is wrong with the settings, each with its full path.
func (p Settings) Validate() field.ErrorList {
	errs := slices.Concat(
		checkURL(field.NewPath("prometheusUrl"), p.PrometheusURL),
		checkOneOf(field.NewPath("logLevel"), p.LogLevel, "debug", "info", "error"),
		checkOneOf(field.NewPath("certs", "provider"), p.Certs.Provider, CertsSelf, CertsCertManager),
		checkName(field.NewPath("serviceAccount"), p.ServiceAccount),
		checkName(field.NewPath("certs", "secret"), p.Certs.Secret),
		checkName(field.NewPath("webhook", "service"), p.Webhook.Service),
		checkValidity(field.NewPath("certs"), p.Certs),
		checkOutbound(field.NewPath("outbound"), p.Outbound),
		checkLease(field.NewPath("leaderElection"), p.LeaderElection),
		checkNames(field.NewPath("watchNamespaces"), p.WatchNamespaces),
		checkNames(field.NewPath("queryNamespaces"), p.QueryNamespaces),
		checkConcurrency(field.NewPath("maxConcurrent"), p.MaxConcurrent),
		checkAsAuthor(field.NewPath("asAuthor"), p.AsAuthor),
	)
	if p.Namespace == "" {
		errs = append(errs, field.Required(field.NewPath("namespace"),
			"must be the namespace that Sluice runs in; set --namespace or the environment variable POD_NAMESPACE"))
	}
	if p.ShutdownDelay.Duration < 0 {
		errs = append(errs, field.Invalid(field.NewPath("shutdownDelay"), p.ShutdownDelay.Duration.String(), "must be a duration such as 5s, not less than 0"))
	}
	if p.Webhook.Port < 1 || p.Webhook.Port > 65535 {
		errs = append(errs, field.Invalid(field.NewPath("webhook", "port"), p.Webhook.Port, "must be a port from 1 to 65535"))
	}
	if p.KubeAPI.QPS <= 0 || p.KubeAPI.Burst < 1 {
		errs = append(errs, field.Invalid(field.NewPath("kubeApi"), fmt.Sprintf("qps %v, burst %d", p.KubeAPI.QPS, p.KubeAPI.Burst), "both must be more than 0"))
	}
	return errs
}

// longestTimeout is that of a webhook, after which the API server does not wait for it.
const longestTimeout = 30 * time.Second

func checkAsAuthor(path *field.Path, a AsAuthor) field.ErrorList {
	errs := checkOneOf(path.Child("failurePolicy"), a.FailurePolicy, FailurePolicyFail, FailurePolicyIgnore)
	if timeout := a.Timeout.Duration; timeout <= 0 || timeout > longestTimeout {
		errs = append(errs, field.Invalid(path.Child("timeout"), timeout.String(), "must be more than 0 and at most 30s"))
	}
	for i, key := range a.Extra {
		// The API server takes these keys from the names of headers, which have no case.
		if problems := validation.IsDomainPrefixedPath(path.Child("extra").Index(i), key); len(problems) > 0 || key != strings.ToLower(key) {
			errs = append(errs, field.Invalid(path.Child("extra").Index(i), key, "must be a key in small letters such as example.com/team"))
		}
	}
	return errs
}

func checkNames(path *field.Path, names []string) (errs field.ErrorList) {
	for i, name := range names {
		errs = append(errs, checkName(path.Index(i), name)...)
	}
	return errs
}

func checkConcurrency(path *field.Path, c MaxConcurrent) (errs field.ErrorList) {
	if c.Cluster < 0 || c.Namespace < 0 {
		errs = append(errs, field.Invalid(path, fmt.Sprintf("cluster %d, namespace %d", c.Cluster, c.Namespace),
			"both must be whole numbers from 0, where 0 is no limit"))
	}
	if held := c.HeldFor.Duration; held != 0 && held < shortestHold {
		errs = append(errs, field.Invalid(path.Child("heldFor"), held.String(), "must be at least 1m, or 0 to count a held rollout without an end"))
	}
	return errs
}

// shortestHold is longer than a hook needs to open a gate.
const shortestHold = time.Minute

func checkURL(path *field.Path, value string) field.ErrorList {
	if value == "" {
		return nil
	}
	parsed, err := url.Parse(value)
	if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
		return field.ErrorList{field.Invalid(path, redacted(value), "must be a URL such as http://prometheus.monitoring:9090")}
	}
	return nil
}

func checkOutbound(path *field.Path, o Outbound) field.ErrorList {
	var errs field.ErrorList
	for i, text := range o.Allow {
		if _, err := prefixOf(text); err != nil {
			errs = append(errs, field.Invalid(path.Child("allow").Index(i), text, "must be an address or a prefix such as 10.1.2.3 or 10.1.0.0/16"))
		}
	}
	for i, text := range o.Node {
		if _, err := netip.ParseAddr(text); err != nil {
			errs = append(errs, field.Invalid(path.Child("node").Index(i), text, "must be an address such as 10.1.2.3"))
		}
	}
	return errs
}

func checkOneOf(path *field.Path, value string, allowed ...string) field.ErrorList {
	if slices.Contains(allowed, value) {
		return nil
	}
	return field.ErrorList{field.Invalid(path, value, "must be one of "+strings.Join(allowed, ", "))}
}

func checkName(path *field.Path, value string) field.ErrorList {
	if problems := validation.IsDNS1123Subdomain(value); len(problems) > 0 {
		return field.ErrorList{field.Invalid(path, value, "must be a valid Kubernetes name: "+problems[0])}
	}
	return nil
}

func checkValidity(path *field.Path, certs Certs) field.ErrorList {
	var errs field.ErrorList
	if certs.Validity.Duration < shortestValidity {
		errs = append(errs, field.Invalid(path.Child("validity"), certs.Validity.Duration.String(), "must be at least "+shortestValidity.String()))
	}
	if certs.CAValidity.Duration < 2*certs.Validity.Duration {
		errs = append(errs, field.Invalid(path.Child("caValidity"), certs.CAValidity.Duration.String(),
			"must be at least twice certs.validity, so that an authority outlives the certificates that it signs"))
	}
	return errs
}

// mostJitter is by how much client-go stretches the time between two attempts at the lease.
const mostJitter = 1.2

// checkLease keeps two replicas from leading at the same time: a leader gives up before another takes over.
func checkLease(path *field.Path, l LeaderElection) field.ErrorList {
	var errs field.ErrorList
	if l.RetryPeriod.Duration <= 0 {
		errs = append(errs, field.Invalid(path.Child("retryPeriod"), l.RetryPeriod.Duration.String(), "must be more than 0"))
	}
	if l.RenewDeadline.Seconds() <= mostJitter*l.RetryPeriod.Seconds() {
		errs = append(errs, field.Invalid(path.Child("renewDeadline"), l.RenewDeadline.Duration.String(),
			"must be more than 1.2 times leaderElection.retryPeriod, so that a leader can try again"))
	}
	if l.LeaseDuration.Duration <= l.RenewDeadline.Duration || l.LeaseDuration.Duration < time.Second {
		errs = append(errs, field.Invalid(path.Child("leaseDuration"), l.LeaseDuration.Duration.String(),
			"must be at least 1s and more than leaderElection.renewDeadline, so that a leader gives up before another takes over"))
	}
	return errs
}

// Redacted returns the settings without credentials, for the log.
func (p Settings) Redacted() Settings {
	p.PrometheusURL = redacted(p.PrometheusURL)
	return p
}

// redacted hides what could be a password, also in a value that is not quite a URL.
func redacted(address string) string {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" && strings.Contains(address, "@") {
		return "(not a URL)"
	}
	return parsed.Redacted()
}
