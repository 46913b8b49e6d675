// Package admission tests the webhooks with kubectl against a real API server that calls them as the chart configures them.
package admission

import (
	"context"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"sluice.dev/sluice/e2e/testserver"
)

// patience is how long the API server may take to know what a test has just created. It allows for a machine on which other tests
// leave little CPU. glance is the interval between two looks.
const (
	patience = time.Minute
	glance   = 100 * time.Millisecond
)

// sequences is the number of random sequences of requests to try.
var sequences = flag.Int("sequences", 12, "random sequences of requests to try")

// server is a real API server that calls the webhooks as the chart configures them.
var server *testserver.Server

// operator is the kubeconfig of olga, who may do only what the tests bind.
var operator string

func TestMain(m *testing.M) {
	os.Exit(testserver.Main(m, &server, func(context.Context) (err error) {
		if operator, err = server.AddUser("olga"); err != nil {
			return err
		}
		return os.Setenv("KUBE_EDITOR", "sed -i s/podinfo:v1/podinfo:v2/")
	}))
}

// cluster is a namespace with one Deployment.
type cluster struct{ testserver.App }

func newCluster(t *testing.T) cluster {
	t.Helper()
	return cluster{server.NewApp(t)}
}

// in returns the same cluster in a subtest.
func (c cluster) in(t *testing.T) cluster { return cluster{c.In(t)} }

// run runs kubectl and returns its whole output.
func (c cluster) run(input string, args ...string) (string, error) {
	return c.Run(server.Kubeconfig, input, "kubectl", args...)
}

// kubectl runs kubectl, which must succeed.
func (c cluster) kubectl(input string, args ...string) string {
	c.T.Helper()
	out, err := c.run(input, args...)
	if err != nil {
		c.T.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// ask requests an action of admission, as the reconciler does.
func (c cluster) ask(key, id string) error { return c.Annotate(c.Deployment(), key, id) }

// imageAndEnv returns the part of a pod template that matters in these tests.
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

func (c cluster) primary() string { c.T.Helper(); return imageAndEnv(c.Deployment().Spec.Template) }

// held returns what the candidate runs and how it is marked. Empty without a candidate.
func (c cluster) held() string {
	c.T.Helper()
	candidate := c.Candidate()
	if candidate == nil {
		return ""
	}
	pod, err := candidate.Template.Pod()
	if err != nil {
		c.T.Fatal(err)
	}
	return strings.TrimSpace(imageAndEnv(pod) + " " + string(candidate.Mark))
}

func manifest(image string, env ...string) string { return testserver.Manifest(image, env...) }
