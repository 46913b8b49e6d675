package main

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	ctrlwebhook "sigs.k8s.io/controller-runtime/pkg/webhook"

	"sluice.dev/sluice/certs"
	"sluice.dev/sluice/config/process"
	"sluice.dev/sluice/internal/author"
	"sluice.dev/sluice/webhook"
)

// addWebhooks serves admission on every replica, leader or not. Where it cannot, the returned check says why.
func addWebhooks(serves ctrl.Manager, settings process.Settings, d *drain) (ready healthz.Checker, err error) {
	serving, err := certs.Serve(serves, certOptions(settings))
	if err != nil {
		return nil, err
	}
	// The server of controller-runtime only knows the webhooks. It has no limits, so it serves nothing.
	webhooks := ctrlwebhook.NewServer(ctrlwebhook.Options{WebhookMux: http.NewServeMux()})
	self := fmt.Sprintf("system:serviceaccount:%s:%s", settings.Namespace, settings.ServiceAccount)
	ask, err := asAuthors(serves.GetConfig(), self, settings.AsAuthor)
	if err != nil {
		return nil, err
	}
	webhook.Register(drained{webhooks, d}, self, settings.DryRun, ask)
	clients := webhook.Clients{CA: settings.Webhook.ClientCA, Names: settings.Webhook.ClientNames}
	secured, listener, err := webhook.Listen("", settings.Webhook.Port, serving.Certificate, clients)
	if err != nil {
		return nil, err
	}
	timeout := shutdownTimeout
	server := &manager.Server{Name: "admission", Server: webhook.Server(webhooks.WebhookMux()), Listener: secured, ShutdownTimeout: &timeout}
	if err := serves.Add(server); err != nil {
		return nil, fmt.Errorf("add the webhook server: %w", err)
	}
	return func(*http.Request) error {
		if err := serving.Ready(); err != nil {
			return err
		}
		return listener.Ready()
	}, nil
}

// asAuthors returns how the API server is asked as the author of a template; nil if it is not.
func asAuthors(connection *rest.Config, self string, settings process.AsAuthor) (webhook.AskAs, error) {
	if !settings.Enabled {
		return nil, nil
	}
	asked, err := author.New(connection, author.Options{Self: self, Timeout: settings.Timeout.Duration,
		Extra: settings.Extra, Ignore: settings.FailurePolicy == process.FailurePolicyIgnore})
	if err != nil {
		return nil, err
	}
	return asked.Ask, nil
}

// readiness is the check behind /readyz.
type readiness struct {
	current atomic.Pointer[healthz.Checker]
}

func (r *readiness) check(request *http.Request) error { return (*r.current.Load())(request) }

// follows makes another check decide.
func (r *readiness) follows(check healthz.Checker) { r.current.Store(&check) }

// fails says why the process is not ready.
func (r *readiness) fails(why error) { r.follows(func(*http.Request) error { return why }) }

// headerTimeout ends connections to the probes that send no request.
const headerTimeout = 10 * time.Second

// probe serves /healthz and /readyz until the context ends. It serves nothing without an address.
func probe(ctx context.Context, address string, ready healthz.Checker) error {
	if address == "" {
		return nil
	}
	if err := probes(address, ready).Start(ctx); err != nil {
		return fmt.Errorf("serve /healthz and /readyz: %w", err)
	}
	return nil
}

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
