package apiserver

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	ctrlwebhook "sigs.k8s.io/controller-runtime/pkg/webhook"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/cluster/binaries"
	"sluice.dev/sluice/webhook"
	"sluice.dev/sluice/workload"
)

// server is a real API server that calls the webhooks as the chart configures them.
var server struct {
	client     client.Client
	kubectl    string
	helm       string
	kubeconfig string // of jane, who may do everything
	operator   string // kubeconfig of olga, who has what the tests bind
	// calls and canaryCalls count the calls of the mutating webhooks for Deployments and for Canaries.
	calls, canaryCalls atomic.Int64
}

func TestMain(m *testing.M) {
	code, err := serve(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func serve(m *testing.M) (int, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	dir, err := binaries.Ensure(ctx, os.Stderr, "etcd", "kube-apiserver", "kubectl", "helm")
	if err != nil {
		return 0, err
	}
	mutating, validating, err := configurations(filepath.Join(dir, "helm"))
	if err != nil {
		return 0, err
	}
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api").Output()
	if err != nil {
		return 0, err
	}
	environment := &envtest.Environment{
		BinaryAssetsDirectory: dir,
		CRDDirectoryPaths:     []string{filepath.Join(strings.TrimSpace(string(module)), "config", "crd", "standard"), "../../charts/sluice/crds"},
		WebhookInstallOptions: envtest.WebhookInstallOptions{MutatingWebhooks: mutating, ValidatingWebhooks: validating},
	}
	restConfig, err := environment.Start()
	if err != nil {
		return 0, fmt.Errorf("start the API server: %w", err)
	}
	defer func() { _ = environment.Stop() }()
	options := environment.WebhookInstallOptions
	hooks := ctrlwebhook.NewServer(ctrlwebhook.Options{Host: options.LocalServingHost, Port: options.LocalServingPort, CertDir: options.LocalServingCertDir})
	webhook.Register(counted{hooks})
	ended := make(chan error, 1)
	go func() { ended <- hooks.Start(ctx) }()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, gatewayv1.Install, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return 0, err
		}
	}
	if server.client, err = client.New(restConfig, client.Options{Scheme: scheme}); err != nil {
		return 0, err
	}
	server.kubectl, server.helm = filepath.Join(dir, "kubectl"), filepath.Join(dir, "helm")
	if server.kubeconfig, err = addUser(environment, "jane", "system:masters"); err != nil {
		return 0, err
	}
	if server.operator, err = addUser(environment, "olga"); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// addUser returns the path of the kubeconfig of a new user.
func addUser(environment *envtest.Environment, name string, groups ...string) (string, error) {
	user, err := environment.AddUser(envtest.User{Name: name, Groups: groups}, nil)
	if err != nil {
		return "", err
	}
	content, err := user.KubeConfig()
	if err != nil {
		return "", err
	}
	path := filepath.Join(environment.WebhookInstallOptions.LocalServingCertDir, "kubeconfig-"+name)
	return path, os.WriteFile(path, content, 0o600)
}

// counted counts the calls of the mutating webhooks for Deployments and for Canaries.
type counted struct{ ctrlwebhook.Server }

func (c counted) Register(path string, handler http.Handler) {
	c.Server.Register(path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path {
		case webhook.MutateDeploymentPath:
			server.calls.Add(1)
		case webhook.MutateCanaryPath:
			server.canaryCalls.Add(1)
		}
		handler.ServeHTTP(w, r)
	}))
}

// configurations are those of the chart, as helm renders it.
func configurations(helm string) ([]*admissionregistrationv1.MutatingWebhookConfiguration, []*admissionregistrationv1.ValidatingWebhookConfiguration, error) {
	out, err := exec.Command(helm, "template", "sluice", "../../charts/sluice", "--show-only", "templates/webhooks.yaml").Output()
	if err != nil {
		return nil, nil, fmt.Errorf("helm template: %w", err)
	}
	mutating, validating := &admissionregistrationv1.MutatingWebhookConfiguration{}, &admissionregistrationv1.ValidatingWebhookConfiguration{}
	for _, document := range bytes.Split(out, []byte("\n---\n")) {
		var into any = mutating
		if bytes.Contains(document, []byte("kind: ValidatingWebhookConfiguration")) {
			into = validating
		}
		if err := yaml.UnmarshalStrict(document, into); err != nil {
			return nil, nil, fmt.Errorf("read the chart's webhooks: %w", err)
		}
	}
	return []*admissionregistrationv1.MutatingWebhookConfiguration{mutating}, []*admissionregistrationv1.ValidatingWebhookConfiguration{validating}, nil
}

