package config_test

import (
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/config"
)

func valid() config.Process {
	process := config.DefaultProcess()
	process.Namespace = "sluice-system"
	return process
}

func TestDefaultsOfTheProcessAreValid(t *testing.T) {
	if errs := valid().Validate(); len(errs) > 0 {
		t.Error(errs.ToAggregate())
	}
}

func TestConfigurationFileIsRead(t *testing.T) {
	process, err := config.ReadProcess([]byte("logLevel: debug\nwatchNamespaces: [a, b]\ncerts: {validity: 24h}\n"), valid())
	if err != nil {
		t.Fatal(err)
	}
	if process.LogLevel != "debug" || strings.Join(process.WatchNamespaces, " ") != "a b" || process.Certs.Validity.Duration != 24*time.Hour {
		t.Errorf("read %+v", process)
	}
	if process.Webhook.Port != 9443 || process.Certs.Secret != "sluice-webhook" {
		t.Errorf("what the file does not say must stay: %+v", process)
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
			if _, err := config.ReadProcess([]byte(c.content), valid()); err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("got %v, not %q", err, c.wrong)
			}
		})
	}
}

func TestProcessIsValidated(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*config.Process)
		wrong  string
	}{
		"Prometheus without scheme":  {func(p *config.Process) { p.PrometheusURL = "prometheus:9090" }, "prometheusUrl"},
		"a level that is not one":    {func(p *config.Process) { p.LogLevel = "loud" }, "logLevel: Invalid value: \"loud\": must be one of debug, info, error"},
		"no namespace":               {func(p *config.Process) { p.Namespace = "" }, "POD_NAMESPACE"},
		"a namespace that is a list": {func(p *config.Process) { p.WatchNamespaces = []string{"a", "b,c"} }, "watchNamespaces[1]"},
		"port 0":                     {func(p *config.Process) { p.Webhook.Port = 0 }, "from 1 to 65535"},
		"no requests":                {func(p *config.Process) { p.KubeAPI.QPS = 0 }, "kubeApi"},
		"a provider that is not one": {func(p *config.Process) { p.Certs.Provider = "vault" }, "certs.provider"},
		"a certificate of no time":   {func(p *config.Process) { p.Certs.Validity.Duration = 0 }, "certs.validity"},
		"an authority too short":     {func(p *config.Process) { p.Certs.CAValidity = p.Certs.Validity }, "certs.caValidity"},
		"a limit below none":         {func(p *config.Process) { p.MaxConcurrent.Namespace = -1 }, "maxConcurrent"},
		"no Secret":                  {func(p *config.Process) { p.Certs.Secret = "" }, "certs.secret"},
		"no time between attempts":   {func(p *config.Process) { p.LeaderElection.RetryPeriod.Duration = 0 }, "leaderElection.retryPeriod"},
		"one attempt at the lease":   {func(p *config.Process) { p.LeaderElection.RetryPeriod.Duration = 9 * time.Second }, "leaderElection.renewDeadline"},
		"two leaders at a time":      {func(p *config.Process) { p.LeaderElection.LeaseDuration = p.LeaderElection.RenewDeadline }, "leaderElection.leaseDuration"},
		"no Service":                 {func(p *config.Process) { p.Webhook.Service = "A B" }, "webhook.service"},
	} {
		t.Run(name, func(t *testing.T) {
			process := valid()
			c.change(&process)
			if err := process.Validate().ToAggregate(); err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("got %v, not %q", err, c.wrong)
			}
		})
	}
}

func TestCredentialsAreNotLogged(t *testing.T) {
	process := valid()
	process.PrometheusURL = "http://jane:secret@prometheus:9090"
	if got := process.Redacted().PrometheusURL; strings.Contains(got, "secret") || !strings.Contains(got, "prometheus:9090") {
		t.Errorf("the log would say %s", got)
	}
	process.PrometheusURL = "jane:secret@prometheus"
	if err := process.Validate().ToAggregate(); err == nil || strings.Contains(err.Error(), "secret@") {
		t.Errorf("the error would say %v", err)
	}
}
