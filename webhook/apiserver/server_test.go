package apiserver

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/e2e/apiserver"
	"sluice.dev/sluice/internal/workload"
)

// sequences is how many random sequences of requests are tried.
var sequences = flag.Int("sequences", 12, "random sequences of requests to try")

// server is a real API server that calls the webhooks as the chart configures them.
var server *apiserver.Server

// operator is the kubeconfig of olga, who may do what the tests bind.
var operator string

func TestMain(m *testing.M) {
	os.Exit(apiserver.Serve(&server, func() int {
		var err error
		if operator, err = server.AddUser("olga"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}))
}

// cluster is one namespace with one Deployment.
type cluster struct {
	t         *testing.T
	namespace string
}

func newCluster(t *testing.T) cluster {
	t.Helper()
	return cluster{t, server.NewNamespace(t)}
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
	return server.Deployment(c.t, c.namespace)
}
func (c cluster) route() *gatewayv1.HTTPRoute { c.t.Helper(); return server.Route(c.t, c.namespace) }
func (c cluster) candidate() *workload.Candidate {
	c.t.Helper()
	return server.Candidate(c.t, c.namespace)
}
func (c cluster) available() { c.t.Helper(); server.MakeAvailable(c.t, c.namespace) }

// ask is what the reconciler does to have something put in by admission.
func (c cluster) ask(key, hash string) error {
	d := c.deployment()
	patch := client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, key, hash))
	return server.Reconciler.Patch(c.t.Context(), d, patch, client.FieldOwner("sluice"))
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

func manifest(image string, env ...string) string { return apiserver.Manifest(image, env...) }