// cluster is one namespace with one Deployment.
type cluster struct {
	t         *testing.T
	namespace string
}

func newCluster(t *testing.T) cluster {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	if err := server.client.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	return cluster{t, namespace.Name}
}

// run runs kubectl and returns all that it prints.
func (c cluster) run(input string, args ...string) (string, error) {
	return c.runAs(server.kubeconfig, input, args...)
}

func (c cluster) runAs(kubeconfig, input string, args ...string) (string, error) {
	command := exec.CommandContext(c.t.Context(), server.kubectl, append([]string{"--kubeconfig", kubeconfig, "-n", c.namespace}, args...)...)
	command.Stdin = strings.NewReader(input)
	command.Env = append(os.Environ(), "KUBE_EDITOR=sed -i s/podinfo:v1/podinfo:v2/", "HOME="+filepath.Dir(server.kubeconfig))
	out, err := command.CombinedOutput()
	return string(out), err
}

// kubectl runs kubectl and fails the test when it fails.
func (c cluster) kubectl(input string, args ...string) string {
	c.t.Helper()
	out, err := c.run(input, args...)
	if err != nil {
		c.t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (c cluster) deployment() *appsv1.Deployment {
	c.t.Helper()
	var d appsv1.Deployment
	if err := server.client.Get(c.t.Context(), client.ObjectKey{Namespace: c.namespace, Name: "podinfo"}, &d); err != nil {
		c.t.Fatal(err)
	}
	return &d
}

// available makes the primary one that serves: no controller does it here.
func (c cluster) available() {
	c.t.Helper()
	d := c.deployment()
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1, ReadyReplicas: 1}
	if err := server.client.Status().Update(c.t.Context(), d); err != nil {
		c.t.Fatal(err)
	}
}

// ask is what the reconciler does to have something put in by admission.
func (c cluster) ask(key, hash string) error {
	d := c.deployment()
	patch := client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, key, hash))
	return server.client.Patch(c.t.Context(), d, patch, client.FieldOwner("sluice"))
}

func (c cluster) candidate() *workload.Candidate {
	c.t.Helper()
	candidate, err := workload.CandidateOf(c.deployment().Annotations)
	if err != nil {
		c.t.Fatal(err)
	}
	return candidate
}

// imageAndEnv tells what matters of a pod template in these tests.
func imageAndEnv(template corev1.PodTemplateSpec) string {
	var parts []string
	for _, container := range template.Spec.Containers {
		parts = append(parts, container.Image)
		for _, env := range container.Env {
			parts = append(parts, env.Name+"="+env.Value)
		}
	}
	return strings.Join(parts, " ")
}

func (c cluster) primary() string { c.t.Helper(); return imageAndEnv(c.deployment().Spec.Template) }

// held is what the candidate runs, and how it is marked; empty without a candidate.
func (c cluster) held() string {
	c.t.Helper()
	candidate := c.candidate()
	if candidate == nil {
		return ""
	}
	pod, err := candidate.Template.Pod()
	if err != nil {
		c.t.Fatal(err)
	}
	return strings.TrimSpace(imageAndEnv(pod) + " " + string(candidate.Mark))
}

func manifest(image string, env ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `apiVersion: apps/v1
kind: Deployment
metadata:
  name: podinfo
  annotations: {sluice.dev/canary: "true"}
spec:
  selector: {matchLabels: {app: podinfo}}
  template:
    metadata: {labels: {app: podinfo}}
    spec:
      containers:
        - name: app
          image: %s
`, image)
	if len(env) > 0 {
		b.WriteString("          env:\n")
	}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		fmt.Fprintf(&b, "            - {name: %s, value: %q}\n", name, value)
	}
	return b.String()
}
