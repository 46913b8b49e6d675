package gitops

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config/policy"
	"sluice.dev/sluice/e2e/testserver"
	"sluice.dev/sluice/rollout"
	"sluice.dev/sluice/rollout/observed"
)

// documented writes the example of a kind in docs/how-to/gitops.md to a file.
func documented(t *testing.T, kind string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/how-to/gitops.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split(string(page), "```yaml\n")[1:] {
		example, _, _ := strings.Cut(part, "```")
		if strings.Contains(example, "\nkind: "+kind+"\n") {
			path := filepath.Join(t.TempDir(), "example.yaml")
			if err := os.WriteFile(path, []byte(example), 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}
	}
	t.Fatalf("docs/how-to/gitops.md has no example of a %s", kind)
	return ""
}

// health returns a function that checks the result of the documented health checks for the Deployment.
func (s *story) health() func(moment, inFlux, inArgoCD string) {
	s.T.Helper()
	kustomization, settings := documented(s.T, "Kustomization"), documented(s.T, "ConfigMap")
	return func(moment, inFlux, inArgoCD string) {
		s.T.Helper()
		out := s.must("flux-driver", "health", "-f", s.manifest, "--kustomization", kustomization)
		if !strings.Contains(out, "podinfo "+inFlux+"\nHTTP") {
			s.T.Errorf("%s: Flux finds\n%s", moment, out)
		}
		out = s.must("argocd-driver", "health", "-f", s.manifest, "--settings", settings)
		if !strings.HasPrefix(out, "Deployment/podinfo "+inArgoCD+"\n") {
			s.T.Errorf("%s: Argo CD finds\n%s", moment, out)
		}
	}
}

func TestTheHealthChecksOfTheDocumentationFollowTheRollout(t *testing.T) {
	s := &story{app: newApp(t), engine: flux}
	healthy := s.health()
	is := func(moment, inFlux, inArgoCD string) {
		t.Helper()
		s.MakeAvailable()
		healthy(moment, inFlux, inArgoCD)
	}
	s.commit("podinfo:v1")
	is("idle", "Current", "Healthy ")
	s.commit("podinfo:v2")
	is("held", "InProgress", "Progressing A candidate is being checked")
	s.fail()
	is("failed", "Failed", "Degraded The candidate has failed")
	s.annotateByHand("sluice.dev/retry=true")
	is("retried", "InProgress", "Progressing A candidate is being checked")
	s.annotateByHand("sluice.dev/abort=true")
	is("aborted", "Failed", "Degraded The candidate has been aborted")
	s.commit("podinfo:v3")
	is("third version", "InProgress", "Progressing A candidate is being checked")
	s.promote()
	is("promoted", "InProgress", "Progressing The candidate is being promoted")
	s.settle()
	is("settled", "Current", "Healthy ")
	s.commit("podinfo:v4")
	s.commit("podinfo:v3")
	is("reverted", "Current", "Healthy ")
}

func TestTheHealthChecksOfTheDocumentationSeeTheDeploymentItself(t *testing.T) {
	s := &story{app: newApp(t), engine: flux}
	s.commit("podinfo:v1")
	is := s.health()
	is("not seen by the Deployment controller", "InProgress", "Progressing The Deployment rolls")
	d := s.Deployment()
	d.Status = testserver.RolledOut(d.Generation, 1)
	d.Status.AvailableReplicas = 0
	if err := server.Client.Status().Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	is("no replica is available", "InProgress", "Progressing The Deployment rolls")
	d.Status.Conditions[1].Reason = "ProgressDeadlineExceeded"
	if err := server.Client.Status().Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	is("stuck", "Failed", "Degraded The Deployment has exceeded its progress deadline")
	s.must("kubectl", "rollout", "pause", "deployment/podinfo")
	s.MakeAvailable()
	is("paused", "Current", "Suspended The Deployment is paused")
}

func TestWithoutHealthChecksADeploymentIsHealthyWhileItsCandidateIsJudged(t *testing.T) {
	s := &story{app: newApp(t), engine: flux}
	s.commit("podinfo:v1")
	s.MakeAvailable()
	s.commit("podinfo:v2")
	s.MakeAvailable()
	if out := s.must("flux-driver", "health", "-f", s.manifest); !strings.Contains(out, "podinfo Current\nHTTP") {
		t.Errorf("Flux finds\n%s", out)
	}
	if out := s.must("argocd-driver", "health", "-f", s.manifest); !strings.HasPrefix(out, "Deployment/podinfo Healthy") {
		t.Errorf("Argo CD finds\n%s", out)
	}
}

// conditionsIn returns the conditions that a rollout gives a Canary in a phase. The Canary's Deployment is gone, so that the
// phase stays. The function adds the condition that everything was found.
func conditionsIn(phase v1alpha1.Phase) []metav1.Condition {
	state, seen := observed.State{Phase: phase, Message: "why"}, observed.World{Now: time.Now()}
	state = rollout.Decide(rollout.FactsOf(rollout.TermsOf(policy.Defaults(), state, seen), state, seen)).Next
	return append(state.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: "Found", LastTransitionTime: metav1.Now(),
	})
}

