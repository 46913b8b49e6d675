package apiserver

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap/zapcore"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"sluice.dev/sluice/e2e/apiserver"
	"sluice.dev/sluice/workload"
)

// sequences is how many random sequences of requests are tried.
var sequences = flag.Int("sequences", 12, "random sequences of requests to try")

// server is a real API server that calls the webhooks as the chart configures them.
var server *apiserver.Server

// operator is the kubeconfig of olga, who may do what the tests bind.
var operator string

func TestMain(m *testing.M) {
	code, err := serve(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func serve(m *testing.M) (code int, err error) {
	ctrl.SetLogger(zap.New(zap.WriteTo(os.Stderr), zap.Level(zapcore.ErrorLevel)))
	if server, err = apiserver.Start(context.Background()); err != nil {
		return 0, err
	}
	defer func() { _ = server.Stop() }()
	if operator, err = server.AddUser("olga"); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// cluster is one namespace with one Deployment.
type cluster struct {
	t         *testing.T
	namespace string
}

func newCluster(t *testing.T) cluster {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	if err := server.Client.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	return cluster{t, namespace.Name}
}

// run runs kubectl and returns all that it prints.
func (c cluster) run(input string, args ...string) (string, error) {
	return c.runAs(server.Kubeconfig, input, args...)
}

func (c cluster) runAs(kubeconfig, input string, args ...string) (string, error) {
	command := exec.CommandContext(c.t.Context(), server.Program("kubectl"), append([]string{"--kubeconfig", kubeconfig, "-n", c.namespace}, args...)...)
	command.Stdin = strings.NewReader(input)
	command.Env = append(os.Environ(), "KUBE_EDITOR=sed -i s/podinfo:v1/podinfo:v2/", "HOME="+filepath.Dir(server.Kubeconfig))
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
	if err := server.Client.Get(c.t.Context(), client.ObjectKey{Namespace: c.namespace, Name: "podinfo"}, &d); err != nil {
		c.t.Fatal(err)
	}
	return &d
}

// available makes the primary one that serves: no controller does it here.
func (c cluster) available() {
	c.t.Helper()
	d := c.deployment()
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1, ReadyReplicas: 1}
	if err := server.Client.Status().Update(c.t.Context(), d); err != nil {
		c.t.Fatal(err)
	}
}

// ask is what the reconciler does to have something put in by admission.
func (c cluster) ask(key, hash string) error {
	d := c.deployment()
	patch := client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, key, hash))
	return server.Reconciler.Patch(c.t.Context(), d, patch, client.FieldOwner("sluice"))
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
