package gitops

import (
	"context"
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

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/e2e/apiserver"
	"sluice.dev/sluice/internal/workload"
)

// server is a real API server that calls the webhooks as the chart configures them.
var server *apiserver.Server

func TestMain(m *testing.M) {
	os.Exit(apiserver.Serve(&server, func() int {
		if err := server.Build(context.Background(), "flux-driver", "argocd-driver"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}))
}

// app is one namespace with a Deployment and its route, both named podinfo.
type app struct {
	t         *testing.T
	namespace string
}

func newApp(t *testing.T) app {
	t.Helper()
	return app{t, server.NewNamespace(t)}
}

// run runs one of the programs in the namespace and returns all that it prints.
func (a app) run(program string, args ...string) (string, error) {
	command := exec.CommandContext(a.t.Context(), server.Program(program), append(args, "--kubeconfig", server.Kubeconfig, "-n", a.namespace)...)
	command.Env = append(os.Environ(), "HOME="+filepath.Dir(server.Kubeconfig))
	out, err := command.CombinedOutput()
	return string(out), err
}

// must runs one of the programs and fails the test when it fails.
func (a app) must(program string, args ...string) string {
	a.t.Helper()
	out, err := a.run(program, args...)
	if err != nil {
		a.t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return out
}

func (a app) deployment() *appsv1.Deployment {
	a.t.Helper()
	return server.Deployment(a.t, a.namespace)
}
func (a app) route() *gatewayv1.HTTPRoute    { a.t.Helper(); return server.Route(a.t, a.namespace) }
func (a app) candidate() *workload.Candidate { a.t.Helper(); return server.Candidate(a.t, a.namespace) }
func (a app) available()                     { a.t.Helper(); server.MakeAvailable(a.t, a.namespace) }

// expect says what the primary has and what is held back: the image, the names of variables, and how it is marked.
func (a app) expect(moment, primary, held string) {
	a.t.Helper()
	if got := summary(a.deployment().Spec.Template); got != primary {
		a.t.Fatalf("%s: the primary has %q, not %q", moment, got, primary)
	}
	got := ""
	if candidate := a.candidate(); candidate != nil {
		pod, err := candidate.Template.Pod()
		if err != nil {
			a.t.Fatal(err)
		}
		got = strings.TrimSpace(summary(pod) + " " + string(candidate.Mark))
	}
	if got != held {
		a.t.Fatalf("%s: held back is %q, not %q", moment, got, held)
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
	a.t.Helper()
	a.annotate(a.deployment(), config.AnnotationPromote, a.candidate().Hash)
}

func (a app) fail() {
	a.t.Helper()
	a.annotate(a.deployment(), config.AnnotationFail, a.candidate().Hash)
}

func (a app) settle() {
	a.t.Helper()
	a.annotate(a.deployment(), config.AnnotationSettle, a.previous().Hash)
}

func (a app) restore() {
	a.t.Helper()
	a.annotate(a.deployment(), config.AnnotationRestore, a.previous().Hash)
}

func (a app) previous() *workload.Previous {
	a.t.Helper()
	previous, err := workload.PreviousOf(a.deployment().Annotations)
	if err != nil || previous == nil {
		a.t.Fatalf("the template before the promotion: %v, %v", previous, err)
	}
	return previous
}

// split gives the canary a weight; 0 restores the route.
func (a app) split(weight int) {
	a.t.Helper()
	value := ""
	if weight > 0 {
		value = fmt.Sprintf(`{"deployment":"podinfo","primary":"podinfo","canary":"podinfo-canary","weight":%d}`, weight)
	}
	a.annotate(a.route(), config.AnnotationSplit, value)
}

// annotate sets an annotation as the reconciler; an empty value removes it.
func (a app) annotate(object client.Object, key, value string) {
	a.t.Helper()
	patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, key, value)
	if value == "" {
		patch = fmt.Appendf(nil, `{"metadata":{"annotations":{%q:null}}}`, key)
	}
	if err := server.Reconciler.Patch(a.t.Context(), object, client.RawPatch("application/merge-patch+json", patch), client.FieldOwner(config.FieldManager)); err != nil {
		a.t.Fatal(err)
	}
}
