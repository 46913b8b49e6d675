package apiserver

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/internal/workload"
)

// appName is the name of the Deployment of Manifest, and of its route.
const appName = "podinfo"

// Manifest is a Deployment, podinfo, that is opted in. Variables are given as NAME=value.
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

// NewNamespace makes a namespace and returns its name.
func (s *Server) NewNamespace(t testing.TB) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	if err := s.Client.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	return namespace.Name
}

// Deployment is podinfo in a namespace.
func (s *Server) Deployment(t testing.TB, namespace string) *appsv1.Deployment {
	t.Helper()
	var d appsv1.Deployment
	s.get(t, namespace, &d)
	return &d
}

// Route is that of podinfo in a namespace.
func (s *Server) Route(t testing.TB, namespace string) *gatewayv1.HTTPRoute {
	t.Helper()
	var r gatewayv1.HTTPRoute
	s.get(t, namespace, &r)
	return &r
}

func (s *Server) get(t testing.TB, namespace string, object client.Object) {
	t.Helper()
	if err := s.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: appName}, object); err != nil {
		t.Fatal(err)
	}
}

// Candidate is what podinfo in a namespace holds back; nil when that is nothing.
func (s *Server) Candidate(t testing.TB, namespace string) *workload.Candidate {
	t.Helper()
	candidate, err := workload.CandidateOf(s.Deployment(t, namespace).Annotations)
	if err != nil {
		t.Fatal(err)
	}
	return candidate
}

// MakeAvailable makes podinfo in a namespace one that serves and has nothing left to do: no controller does it here.
func (s *Server) MakeAvailable(t testing.TB, namespace string) {
	t.Helper()
	d := s.Deployment(t, namespace)
	d.Status = RolledOut(d.Generation, 1)
	if err := s.Client.Status().Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

// RolledOut is the status of a Deployment that has nothing left to do.
func RolledOut(generation int64, replicas int32) appsv1.DeploymentStatus {
	return appsv1.DeploymentStatus{
		ObservedGeneration: generation, Replicas: replicas, UpdatedReplicas: replicas, AvailableReplicas: replicas, ReadyReplicas: replicas,
		Conditions: []appsv1.DeploymentCondition{
			{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue},
			{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable"},
		},
	}
}
