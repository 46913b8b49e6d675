package main

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	ctrlwebhook "sigs.k8s.io/controller-runtime/pkg/webhook"

	"sluice.dev/sluice/certs"
	"sluice.dev/sluice/config/process"
	"sluice.dev/sluice/webhook"
)

// addWebhooks serves admission on every replica, leader or not. Where it cannot, /readyz says why.
func addWebhooks(manager ctrl.Manager, settings process.Settings, d *drain) error {
	serving, err := certs.Setup(manager, certOptions(settings))
	if err != nil {
		return err
	}
	server := ctrlwebhook.NewServer(ctrlwebhook.Options{Port: settings.Webhook.Port, TLSOpts: []func(*tls.Config){
		func(c *tls.Config) { c.GetCertificate = serving.Certificate },
	}})
	webhook.Register(drained{server, d}, fmt.Sprintf("system:serviceaccount:%s:%s", settings.Namespace, settings.ServiceAccount), settings.DryRun)
	if err := manager.Add(server); err != nil {
		return fmt.Errorf("add the webhook server: %w", err)
	}
	answers := server.StartedChecker()
	ready := func(request *http.Request) error {
		if err := serving.Ready(); err != nil {
			return err
		}
		return answers(request)
	}
	if settings.Probes.BindAddress == "" {
		return nil
	}
	if err := manager.Add(probes(settings.Probes.BindAddress, ready)); err != nil {
		return fmt.Errorf("add /healthz and /readyz: %w", err)
	}
	return nil
}

// headerTimeout ends connections to the probes that send no request.
const headerTimeout = 10 * time.Second

// probes serves /healthz and /readyz with the reason in the answer. The manager's own probes leave it out.
func probes(address string, ready healthz.Checker) *manager.Server {
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", healthz.CheckHandler{Checker: healthz.Ping})
	mux.Handle("GET /readyz", healthz.CheckHandler{Checker: ready})
	timeout := time.Second
	return &manager.Server{
		Name:            "probes",
		Server:          &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: headerTimeout},
		ShutdownTimeout: &timeout,
	}
}
