package admission

import (
	"fmt"
	"maps"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// direct returns what the Deployment says about a change that went straight through.
func (c cluster) direct() workload.Direct {
	c.T.Helper()
	directs, err := workload.DirectsOf(c.Deployment().Annotations)
	if err != nil {
		c.T.Fatal(err)
	}
	if len(directs) == 0 {
		return workload.Direct{}
	}
	return *directs.Last()
}

func TestABypassGoesStraightThrough(t *testing.T) {
	c := running(t, appliers["client-side"])
	c.kubectl("", "set", "image", "deployment/podinfo", "app=podinfo:v2")
	until := time.Now().Add(30 * time.Minute).UTC().Format(time.RFC3339)
	c.kubectl("", "annotate", "deployment", "podinfo", "sluice.dev/bypass="+until+"; outage 17")
	c.expect("bypass set", "podinfo:v1", "podinfo:v2")
	out := c.kubectl("", "set", "image", "deployment/podinfo", "app=podinfo:v3")
	c.expect("changed under a bypass", "podinfo:v3", "")
	if !strings.Contains(out, "bypassed (outage 17), so this change rolls out directly") {
		t.Errorf("kubectl does not say so: %s", out)
	}
	if d := c.direct(); d.How != workload.DirectBypass || d.By != "jane" || d.Reason != "outage 17" || d.Hash != templateOf(t, c.Deployment().Spec.Template).KnownHash() {
		t.Errorf("what is told of it is %+v", d)
	}
	if err := c.ask(config.AnnotationSettle, c.direct().ID().String()); err != nil {
		t.Fatal(err)
	}
	if d := c.direct(); d.How != "" {
		t.Errorf("it is still told after it was settled: %+v", d)
	}
	tooLong := time.Now().Add(2 * time.Hour).UTC().Format(time.RFC3339)
	if out, err := c.run("", "annotate", "--overwrite", "deployment", "podinfo", "sluice.dev/bypass="+tooLong+"; x"); err == nil || !strings.Contains(out, "at most 1h0m0s from now") {
		t.Errorf("a bypass of two hours says %s", out)
	}
}

func TestAnUnavailablePrimaryCanBeJudgedAllTheSame(t *testing.T) {
	c := newCluster(t)
	c.kubectl(manifest("podinfo:v1"), appliers["client-side"]...)
	c.kubectl("", "annotate", "deployment", "podinfo", "sluice.dev/when-unavailable=canary")
	c.kubectl("", "set", "image", "deployment/podinfo", "app=podinfo:v2")
	c.expect("no replica is available", "podinfo:v1", "podinfo:v2")
}

func TestRestarts(t *testing.T) {
	apply := appliers["server-side"]
	c := running(t, apply)
	restarted := func() bool {
		return c.Deployment().Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"] != ""
	}
	c.kubectl("", "rollout", "restart", "deployment/podinfo")
	c.expect("restarted", "podinfo:v1", "podinfo:v1")
	if restarted() {
		t.Error("a restart that is held back rolls the primary")
	}
	c.kubectl("", "annotate", "deployment", "podinfo", "sluice.dev/abort=true", "sluice.dev/restart=direct")
	c.kubectl("", "rollout", "restart", "deployment/podinfo")
	if d := c.direct(); d.How != workload.DirectRestart || !restarted() {
		t.Errorf("a direct restart did not go through: %+v", d)
	}
	c.kubectl(manifest("podinfo:v2"), apply...)
	c.expect("v2 applied after the restart", "podinfo:v1", "podinfo:v2")
	// kubectl refuses two restarts within a second, so this sends what it would send later.
	c.kubectl("", "patch", "deployment", "podinfo", "-p", `{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"2030-01-01T00:00:00Z"}}}}}`)
	c.expect("a direct restart in flight", "podinfo:v1", "podinfo:v2")
	c.kubectl(manifest("podinfo:v1"), apply...)
	c.expect("the manifest from before the restart", "podinfo:v1", "")
	if !restarted() {
		t.Error("taking v2 back has taken the restart back")
	}
}

func TestPausingTheDeploymentKeepsTheCandidate(t *testing.T) {
	c := running(t, appliers["server-side"])
	c.kubectl("", "set", "image", "deployment/podinfo", "app=podinfo:v2")
	c.kubectl("", "rollout", "pause", "deployment/podinfo")
	c.expect("paused", "podinfo:v1", "podinfo:v2")
	if !c.Deployment().Spec.Paused {
		t.Error("spec.paused did not go through")
	}
	c.kubectl("", "rollout", "resume", "deployment/podinfo")
	c.expect("resumed", "podinfo:v1", "podinfo:v2")
}

// revision creates a ReplicaSet, as the Deployment controller would, for kubectl rollout undo.
func (c cluster) revision(number int, image string, annotations map[string]string) {
	c.T.Helper()
	d := c.Deployment()
	set := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{
		Namespace: c.Namespace, Name: fmt.Sprintf("podinfo-%d", number), Labels: map[string]string{"app": "podinfo"},
		Annotations:     map[string]string{"deployment.kubernetes.io/revision": fmt.Sprint(number)},
		OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(d, appsv1.SchemeGroupVersion.WithKind("Deployment"))},
	}}
	maps.Copy(set.Annotations, annotations)
	set.Spec.Selector, set.Spec.Template = d.Spec.Selector, *d.Spec.Template.DeepCopy()
	set.Spec.Template.Spec.Containers[0].Image = image
	if err := server.Client.Create(c.T.Context(), set); err != nil {
		c.T.Fatal(err)
	}
}

