package admission

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/plugin"
	"sluice.dev/sluice/internal/workload"
)

// These are kubeconfigs: jane may do everything, olga only what the tests bind.
func jane() string { return server.Kubeconfig }
func olga() string { return operator }

func api() client.Client { return server.Client }

// sluice runs kubectl sluice and returns what it prints and its exit code.
func (c cluster) sluice(kubeconfig string, args ...string) (string, int) {
	var out bytes.Buffer
	root := plugin.NewCommand(genericiooptions.IOStreams{In: &bytes.Buffer{}, Out: &out, ErrOut: &out})
	// Insert them after the verb, and before the word to complete.
	root.SetArgs(slices.Insert(slices.Clone(args), 1, "--kubeconfig", kubeconfig, "-n", c.Namespace))
	ctx, cancel := context.WithTimeout(c.T.Context(), time.Minute)
	defer cancel()
	err := root.ExecuteContext(ctx)
	if err != nil && !plugin.IsPrinted(err) {
		fmt.Fprintln(&out, "Error:", err)
	}
	return out.String(), plugin.ExitCode(err)
}

// says runs kubectl sluice as olga, who can only operate Canaries.
func (c cluster) says(want string, code int, args ...string) {
	c.T.Helper()
	c.saysTo(olga(), want, code, args...)
}

func (c cluster) saysTo(kubeconfig, want string, code int, args ...string) {
	c.T.Helper()
	if out, got := c.sluice(kubeconfig, args...); got != code || !strings.Contains(out, want) {
		c.T.Errorf("%s ends with %d and says %q; wanted %d and %q", strings.Join(args, " "), got, out, code, want)
	}
}

func (c cluster) setStatus(status v1alpha1.CanaryStatus) {
	c.T.Helper()
	canary := c.canary()
	canary.Status = status
	if err := api().Status().Update(c.T.Context(), canary); err != nil {
		c.T.Fatal(err)
	}
}

// ended returns the status after a rollout of the candidate.
func ended(phase v1alpha1.Phase, outcome v1alpha1.Outcome, hash string) v1alpha1.CanaryStatus {
	return v1alpha1.CanaryStatus{Phase: phase, Candidate: v1alpha1.CandidateStatus{Hash: hash, Outcome: outcome}, Message: workload.Short(hash) + " ended as " + string(outcome)}
}

func TestPluginAsksByTheRightsOnCanariesAlone(t *testing.T) {
	c := newCluster(t)
	c.grant("sluice-operate")
	c.withCanary(progressing)
	c.says("podinfo: paused at weight 0%; checks continue", 0, "pause", "podinfo", "--reason", "lunch")
	c.says("podinfo is already paused by olga", 1, "pause", "podinfo")
	c.says("once a round of checks passes, but not before the pause ends", 0, "promote", "canary/podinfo")
	c.says("as soon as its canary is ready, without analysis", 0, "promote", "podinfo", "--skip-analysis", "--reason", "hotfix")
	c.says("podinfo: resumed", 0, "resume", "podinfo")
	c.says("Canary podinfo is not paused", 1, "resume", "podinfo")
	c.says("7c9e41d2 is aborted", 0, "abort", "podinfo", "--reason", "bug 17")
	spec := c.canary().Spec
	if spec.Paused != nil || spec.Abort.By != "olga" || spec.Abort.Reason != "bug 17" || *spec.Abort.Attempt != 1 ||
		!spec.Promote.SkipAnalysis || spec.Promote.Reason != "hotfix" || spec.Promote.By != "olga" {
		t.Errorf("the spec is %+v, abort %+v, promote %+v", spec, spec.Abort, spec.Promote)
	}
	status := ended(v1alpha1.PhaseFailed, v1alpha1.OutcomeAborted, wholeHash)
	status.Candidate.Attempt = 1
	c.setStatus(status)
	c.says("nothing to abort: podinfo has no running rollout", 1, "abort", "podinfo")
	c.says("nothing to promote", 1, "promote", "podinfo")
	c.says("7c9e41d2 starts again from the first step, retry 2", 0, "retry", "podinfo")
	if retry := c.canary().Spec.Retry; retry.By != "olga" || *retry.Attempt != 1 {
		t.Errorf("the retry is %+v", retry)
	}
	c.setStatus(ended(v1alpha1.PhaseSucceeded, v1alpha1.OutcomeSucceeded, wholeHash))
	c.says("nothing to retry", 1, "retry", "podinfo")
	c.says("the next one waits until you resume: kubectl sluice resume podinfo", 0, "pause", "podinfo")
}

