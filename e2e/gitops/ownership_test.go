package gitops

import (
	"testing"
)

// Flux takes over fields that were written with kubectl, by a patch of managedFields that does not contain the template.
func TestTakingOwnershipOverKeepsTheCandidate(t *testing.T) {
	s := &story{app: newApp(t), engine: flux}
	s.commit("podinfo:v1")
	s.MakeAvailable()
	s.commit("podinfo:v2")
	s.fail()
	s.must("kubectl", "label", "deployment", "podinfo", "team=a")
	before := s.Candidate()
	s.apply(s.app, s.manifest)
	s.expect("a failed candidate after a label by hand", "podinfo:v1", "podinfo:v2 failed")
	if after := s.Candidate(); !after.At.Equal(before.At) || !after.MarkedAt.Equal(*before.MarkedAt) {
		t.Errorf("the candidate was asked for again: %v, %v", before, after)
	}
	if team := s.Deployment().Labels["team"]; team != "" {
		t.Errorf("the label by hand is still there: %q", team)
	}
}

func TestFluxUndoesWhatWasSetByHandInFlight(t *testing.T) {
	s := &story{app: newApp(t), engine: flux}
	s.commit("podinfo:v1")
	s.MakeAvailable()
	s.commit("podinfo:v2")
	s.must("kubectl", "set", "env", "deployment/podinfo", "DEBUG=1")
	s.expect("set by hand", "podinfo:v1", "podinfo:v2 DEBUG")
	s.apply(s.app, s.manifest)
	s.expect("the next interval", "podinfo:v1", "podinfo:v2")
	s.must("kubectl", "set", "image", "deployment/podinfo", "app=podinfo:mine")
	s.expect("another image by hand", "podinfo:v1", "podinfo:mine")
	s.apply(s.app, s.manifest)
	s.expect("the next interval", "podinfo:v1", "podinfo:v2")
}

func TestARestartByHandInFlightIsKeptFromFluxByItsManager(t *testing.T) {
	s := &story{app: newApp(t), engine: flux}
	s.commit("podinfo:v1")
	s.MakeAvailable()
	restarted := func() bool {
		candidate := s.Candidate()
		if candidate == nil {
			return false
		}
		pod, err := candidate.Template.Pod()
		if err != nil {
			t.Fatal(err)
		}
		return pod.Annotations["kubectl.kubernetes.io/restartedAt"] != ""
	}
	s.must("kubectl", "rollout", "restart", "deployment/podinfo")
	s.expect("restarted", "podinfo:v1", "podinfo:v1")
	s.apply(s.app, s.manifest)
	s.expect("Flux undoes it, as in any Deployment", "podinfo:v1", "")
	s.must("kubectl", "rollout", "restart", "deployment/podinfo", "--field-manager=flux-client-side-apply")
	s.interval(s.app, "restarted", s.manifest)
	if !restarted() {
		t.Error("the restart is not in flight")
	}
	s.commit("podinfo:v2")
	s.expect("a new version", "podinfo:v1", "podinfo:v2")
	if !restarted() {
		t.Error("the new version does not have the restart")
	}
}

func TestArgoCDGoesOverToServerSideApplyInFlight(t *testing.T) {
	s := &story{app: newApp(t), engine: engine{apply: func(a app, manifest string) {
		a.T.Helper()
		a.must("kubectl", "apply", "-f", manifest)
	}}}
	s.commit("podinfo:v1", "A")
	s.MakeAvailable()
	s.commit("podinfo:v2", "B")
	before := s.Candidate()
	s.must("argocd-driver", "sync", "-f", s.manifest)
	s.expect("synced", "podinfo:v1 A", "podinfo:v2 B")
	if after := s.Candidate(); after.Hash != before.Hash || !after.At.Equal(before.At) {
		t.Errorf("the candidate was asked for again: %v, %v", before, after)
	}
	s.engine = argocd(includeMutationWebhook)
	s.interval(s.app, "synced", s.manifest)
	s.commit("podinfo:v1", "A")
	s.expect("reverted", "podinfo:v1 A", "")
}

func TestKubectlGoesOverToServerSideApplyInFlight(t *testing.T) {
	s := &story{app: newApp(t), engine: engine{apply: func(a app, manifest string) {
		a.T.Helper()
		a.must("kubectl", "apply", "-f", manifest)
	}}}
	s.commit("podinfo:v1", "A")
	s.MakeAvailable()
	s.commit("podinfo:v2", "B")
	s.expect("applied client-side", "podinfo:v1 A", "podinfo:v2 B")
	before := s.Candidate()
	s.must("kubectl", "apply", "--server-side", "--force-conflicts", "-f", s.manifest)
	s.expect("applied server-side", "podinfo:v1 A", "podinfo:v2 B")
	if after := s.Candidate(); after.Hash != before.Hash || !after.At.Equal(before.At) {
		t.Errorf("the candidate was asked for again: %v, %v", before, after)
	}
}

func TestAFieldThatIsNoLongerAppliedGetsItsDefault(t *testing.T) {
	s := &story{app: newApp(t), engine: flux}
	s.commit("podinfo:v1")
	s.MakeAvailable()
	s.commit("podinfo:v3")
	want := s.Candidate().Hash
	s.commit("podinfo:v2\n          imagePullPolicy: Always")
	s.expect("another pull policy", "podinfo:v1", "podinfo:v2")
	s.commit("podinfo:v3")
	if hash := s.Candidate().Hash; hash != want {
		t.Errorf("the same manifest gives the template %s, and gave %s before", hash, want)
	}
}

func TestWhatAManifestNoLongerHasIsRemoved(t *testing.T) {
	for name, e := range map[string]engine{"Flux": flux, "Argo CD": argocd(includeMutationWebhook)} {
		t.Run(name, func(t *testing.T) {
			s := &story{app: newApp(t), engine: e}
			s.commit("podinfo:v1", "A")
			s.MakeAvailable()
			s.commit("podinfo:v2", "B")
			s.expect("another variable", "podinfo:v1 A", "podinfo:v2 B")
			s.interval(s.app, "another variable", s.manifest)
			s.expect("an interval later", "podinfo:v1 A", "podinfo:v2 B")
			s.commit("podinfo:v3")
			s.expect("no variable", "podinfo:v1 A", "podinfo:v3")
			s.interval(s.app, "no variable", s.manifest)
			s.expect("an interval later", "podinfo:v1 A", "podinfo:v3")
			s.promote()
			s.interval(s.app, "promoted", s.manifest)
			s.settle()
			s.commit("podinfo:v1", "A")
			s.expect("back at the first manifest", "podinfo:v3", "podinfo:v1 A")
		})
	}
}