func TestUndo(t *testing.T) {
	c := running(t, appliers["client-side"])
	c.revision(1, "podinfo:v1", map[string]string{config.AnnotationCanary: "true"})
	c.kubectl("", "set", "image", "deployment/podinfo", "app=podinfo:v2")
	if out, err := c.run("", "rollout", "undo", "deployment/podinfo"); err == nil || !strings.Contains(out, "no rollout history found") {
		t.Errorf("with one revision undo says %s", out)
	}
	c.expect("undo with one revision", "podinfo:v1", "podinfo:v2")
	c.revision(2, "podinfo:v0", map[string]string{config.AnnotationCanary: "true"})
	c.kubectl("", "set", "env", "deployment/podinfo", "A=1")
	before := c.Candidate().Hash
	out := c.kubectl("", "rollout", "undo", "deployment/podinfo", "--to-revision=2")
	c.expect("undo to an older template", "podinfo:v1", "podinfo:v0")
	if !strings.Contains(out, "this replaces "+workload.Short(before)+", which was in flight; to stop a rollout instead: kubectl sluice abort podinfo") {
		t.Errorf("undo does not say how to stop: %s", out)
	}
}

// TestUndoToARevisionFromBeforeTheOptIn checks that neither the missing opt-in nor old settings take effect.
func TestUndoToARevisionFromBeforeTheOptIn(t *testing.T) {
	for name, inFlight := range map[string]bool{"at rest": false, "in flight": true} {
		t.Run(name, func(t *testing.T) {
			c := running(t, appliers["client-side"])
			c.revision(1, "podinfo:v0", map[string]string{config.AnnotationSkipAnalysis: "true"})
			c.revision(2, "podinfo:v1", nil)
			if inFlight {
				c.kubectl("", "set", "image", "deployment/podinfo", "app=podinfo:v2")
			}
			out := c.kubectl("", "rollout", "undo", "deployment/podinfo", "--to-revision=1")
			c.expect("undo", "podinfo:v1", "podinfo:v0")
			for _, want := range []string{`so it was put back; to opt out, set it to "false"`, "settings of an old revision are not taken over: skip-analysis"} {
				if !strings.Contains(out, want) {
					t.Errorf("undo does not say %s: %s", want, out)
				}
			}
			if notes := c.Deployment().Annotations; notes[config.AnnotationCanary] != "true" || notes[config.AnnotationSkipAnalysis] != "" {
				t.Errorf("the annotations are %v", notes)
			}
		})
	}
}

// TestAManifestWithoutTheOptInIsSentTwice checks what each kind of apply makes of an opt-in that its manifest has lost.
func TestAManifestWithoutTheOptInIsSentTwice(t *testing.T) {
	plain := func(image string) string {
		return strings.ReplaceAll(manifest(image), `{sluice.dev/canary: "true"}`, "{}")
	}
	optedIn := func(c cluster) bool { return c.Deployment().Annotations[config.AnnotationCanary] == "true" }
	appliers := maps.Clone(appliers)
	appliers["replace"] = []string{"replace", "-f", "-"}
	for name, apply := range appliers {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			if name == "replace" {
				c.kubectl(manifest("podinfo:v1"), "create", "-f", "-")
			} else {
				c.kubectl(manifest("podinfo:v1"), apply...)
			}
			c.MakeAvailable()
			for range 3 {
				c.kubectl(plain("podinfo:v2"), apply...)
				c.expect("the manifest without the opt-in", "podinfo:v1", "podinfo:v2")
				if !optedIn(c) || c.Deployment().Annotations[config.AnnotationLeftOut] == "" {
					t.Fatalf("the annotations are %v", c.Deployment().Annotations)
				}
			}
			if err := c.ask(config.AnnotationPromote, c.Candidate().ID().String()); err != nil {
				t.Fatal(err)
			}
			c.kubectl(plain("podinfo:v2"), apply...)
			if !optedIn(c) {
				t.Error("the manifest opts out in the middle of its promotion")
			}
			if err := c.ask(config.AnnotationSettle, idOf(t, c.Deployment().Annotations[config.AnnotationPrevious])); err != nil {
				t.Fatal(err)
			}
			c.kubectl(plain("podinfo:v2"), apply...)
			if isReplace := name == "replace"; optedIn(c) == isReplace {
				t.Errorf("after the rollout: opted in %v", optedIn(c))
			}
			c.kubectl(manifest("podinfo:v2"), apply...)
			if !optedIn(c) || c.Deployment().Annotations[config.AnnotationLeftOut] != "" {
				t.Errorf("with the opt-in: %v", c.Deployment().Annotations)
			}
			c.expect("with the opt-in", "podinfo:v2", "")
		})
	}
}

