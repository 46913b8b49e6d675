// Package app installs the sample application into a cluster and follows its rollouts, for the end-to-end suite, the demo and
// the benchmark.
package app

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/binaries"
	"sluice.dev/sluice/e2e/traffic"
)

// App is the sample application in its own namespace.
type App struct {
	// Client reads and writes the cluster; it can watch.
	Client client.WithWatch
	// Namespace is the namespace of the application.
	Namespace  string
	name       string
	kubectl    string
	kubeconfig string
	config     *rest.Config
	// as are the flags of kubectl that name somebody else than the administrator.
	as []string
}

// Name is the name of the Deployment, the Service, the HTTPRoute and the Canary, unless Options or Named set another.
const Name = "podinfo"

// GatewayURL is the gateway on the loopback address of this machine, and GatewayAddress is the same for gRPC. InnerGatewayURL
// is the gateway as pods reach it.
const (
	GatewayURL      = "http://127.0.0.1:8080/"
	GatewayAddress  = "127.0.0.1:8080"
	InnerGatewayURL = "http://gateway.gateway-system/"
)

// Connect connects to the cluster of the checkout.
func Connect(ctx context.Context, namespace string) (*App, error) {
	root, err := binaries.Root(ctx)
	if err != nil {
		return nil, err
	}
	kubeconfig := root + "/.cluster/kubeconfig"
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read %s, is the cluster up (make cluster-up)? %w", kubeconfig, err)
	}
	config.QPS, config.Burst = 100, 200
	a := &App{Namespace: namespace, name: Name, kubectl: root + "/.cluster/bin/kubectl", kubeconfig: kubeconfig, config: config}
	return a, a.connect()
}

func (a *App) connect() error {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, gatewayv1.Install, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return fmt.Errorf("register types: %w", err)
		}
	}
	var err error
	if a.Client, err = client.NewWithWatch(a.config, client.Options{Scheme: scheme}); err != nil {
		return fmt.Errorf("connect to the cluster: %w", err)
	}
	return nil
}

// AsServiceAccount returns the same application in the hands of a ServiceAccount of its namespace: what it asks of the cluster needs
// the rights of that.
func (a *App) AsServiceAccount(name string) (*App, error) {
	user := rest.ImpersonationConfig{UserName: "system:serviceaccount:" + a.Namespace + ":" + name,
		Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + a.Namespace, "system:authenticated"}}
	other := *a
	other.config = rest.CopyConfig(a.config)
	other.config.Impersonate = user
	other.as = []string{"--as=" + user.UserName}
	for _, group := range user.Groups {
		other.as = append(other.as, "--as-group="+group)
	}
	return &other, other.connect()
}

// Kubectl runs kubectl in the application's namespace and returns its output, including warnings.
func (a *App) Kubectl(ctx context.Context, input string, args ...string) (string, error) {
	return a.run(ctx, input, append([]string{"-n", a.Namespace}, args...)...)
}

func (a *App) run(ctx context.Context, input string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, a.kubectl, slices.Concat([]string{"--kubeconfig", a.kubeconfig}, a.as, args)...)
	command.Stdin = strings.NewReader(input)
	out, err := command.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// Named returns another application in the same namespace.
func (a *App) Named(name string) *App {
	other := *a
	other.name = name
	return &other
}

// Apply applies manifests with their own namespaces, as a user does.
func (a *App) Apply(ctx context.Context, manifests ...string) error {
	_, err := a.run(ctx, strings.Join(manifests, "\n---\n"), "apply", "-f", "-")
	return err
}

// Remove deletes the objects of manifests. A missing object is no error.
func (a *App) Remove(ctx context.Context, manifests ...string) error {
	_, err := a.run(ctx, strings.Join(manifests, "\n---\n"), "delete", "--ignore-not-found", "-f", "-")
	return err
}

// Deploy installs version v1 of an application and waits until it is rolled out. It also applies the manifests.
func (a *App) Deploy(ctx context.Context, options Options, manifests ...string) error {
	if err := a.Apply(ctx, append([]string{Manifest(a.Namespace, options)}, manifests...)...); err != nil {
		return err
	}
	_, err := a.Kubectl(ctx, "", "rollout", "status", "deployment/"+options.name(), "--timeout=120s")
	return err
}

// Delete deletes the namespace and that of RemoteRoute, and waits until both are gone.
func (a *App) Delete(ctx context.Context) error {
	_, err := a.Kubectl(ctx, "", "delete", "namespace", a.Namespace, a.Namespace+"-edge", "--ignore-not-found", "--wait", "--timeout=120s")
	return err
}

// Traffic sends requests to the application through the gateway.
func (a *App) Traffic(ctx context.Context, rate float64) (*traffic.Run, error) {
	return a.Visit(ctx, traffic.Options{Rate: rate})
}

// Visit sends requests to the application through the gateway, according to the options. They need neither URL nor host.
func (a *App) Visit(ctx context.Context, options traffic.Options) (*traffic.Run, error) {
	if options.URL == "" {
		options.URL = GatewayURL
	}
	if options.Host == "" {
		options.Host = a.Host()
	}
	return traffic.Start(ctx, options)
}

// Call makes gRPC calls to the application through its GRPCRoute.
func (a *App) Call(ctx context.Context, rate float64) (*traffic.Run, error) {
	return traffic.StartGRPC(ctx, traffic.GRPCOptions{Address: GatewayAddress, Host: "grpc." + a.Namespace + ".example.com", Rate: rate})
}

// Host returns the host name of the application at the gateway.
func (a *App) Host() string { return host(a.Namespace, a.name) }

// Upstream returns the environment that makes another application call this one through the gateway.
func (a *App) Upstream() []string {
	return []string{"UPSTREAM=" + InnerGatewayURL, "UPSTREAM_HOST=" + a.Host()}
}

// Canary reads the Canary. Nil if there is none.
func (a *App) Canary(ctx context.Context) (*v1alpha1.Canary, error) {
	return read(ctx, a, a.name, &v1alpha1.Canary{})
}

// Deployment reads a Deployment. Nil if there is none.
func (a *App) Deployment(ctx context.Context, name string) (*appsv1.Deployment, error) {
	return read(ctx, a, name, &appsv1.Deployment{})
}

// Route reads the HTTPRoute. Nil if there is none.
func (a *App) Route(ctx context.Context) (*gatewayv1.HTTPRoute, error) {
	return read(ctx, a, a.name, &gatewayv1.HTTPRoute{})
}

func read[T client.Object](ctx context.Context, a *App, name string, object T) (T, error) {
	var none T
	err := a.Client.Get(ctx, client.ObjectKey{Namespace: a.Namespace, Name: name}, object)
	if apierrors.IsNotFound(err) {
		return none, nil
	}
	if err != nil {
		return none, fmt.Errorf("read %T %s/%s: %w", object, a.Namespace, name, err)
	}
	return object, nil
}