// pausedByGuard is the status of a rollout that the guard has paused.
func pausedByGuard() v1alpha1.CanaryStatus {
	const text = "the canary got none of the requests"
	status := *progressing.DeepCopy()
	status.Rollout.Guard = &v1alpha1.GuardStatus{Paused: &v1alpha1.GuardPause{Since: &metav1.MicroTime{Time: time.Now()}, Text: text}}
	status.Paused = &v1alpha1.PauseCause{Kind: v1alpha1.PauseGuard, Text: "paused by the guard: " + text}
	return status
}

func TestPluginResumesWhatTheGuardHasPaused(t *testing.T) {
	c := newCluster(t)
	c.grant("sluice-operate")
	c.withCanary(pausedByGuard())
	c.says("paused by the guard", 0, "get", "podinfo")
	c.says("podinfo: resumed; the guard goes on with the evidence that it has", 0, "resume", "podinfo")
	resume := c.canary().Spec.Resume
	if resume == nil || resume.By != "olga" || resume.At == nil || resume.Candidate != wholeHash || *resume.Attempt != 1 {
		t.Fatalf("the request is %+v", resume)
	}
	if out, err := c.patchSpec(`{"resume":{"by":"boss","at":"2099-01-01T00:00:00Z"}}`); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if forged := c.canary().Spec.Resume; forged.By != "olga" || !forged.At.Equal(resume.At) {
		t.Errorf("the forged request is kept: %+v", forged)
	}
	c.says("paused at weight", 0, "pause", "podinfo")
	c.says("resumed, but still waiting: the guard has paused it, too; to go on: kubectl sluice resume podinfo", 0, "resume", "podinfo")
}

func TestPluginNeedsTheRightToResumeTheGuard(t *testing.T) {
	c := newCluster(t)
	c.grant("sluice-view")
	c.withCanary(pausedByGuard())
	c.says(`User "olga" cannot patch resource "canaries"`, 1, "resume", "podinfo")
}

func TestPluginNeedsTheRightToOperate(t *testing.T) {
	c := newCluster(t)
	c.grant("sluice-view")
	c.withCanary(progressing)
	c.says(`User "olga" cannot patch resource "canaries"`, 1, "abort", "podinfo")
	c.says("Phase:", 0, "get", "podinfo")
	c.says("based on the Canary's status", 3, "status", "podinfo")
}

func TestPluginNames(t *testing.T) {
	c := running(t, appliers["client-side"])
	c.saysTo(jane(), "Deployment podinfo is opted in but has no Canary yet", 1, "explain", "podinfo")
	c.withCanary(progressing)
	c.saysTo(jane(), "Canary podinof does not exist in namespace "+c.Namespace+"; did you mean podinfo?", 1, "get", "podinof")
	c.kubectl(strings.ReplaceAll(strings.ReplaceAll(manifest("shop:v1"), `{sluice.dev/canary: "true"}`, "{}"), "name: podinfo", "name: shop"), "apply", "-f", "-")
	c.saysTo(jane(), "Deployment shop is not opted in, so its changes roll out directly; to opt in: kubectl annotate deployment shop", 1, "explain", "shop")
	c.saysTo(jane(), "podinfo\n:4", 0, "__complete", "get", "")
	c.saysTo(jane(), "expected the name of one Canary: kubectl sluice get NAME", 1, "get")
	c.saysTo(jane(), "service/podinfo: must be a Canary or its Deployment", 1, "get", "service/podinfo")
	c.saysTo(jane(), "Phase:", 0, "get", "deployment/podinfo")
}

func TestPluginOutputs(t *testing.T) {
	c := newCluster(t)
	c.saysTo(jane(), "No Canaries found", 0, "list")
	c.withCanary(progressing)
	c.saysTo(jane(), "podinfo   Progressing", 0, "list")
	c.saysTo(jane(), "CANDIDATE", 0, "list", "-o", "wide")
	c.saysTo(jane(), c.Namespace+" ", 0, "list", "-A")
	c.saysTo(jane(), "phase: Progressing", 0, "get", "podinfo", "-o", "yaml")
	c.saysTo(jane(), "canary.sluice.dev/podinfo", 0, "get", "podinfo", "-o", "name")
	c.saysTo(jane(), "No rollout of podinfo has ended yet", 0, "history", "podinfo")
	c.saysTo(jane(), "unable to match a printer", 1, "list", "-o", "xml")
	out, _ := c.sluice(jane(), "list", "-o", "json")
	var list v1alpha1.CanaryList
	if err := json.Unmarshal([]byte(out), &list); err != nil || list.Kind != "CanaryList" || list.Items[0].Status.Candidate.Hash != wholeHash {
		t.Errorf("list -o json: %v\n%s", err, out)
	}
}

