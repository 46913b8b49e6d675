//go:build !windows

package testserver

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// appName is the name of the Deployment in Manifest, and of its route.
const appName = "podinfo"

// Manifest is an opted-in Deployment called podinfo. Variables are given as NAME=value.
func Manifest(image string, env ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `apiVersion: apps/v1
kind: Deployment
metadata:
  name: %s
  annotations: {sluice.dev/canary: "true"}
spec:
  selector: {matchLabels: {app: podinfo}}
  template:
    metadata: {labels: {app: podinfo}}
    spec:
      containers:
        - name: app
          image: %s
`, appName, image)
	if len(env) > 0 {
		b.WriteString("          env:\n")
	}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		fmt.Fprintf(&b, "            - {name: %s, value: %q}\n", name, value)
	}
	return b.String()
}

// NewNamespace creates a namespace and returns its name.
func (s *Server) NewNamespace(t testing.TB) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	if err := s.Client.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	return namespace.Name
}

// App is podinfo in its own namespace: a Deployment and its route, which the test creates.
type App struct {
	*Server
	T         *testing.T
	Namespace string
}

// NewApp creates the namespace of an app.
func (s *Server) NewApp(t *testing.T) App {
	t.Helper()
	return App{Server: s, T: t, Namespace: s.NewNamespace(t)}
}

// In returns the same app for a subtest.
func (a App) In(t *testing.T) App {
	a.T = t
	return a
}

// Run runs a program of the server in the namespace, with a kubeconfig, and returns its whole output.
func (a App) Run(kubeconfig, input, program string, args ...string) (string, error) {
	args = append(args[:len(args):len(args)], "--kubeconfig", kubeconfig, "-n", a.Namespace)
	command := exec.CommandContext(a.T.Context(), a.Program(program), args...)
	command.Stdin = strings.NewReader(input)
	command.Env = append(os.Environ(), "HOME="+a.Dir())
	out, err := command.CombinedOutput()
	return string(out), err
}

// Deployment returns the Deployment of the app.
func (a App) Deployment() *appsv1.Deployment {
	a.T.Helper()
	var d appsv1.Deployment
	a.get(&d)
	return &d
}

// Route returns the route of the app.
func (a App) Route() *gatewayv1.HTTPRoute {
	a.T.Helper()
	var r gatewayv1.HTTPRoute
	a.get(&r)
	return &r
}

func (a App) get(object client.Object) {
	a.T.Helper()
	if err := a.Client.Get(a.T.Context(), client.ObjectKey{Namespace: a.Namespace, Name: appName}, object); err != nil {
		a.T.Fatal(err)
	}
}

// Candidate returns the candidate that the Deployment holds back, or nil if there is none.
func (a App) Candidate() *workload.Candidate {
	a.T.Helper()
	candidate, err := workload.CandidateOf(a.Deployment().Annotations)
	if err != nil {
		a.T.Fatal(err)
	}
	return candidate
}

// MakeAvailable reports the Deployment as rolled out and available, because no controller does so here.
func (a App) MakeAvailable() {
	a.T.Helper()
	d := a.Deployment()
	d.Status = RolledOut(d.Generation, 1)
	if err := a.Client.Status().Update(a.T.Context(), d); err != nil {
		a.T.Fatal(err)
	}
}

// Annotate sets an annotation as the reconciler. An empty value removes it.
func (a App) Annotate(object client.Object, key, value string) error {
	patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, key, value)
	if value == "" {
		patch = fmt.Appendf(nil, `{"metadata":{"annotations":{%q:null}}}`, key)
	}
	return a.Reconciler.Patch(a.T.Context(), object, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(config.FieldManager))
}

// RolledOut returns the status of a Deployment that is fully rolled out.
func RolledOut(generation int64, replicas int32) appsv1.DeploymentStatus {
	return appsv1.DeploymentStatus{
		ObservedGeneration: generation, Replicas: replicas, UpdatedReplicas: replicas, AvailableReplicas: replicas, ReadyReplicas: replicas,
		Conditions: []appsv1.DeploymentCondition{
			{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue},
			{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable"},
		},
	}
}
