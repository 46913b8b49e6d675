package process_test

import (
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/config/process"
)

func valid() process.Settings {
	settings := process.Default()
	settings.Namespace = "sluice-system"
	return settings
}

func TestDefaultsOfTheProcessAreValid(t *testing.T) {
	if errs := valid().Validate(); len(errs) > 0 {
		t.Error(errs.ToAggregate())
	}
}

func TestConfigurationFileIsRead(t *testing.T) {
	settings, err := process.Read([]byte("logLevel: debug\nwatchNamespaces: [a, b]\ncerts: {validity: 24h}\n"), valid())
	if err != nil {
		t.Fatal(err)
	}
	if settings.LogLevel != "debug" || strings.Join(settings.WatchNamespaces, " ") != "a b" || settings.Certs.Validity.Duration != 24*time.Hour {
		t.Errorf("read %+v", settings)
	}
	if settings.Webhook.Port != 9443 || settings.Certs.Secret != "sluice-webhook" {
		t.Errorf("what the file does not say must stay: %+v", settings)
	}
}

func TestConfigurationFileIsStrict(t *testing.T) {
	for name, c := range map[string]struct{ content, wrong string }{
		"a mistyped key":      {"metrics: {secur: true}", `"metrics.secur"`},
		"a key twice":         {"logLevel: info\nlogLevel: debug", "logLevel"},
		"a wrong type":        {"webhook: {port: many}", "port"},
		"not YAML":            {"a: b: c", "must be YAML"},
		"a key in wrong case": {"loglevel: info", `"loglevel"`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := process.Read([]byte(c.content), valid()); err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("got %v, not %q", err, c.wrong)
			}
		})
	}
}

func TestProcessIsValidated(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*process.Settings)
		wrong  string
	}{
		"Prometheus without scheme":  {func(p *process.Settings) { p.PrometheusURL = "prometheus:9090" }, "prometheusUrl"},
		"a level that is not one":    {func(p *process.Settings) { p.LogLevel = "loud" }, "logLevel: Invalid value: \"loud\": must be one of debug, info, error"},
		"no namespace":               {func(p *process.Settings) { p.Namespace = "" }, "POD_NAMESPACE"},
		"no address to allow":        {func(p *process.Settings) { p.Outbound.Allow = []string{"10.1.2.3", "fd00::/8", "nodes"} }, "outbound.allow[2]"},
		"no address of the node":     {func(p *process.Settings) { p.Outbound.Node = []string{"10.1.2.0/24"} }, "outbound.node[0]"},
		"a namespace for queries":    {func(p *process.Settings) { p.QueryNamespaces = []string{"a", "b,c"} }, "queryNamespaces[1]"},
		"a namespace that is a list": {func(p *process.Settings) { p.WatchNamespaces = []string{"a", "b,c"} }, "watchNamespaces[1]"},
		"port 0":                     {func(p *process.Settings) { p.Webhook.Port = 0 }, "from 1 to 65535"},
		"no requests":                {func(p *process.Settings) { p.KubeAPI.QPS = 0 }, "kubeApi"},
		"a provider that is not one": {func(p *process.Settings) { p.Certs.Provider = "vault" }, "certs.provider"},
		"a certificate of no time":   {func(p *process.Settings) { p.Certs.Validity.Duration = 0 }, "certs.validity"},
		"an authority too short":     {func(p *process.Settings) { p.Certs.CAValidity = p.Certs.Validity }, "certs.caValidity"},
		"a limit below none":         {func(p *process.Settings) { p.MaxConcurrent.Namespace = -1 }, "maxConcurrent"},
		"a hold of a moment":         {func(p *process.Settings) { p.MaxConcurrent.HeldFor.Duration = time.Second }, "maxConcurrent.heldFor"},
		"no Secret":                  {func(p *process.Settings) { p.Certs.Secret = "" }, "certs.secret"},
		"no time between attempts":   {func(p *process.Settings) { p.LeaderElection.RetryPeriod.Duration = 0 }, "leaderElection.retryPeriod"},
		"one attempt at the lease":   {func(p *process.Settings) { p.LeaderElection.RetryPeriod.Duration = 9 * time.Second }, "leaderElection.renewDeadline"},
		"two leaders at a time":      {func(p *process.Settings) { p.LeaderElection.LeaseDuration = p.LeaderElection.RenewDeadline }, "leaderElection.leaseDuration"},
		"a policy that is not one":   {func(p *process.Settings) { p.AsAuthor.FailurePolicy = "fail" }, "asAuthor.failurePolicy: Invalid value: \"fail\": must be one of Fail, Ignore"},
		"no time for an answer":      {func(p *process.Settings) { p.AsAuthor.Timeout.Duration = 0 }, "asAuthor.timeout"},
		"more time than anyone has":  {func(p *process.Settings) { p.AsAuthor.Timeout.Duration = time.Minute }, "asAuthor.timeout"},
		"a key in capitals":          {func(p *process.Settings) { p.AsAuthor.Extra = []string{"example.com/team", "example.com/Team"} }, "asAuthor.extra[1]"},
		"no key":                     {func(p *process.Settings) { p.AsAuthor.Extra = []string{"a b"} }, "asAuthor.extra[0]"},
		"no Service":                 {func(p *process.Settings) { p.Webhook.Service = "A B" }, "webhook.service"},
	} {
		t.Run(name, func(t *testing.T) {
			settings := valid()
			c.change(&settings)
			if err := settings.Validate().ToAggregate(); err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("got %v, not %q", err, c.wrong)
			}
		})
	}
}

func TestCredentialsAreNotLogged(t *testing.T) {
	settings := valid()
	settings.PrometheusURL = "http://jane:secret@prometheus:9090"
	if got := settings.Redacted().PrometheusURL; strings.Contains(got, "secret") || !strings.Contains(got, "prometheus:9090") {
		t.Errorf("the log would say %s", got)
	}
	settings.PrometheusURL = "jane:secret@prometheus"
	if err := settings.Validate().ToAggregate(); err == nil || strings.Contains(err.Error(), "secret@") {
		t.Errorf("the error would say %v", err)
	}
}
