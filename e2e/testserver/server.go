//go:build !windows

// Package testserver starts a real API server for tests. It calls Sluice's webhooks as the chart configures them.
package testserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	ctrlwebhook "sigs.k8s.io/controller-runtime/pkg/webhook"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/binaries"
	"sluice.dev/sluice/webhook"
)

// Identity is the user name of the reconciler if the chart is installed into its default namespace.
const Identity = "system:serviceaccount:sluice-system:sluice"

// Server is a running API server that calls the webhooks.
type Server struct {
	// Client has the rights of an administrator.
	Client client.WithWatch
	// Reconciler acts with the identity of the reconciler.
	Reconciler client.Client
	// ReconcilerConfig connects with the identity of the reconciler, without a rate limit.
	ReconcilerConfig *rest.Config
	// Kubeconfig is the path of a kubeconfig for the user jane, an administrator.
	Kubeconfig string
	// Calls counts the calls of the mutating webhook for Deployments, CanaryCalls those of the one for Canaries.
	Calls, CanaryCalls atomic.Int64

	ask         atomic.Pointer[webhook.AskAs]
	programs    string
	environment *envtest.Environment
	stopHooks   func() error
}

// startTimeout allows for a machine on which other tests leave little CPU for the API server.
const startTimeout = 2 * time.Minute

// programs are the ones that every test with an API server runs.
var programs = []string{"etcd", "kube-apiserver", "kubectl", "helm"}

// Option changes the configuration of a server before it starts.
type Option func(*envtest.Environment)

// OnlyWebhooks calls none of the chart's webhooks except the named ones, such as routes.sluice.dev.
func OnlyWebhooks(names ...string) Option {
	return func(environment *envtest.Environment) { keepWebhooks(&environment.WebhookInstallOptions, names) }
}

// WithoutChart leaves out everything that the chart installs.
func WithoutChart(environment *envtest.Environment) {
	OnlyWebhooks()(environment)
	environment.CRDDirectoryPaths = environment.CRDDirectoryPaths[:1]
}

// Main is the body of TestMain for a package whose tests share one server: it starts the server, calls prepare, runs
// the tests and stops the server. prepare may be nil; what it starts must end with its context. Main returns the exit
// code and prints why no test ran.
func Main(m *testing.M, server **Server, prepare func(context.Context) error, options ...Option) (code int) {
	ctx, cancel := context.WithCancel(context.Background())
	s, err := Start(ctx, options...)
	if err != nil {
		cancel()
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { cancel(); _ = s.Stop() }()
	*server = s
	if prepare != nil {
		if err := prepare(ctx); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

// Start starts etcd, the API server and the webhooks, with the CRDs of the Gateway API and of the chart.
func Start(ctx context.Context, options ...Option) (*Server, error) {
	log.SetLogger(zap.New(zap.WriteTo(os.Stderr), zap.Level(zapcore.ErrorLevel)))
	root, err := binaries.Root(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := binaries.Ensure(ctx, os.Stderr, programs...)
	if err != nil {
		return nil, err
	}
	s := &Server{programs: dir}
	mutating, validating, err := configurations(ctx, s.Program("helm"), filepath.Join(root, "charts", "sluice"))
	if err != nil {
		return nil, err
	}
	gateway, err := binaries.GatewayCRDs(ctx)
	if err != nil {
		return nil, err
	}
	s.environment = &envtest.Environment{
		BinaryAssetsDirectory: dir,
		CRDDirectoryPaths:     []string{gateway, filepath.Join(root, "charts", "sluice", "files", "crds")},
		WebhookInstallOptions: envtest.WebhookInstallOptions{MutatingWebhooks: mutating, ValidatingWebhooks: validating, MaxTime: startTimeout},
		CRDInstallOptions:     envtest.CRDInstallOptions{MaxTime: startTimeout},

		ControlPlaneStartTimeout: startTimeout,
	}
	for _, change := range options {
		change(s.environment)
	}
	if _, err := s.environment.Start(); err != nil {
		return nil, fmt.Errorf("start the API server: %w", err)
	}
	if err := errors.Join(s.serveHooks(), s.connect()); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// Build builds more programs for Program.
func (s *Server) Build(ctx context.Context, names ...string) (err error) {
	s.programs, err = binaries.Ensure(ctx, os.Stderr, append(programs[:len(programs):len(programs)], names...)...)
	return err
}

// Program returns the path of a program.
func (s *Server) Program(name string) string { return filepath.Join(s.programs, name) }

// Dir is a folder for files of the tests. Stop removes it.
func (s *Server) Dir() string { return s.environment.WebhookInstallOptions.LocalServingCertDir }

// Stop stops everything that Start has started.
func (s *Server) Stop() error {
	return errors.Join(s.stopHooks(), s.environment.Stop())
}

func (s *Server) serveHooks() error {
	options := s.environment.WebhookInstallOptions
	s.stopHooks = func() error { return nil }
	if len(options.MutatingWebhooks)+len(options.ValidatingWebhooks) == 0 {
		return nil
	}
	hooks := ctrlwebhook.NewServer(ctrlwebhook.Options{WebhookMux: http.NewServeMux()})
	s.register(hooks)
	certificate, err := tls.LoadX509KeyPair(filepath.Join(options.LocalServingCertDir, "tls.crt"), filepath.Join(options.LocalServingCertDir, "tls.key"))
	if err != nil {
		return fmt.Errorf("read the webhooks' certificate: %w", err)
	}
	serving := func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &certificate, nil }
	listener, _, err := webhook.Listen(options.LocalServingHost, options.LocalServingPort, serving, webhook.Clients{})
	if err != nil {
		return err
	}
	server := webhook.Server(hooks.WebhookMux())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	s.stopHooks = func() error {
		if err := errors.Join(server.Close(), <-ended); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	}
	return nil
}

// connect creates the clients and the kubeconfig.
func (s *Server) connect() error {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, gatewayv1.Install, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	var err error
	if s.Client, err = client.NewWithWatch(s.environment.Config, client.Options{Scheme: scheme}); err != nil {
		return fmt.Errorf("connect to the API server: %w", err)
	}
	reconciler, err := s.environment.AddUser(envtest.User{Name: Identity, Groups: []string{"system:masters"}}, nil)
	if err != nil {
		return fmt.Errorf("add the user %s: %w", Identity, err)
	}
	s.ReconcilerConfig = reconciler.Config()
	s.ReconcilerConfig.QPS = -1
	if s.Reconciler, err = client.New(s.ReconcilerConfig, client.Options{Scheme: scheme}); err != nil {
		return fmt.Errorf("connect to the API server as %s: %w", Identity, err)
	}
	s.Kubeconfig, err = s.AddUser("jane", "system:masters")
	return err
}

// AddUser creates a user and returns the path of a kubeconfig for it.
func (s *Server) AddUser(name string, groups ...string) (kubeconfig string, err error) {
	user, err := s.environment.AddUser(envtest.User{Name: name, Groups: groups}, nil)
	if err != nil {
		return "", fmt.Errorf("add the user %s: %w", name, err)
	}
	content, err := user.KubeConfig()
	if err != nil {
		return "", fmt.Errorf("make the kubeconfig of %s: %w", name, err)
	}
	kubeconfig = filepath.Join(s.Dir(), "kubeconfig-"+name)
	return kubeconfig, os.WriteFile(kubeconfig, content, 0o600)
}