func TestHealthOfACanary(t *testing.T) {
	a := newApp(t)
	settings, manifest := documented(t, "ConfigMap"), filepath.Join(t.TempDir(), "canary.yaml")
	if err := os.WriteFile(manifest, []byte("apiVersion: sluice.dev/v1alpha1\nkind: Canary\nmetadata: {name: podinfo}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	canary := &v1alpha1.Canary{ObjectMeta: metav1.ObjectMeta{Namespace: a.Namespace, Name: "podinfo"}}
	if err := server.Client.Create(t.Context(), canary); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		phase            v1alpha1.Phase
		inArgoCD, inFlux string
	}{
		{v1alpha1.PhaseInitializing, "Progressing", "InProgress"},
		{v1alpha1.PhaseInitialized, "Healthy", "Current"},
		{v1alpha1.PhaseWaiting, "Progressing", "InProgress"},
		{v1alpha1.PhaseProgressing, "Progressing", "InProgress"},
		{v1alpha1.PhaseWaitingPromotion, "Progressing", "InProgress"},
		{v1alpha1.PhasePromoting, "Progressing", "InProgress"},
		{v1alpha1.PhaseFinalising, "Progressing", "InProgress"},
		{v1alpha1.PhaseSucceeded, "Healthy", "Current"},
		{v1alpha1.PhaseFailed, "Degraded", "Failed"},
	} {
		canary.Status = v1alpha1.CanaryStatus{Phase: c.phase, Message: "why", CanaryRecord: v1alpha1.CanaryRecord{Conditions: conditionsIn(c.phase)}}
		if err := server.Client.Status().Update(t.Context(), canary); err != nil {
			t.Fatal(err)
		}
		if out := a.must("argocd-driver", "health", "-f", manifest, "--settings", settings); out != "Canary/podinfo "+c.inArgoCD+" why\n" {
			t.Errorf("%s: Argo CD finds\n%s", c.phase, out)
		}
		if out := a.must("flux-driver", "health", "-f", manifest); !strings.HasSuffix(out, "/podinfo "+c.inFlux+"\n") {
			t.Errorf("%s: Flux finds\n%s", c.phase, out)
		}
	}
	meta.SetStatusCondition(&canary.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: "Missing"})
	meta.SetStatusCondition(&canary.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionFalse, Reason: "Initialized"})
	if err := server.Client.Status().Update(t.Context(), canary); err != nil {
		t.Fatal(err)
	}
	if out := a.must("flux-driver", "health", "-f", manifest); !strings.HasSuffix(out, "/podinfo InProgress\n") {
		t.Errorf("not ready: Flux finds\n%s", out)
	}
}