// TestPluginStatusIsNotFooled goes through a rollout that the Canary's status always shows a moment late.
func TestPluginStatusIsNotFooled(t *testing.T) {
	c := running(t, appliers["client-side"])
	c.withCanary(ended(v1alpha1.PhaseSucceeded, v1alpha1.OutcomeSucceeded, "41aa07fe"))
	c.saysTo(jane(), "41aa07fe ended as Succeeded", 0, "status", "podinfo")
	c.kubectl("", "set", "image", "deployment/podinfo", "app=podinfo:v2")
	hash := c.Candidate().Hash
	c.saysTo(jane(), workload.Short(hash)+" is held back; the controller has not picked it up yet", 3, "status", "podinfo")
	c.saysTo(jane(), "podinfo is running: Succeeded", 3, "status", "podinfo", "--wait", "--timeout", "300ms")
	c.setStatus(v1alpha1.CanaryStatus{Phase: v1alpha1.PhaseProgressing, Candidate: v1alpha1.CandidateStatus{Hash: hash}})
	waited := make(chan string, 1)
	go func() {
		out, code := c.sluice(jane(), "status", "podinfo", "--wait")
		waited <- fmt.Sprint(code, " ", out)
	}()
	id := c.Candidate().ID().String()
	for _, ask := range []string{config.AnnotationPromote, config.AnnotationSettle} {
		if ask == config.AnnotationSettle {
			id = idOf(t, c.Deployment().Annotations[config.AnnotationPrevious])
		}
		if err := c.ask(ask, id); err != nil {
			t.Fatal(err)
		}
	}
	c.setStatus(ended(v1alpha1.PhaseSucceeded, v1alpha1.OutcomeSucceeded, wholeHash))
	if got := <-waited; !strings.HasPrefix(got, "0 podinfo is idle: Succeeded") {
		t.Errorf("waiting for a promotion ends with %q", got)
	}
}

func TestPluginStatusAndWatchOfAnAbort(t *testing.T) {
	c := running(t, appliers["client-side"])
	c.kubectl("", "set", "image", "deployment/podinfo", "app=podinfo:v2")
	held := c.Candidate()
	at := metav1.NewMicroTime(held.At)
	about := func(outcome v1alpha1.Outcome) v1alpha1.CandidateStatus {
		return v1alpha1.CandidateStatus{Hash: held.Hash, Requested: &v1alpha1.Requester{By: held.By, At: &at}, Outcome: outcome}
	}
	c.withCanary(v1alpha1.CanaryStatus{Phase: v1alpha1.PhaseProgressing, Candidate: about(""), CanaryWeight: 10, Message: "Step 1 of 5"})
	ends := make(chan string, 2)
	for _, verb := range [][]string{{"status", "podinfo", "--wait", "--timeout", "50s"}, {"watch", "podinfo"}} {
		go func() {
			out, code := c.sluice(jane(), verb...)
			ends <- fmt.Sprint(verb[0], " ", code, " ", out)
		}()
	}
	c.kubectl("", "annotate", "deployment", "podinfo", "sluice.dev/abort="+held.Hash)
	c.setStatus(v1alpha1.CanaryStatus{Phase: v1alpha1.PhaseFinalising, Candidate: about(v1alpha1.OutcomeAborted), Message: "taking the requests away"})
	c.setStatus(v1alpha1.CanaryStatus{Phase: v1alpha1.PhaseFailed, Candidate: about(v1alpha1.OutcomeAborted), Message: "it ended as Aborted"})
	for range 2 {
		end := <-ends
		if verb, rest, _ := strings.Cut(end, " "); verb == "status" && !strings.HasPrefix(rest, "2 podinfo is rolled back: Failed") ||
			verb == "watch" && (!strings.HasPrefix(rest, "2 ") || !strings.Contains(rest, "ended as Aborted")) {
			t.Errorf("the end is told as %q", end)
		}
	}
	c.saysTo(jane(), "starts again from the first step, retry 1", 0, "retry", "podinfo")
	c.saysTo(jane(), "retry of "+workload.Short(held.Hash)+" was requested", 3, "status", "podinfo")
}
