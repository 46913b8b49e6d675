// Package gitops tests how GitOps engines and Helm work with the webhooks, at every moment of a rollout, with the engines
// themselves and a real API server.
package gitops

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/e2e/testserver"
	"sluice.dev/sluice/internal/workload"
)

// server is a real API server that calls the webhooks as the chart configures them.
var server *testserver.Server

func TestMain(m *testing.M) {
	os.Exit(testserver.Main(m, &server, func(ctx context.Context) error { return server.Build(ctx, "flux-driver", "argocd-driver") }))
}

// app is a namespace with a Deployment and its route, both named podinfo.
type app struct{ testserver.App }

func newApp(t *testing.T) app {
	t.Helper()
	return app{server.NewApp(t)}
}

// run runs one of the programs in the namespace and returns its whole output.
func (a app) run(program string, args ...string) (string, error) {
	return a.Run(server.Kubeconfig, "", program, args...)
}

// must runs one of the programs, which must succeed.
func (a app) must(program string, args ...string) string {
	a.T.Helper()
	out, err := a.run(program, args...)
	if err != nil {
		a.T.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return out
}

// expect checks what the primary has and what is held back: the image, the names of variables, and the mark.
func (a app) expect(moment, primary, held string) {
	a.T.Helper()
	if got := summary(a.Deployment().Spec.Template); got != primary {
		a.T.Fatalf("%s: the primary has %q, not %q", moment, got, primary)
	}
	got := ""
	if candidate := a.Candidate(); candidate != nil {
		pod, err := candidate.Template.Pod()
		if err != nil {
			a.T.Fatal(err)
		}
		got = strings.TrimSpace(summary(pod) + " " + string(candidate.Mark))
	}
	if got != held {
		a.T.Fatalf("%s: held back is %q, not %q", moment, got, held)
	}
}

func summary(template corev1.PodTemplateSpec) string {
	container := template.Spec.Containers[0]
	words := []string{container.Image}
	for _, env := range container.Env {
		words = append(words, env.Name)
	}
	return strings.Join(words, " ")
}

func (a app) promote() {
	a.T.Helper()
	a.annotate(a.Deployment(), config.AnnotationPromote, a.Candidate().ID().String())
}

func (a app) fail() {
	a.T.Helper()
	a.annotate(a.Deployment(), config.AnnotationFail, a.Candidate().ID().String())
}

func (a app) settle() {
	a.T.Helper()
	a.annotate(a.Deployment(), config.AnnotationSettle, a.previous().ID().String())
}

func (a app) restore() {
	a.T.Helper()
	a.annotate(a.Deployment(), config.AnnotationRestore, a.previous().ID().String())
}

func (a app) previous() *workload.Previous {
	a.T.Helper()
	previous, err := workload.PreviousOf(a.Deployment().Annotations)
	if err != nil || previous == nil {
		a.T.Fatalf("the template before the promotion: %v, %v", previous, err)
	}
	return previous
}

// split gives the canary a weight. 0 restores the route.
func (a app) split(weight int) {
	a.T.Helper()
	value := ""
	if weight > 0 {
		value = fmt.Sprintf(`[{"deployment":"podinfo","primary":"podinfo","canary":"podinfo-canary","weight":%d}]`, weight)
	}
	a.annotate(a.Route(), config.AnnotationSplit, value)
}

// annotate sets an annotation as the reconciler. An empty value removes it.
func (a app) annotate(object client.Object, key, value string) {
	a.T.Helper()
	if err := a.Annotate(object, key, value); err != nil {
		a.T.Fatal(err)
	}
}