func TestReplaceForceIsANewDeployment(t *testing.T) {
	c := running(t, appliers["client-side"])
	c.kubectl("", "set", "image", "deployment/podinfo", "app=podinfo:v2")
	before := c.Deployment().UID
	c.kubectl(manifest("podinfo:v3"), "replace", "--force", "-f", "-")
	c.expect("replaced by force", "podinfo:v3", "")
	if c.Deployment().UID == before {
		t.Error("it is the same Deployment")
	}
	c.kubectl(manifest("podinfo:v3"), "delete", "-f", "-")
	c.kubectl(manifest("podinfo:v4"), "create", "-f", "-")
	c.expect("created anew", "podinfo:v4", "")
}

func TestReplaceWithThePrimarysManifestTakesBack(t *testing.T) {
	c := newCluster(t)
	c.kubectl(manifest("podinfo:v1"), "create", "-f", "-")
	c.MakeAvailable()
	c.kubectl(manifest("podinfo:v2"), "replace", "-f", "-")
	c.expect("replaced", "podinfo:v1", "podinfo:v2")
	c.kubectl(manifest("podinfo:v1"), "replace", "-f", "-")
	c.expect("replaced by what runs", "podinfo:v1", "")
}

func TestPatchTypes(t *testing.T) {
	for name, patch := range map[string]client.Patch{
		"merge patch": client.RawPatch(types.MergePatchType, []byte(`{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"podinfo:v2"}]}}}}`)),
		"JSON patch":  client.RawPatch(types.JSONPatchType, []byte(`[{"op":"add","path":"/spec/template/spec/containers/0/image","value":"podinfo:v2"}]`)),
		"strategic":   client.RawPatch(types.StrategicMergePatchType, []byte(`{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"podinfo:v2"}]}}}}`)),
	} {
		t.Run(name, func(t *testing.T) {
			c := running(t, appliers["server-side"])
			if err := server.Client.Patch(t.Context(), c.Deployment(), patch); err != nil {
				t.Fatal(err)
			}
			c.expect(name, "podinfo:v1", "podinfo:v2")
		})
	}
	t.Run("update", func(t *testing.T) {
		c := running(t, appliers["server-side"])
		d := c.Deployment()
		d.Spec.Template.Spec.Containers[0].Image = "podinfo:v2"
		if err := server.Client.Update(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		c.expect("update", "podinfo:v1", "podinfo:v2")
	})
}

// TestUpdatesAtTheSameTime checks that, of two updates of two clients, the second sees the first.
func TestUpdatesAtTheSameTime(t *testing.T) {
	c := running(t, appliers["server-side"])
	const clients = 10
	var group sync.WaitGroup
	for i := range clients {
		group.Go(func() {
			body := fmt.Appendf(nil, `{"spec":{"template":{"spec":{"containers":[{"name":"app","env":[{"name":"E%d","value":"1"}]}]}}}}`, i)
			d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: "podinfo"}}
			if err := server.Client.Patch(t.Context(), d, client.RawPatch(types.StrategicMergePatchType, body)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if got := len(strings.Fields(c.held())) - 1; got != clients || c.primary() != "podinfo:v1" {
		t.Errorf("%d of %d changes are held back: %s; the primary has %s", got, clients, c.held(), c.primary())
	}
}

func TestDryRunsGiveTheSameAnswer(t *testing.T) {
	c := running(t, appliers["server-side"])
	for _, args := range [][]string{
		{"set", "image", "deployment/podinfo", "app=podinfo:v2"},
		{"annotate", "deployment", "podinfo", "sluice.dev/abort=true"},
		{"annotate", "deployment", "podinfo", "sluice.dev/retry=true"},
	} {
		before := c.Deployment().ResourceVersion
		dry := c.kubectl("", append(args, "--dry-run=server", "-o", "jsonpath={.spec.template}{.metadata.annotations.sluice\\.dev/candidate}")...)
		if c.Deployment().ResourceVersion != before {
			t.Fatalf("the dry run of %v has changed something", args)
		}
		real := c.kubectl("", append(args, "-o", "jsonpath={.spec.template}{.metadata.annotations.sluice\\.dev/candidate}")...)
		if withoutTimes(dry) != withoutTimes(real) {
			t.Errorf("%v\ndry run: %s\nreal: %s", args, dry, real)
		}
	}
}

var times = regexp.MustCompile(`"(at|markedAt)":"[^"]*"`)

// withoutTimes removes the times of requests.
func withoutTimes(text string) string { return times.ReplaceAllString(text, "") }
