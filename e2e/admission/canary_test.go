package admission

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// grant binds olga to a ClusterRole of the chart in this namespace.
func (c cluster) grant(role string) {
	c.T.Helper()
	out, err := exec.Command(server.Program("helm"), "template", "sluice", "../../charts/sluice", "--show-only", "templates/roles.yaml").Output()
	if err != nil {
		c.T.Fatalf("helm template: %v", err)
	}
	c.kubectl(string(out), "apply", "-f", "-")
	c.Bind(c.T, c.Namespace, "olga", "ClusterRole", role)
}

// withCanary creates a Canary with this status, as the reconciler does.
func (c cluster) withCanary(status v1alpha1.CanaryStatus) {
	c.T.Helper()
	canary := &v1alpha1.Canary{ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: "podinfo"}}
	if err := server.Client.Create(c.T.Context(), canary); err != nil {
		c.T.Fatal(err)
	}
	canary.Status = status
	if err := server.Client.Status().Update(c.T.Context(), canary); err != nil {
		c.T.Fatal(err)
	}
}

func (c cluster) canary() *v1alpha1.Canary {
	c.T.Helper()
	var canary v1alpha1.Canary
	if err := server.Client.Get(c.T.Context(), client.ObjectKey{Namespace: c.Namespace, Name: "podinfo"}, &canary); err != nil {
		c.T.Fatal(err)
	}
	return &canary
}

// patchSpec patches the Canary's spec as olga.
func (c cluster) patchSpec(patch string) (string, error) {
	return c.Run(operator, "", "kubectl", "patch", "canary", "podinfo", "--type=merge", "-p", `{"spec":`+patch+`}`)
}

// wholeHash is that of a candidate which people know as 7c9e41d2.
var wholeHash = strings.Repeat("7c9e41d2", 8)

var progressing = v1alpha1.CanaryStatus{Phase: v1alpha1.PhaseProgressing, Candidate: v1alpha1.CandidateStatus{Hash: wholeHash, Attempt: 1},
	Rollout: &v1alpha1.RolloutStatus{Step: v1alpha1.StepStatus{Number: 1}}}

func TestRequestsAreStampedByAdmission(t *testing.T) {
	c := newCluster(t)
	c.grant("sluice-operate")
	c.withCanary(progressing)
	for _, patch := range []string{`{"paused":{"reason":"lunch","by":"boss"}}`, `{"abort":{"candidate":"7c9e41d2","by":"boss","at":"2020-01-01T00:00:00Z"}}`} {
		if out, err := c.patchSpec(patch); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	spec := c.canary().Spec
	if spec.Paused.By != "olga" || spec.Paused.Reason != "lunch" || spec.Abort.By != "olga" || time.Since(spec.Abort.At.Time) > time.Minute {
		t.Errorf("the stamps are %+v and %+v", spec.Paused, spec.Abort)
	}
	if spec.Abort.Candidate != wholeHash {
		t.Errorf("the abort is for %s, not for the whole hash", spec.Abort.Candidate)
	}
	if spec.Abort.Attempt == nil || *spec.Abort.Attempt != 1 {
		t.Errorf("the abort is for attempt %v, not for the present one", spec.Abort.Attempt)
	}
	c.kubectl("", "patch", "canary", "podinfo", "--type=merge", "-p", `{"spec":{"promote":{"candidate":"7c9e41d2"}}}`)
	if after := c.canary().Spec; after.Promote.By != "jane" || after.Paused.By != "olga" || !after.Abort.At.Equal(spec.Abort.At) {
		t.Errorf("a request of jane changes those of olga: %+v", after)
	}
	if out, err := c.patchSpec(`{"paused":null}`); err != nil || c.canary().Spec.Paused != nil {
		t.Errorf("resuming: %v\n%s", err, out)
	}
}

func TestRequestsForNothingAreRejected(t *testing.T) {
	c := newCluster(t)
	c.grant("sluice-operate")
	status := progressing
	status.Phase, status.Candidate.Outcome = v1alpha1.PhaseSucceeded, v1alpha1.OutcomeSucceeded
	c.withCanary(status)
	for patch, want := range map[string]string{
		`{"abort":{"candidate":"7c9e41d2"}}`:      "this candidate is not in flight: it was promoted",
		`{"abort":{"candidate":"yes"}}`:           "spec.abort.candidate",
		`{"retry":{"candidate":"7c9e41d2"}}`:      "it was promoted",
		`{"promote":{}}`:                          "spec.promote.candidate",
		`{"abort":{"candidate":"7c9e41d2\nx"}}`:   "spec.abort.candidate",
		`{"abort":{"candidate":"41aa07fe"}}`:      "at least its first 8 digits; the Canary's status shows candidate 7c9e41d2",
		`{"paused":{"at":"the day before"}}`:      "decode Canary",
		`{"paused":{"at":"2020-01-01 00:00:00"}}`: "decode Canary",
	} {
		if out, err := c.patchSpec(patch); err == nil || !strings.Contains(out, want) {
			t.Errorf("%s says %q, not %q", patch, out, want)
		}
	}
	out, err := c.patchSpec(`{"abort":{"candidate":"` + strings.Repeat("41aa07fe", 8) + `"}}`)
	if err != nil || !strings.Contains(out, "Warning: spec.abort: the Canary's status shows candidate") {
		t.Errorf("a request for a candidate that the status does not know: %v\n%s", err, out)
	}
}

func TestWhoMayAsk(t *testing.T) {
	for role, allowed := range map[string]bool{"sluice-view": false, "sluice-operate": true} {
		t.Run(role, func(t *testing.T) {
			c := newCluster(t)
			c.grant(role)
			c.withCanary(progressing)
			if out, err := c.Run(operator, "", "kubectl", "get", "canaries"); err != nil || !strings.Contains(out, "Progressing") {
				t.Errorf("olga cannot list Canaries: %v\n%s", err, out)
			}
			if out, err := c.patchSpec(`{"paused":{}}`); (err == nil) != allowed {
				t.Errorf("pausing: %v\n%s", err, out)
			}
			for _, forbidden := range []string{"get deployments", "patch deployments", "delete canaries", "create canaries", "patch canaries/status"} {
				verb, resource, _ := strings.Cut(forbidden, " ")
				name, subresource, _ := strings.Cut(resource, "/")
				args := []string{"auth", "can-i", verb, name}
				if subresource != "" {
					args = append(args, "--subresource="+subresource)
				}
				if out, err := c.Run(operator, "", "kubectl", args...); err == nil || !strings.Contains(out, "no") {
					t.Errorf("olga may %s: %s", forbidden, fmt.Sprint(out, err))
				}
			}
		})
	}
}

// TestTheReconcilersWritesAreNotAdmitted proves that metadata and status need no webhook.
func TestTheReconcilersWritesAreNotAdmitted(t *testing.T) {
	c := newCluster(t)
	c.withCanary(progressing)
	c.kubectl("", "patch", "canary", "podinfo", "--type=merge", "-p", `{"spec":{"paused":{"reason":"lunch"}}}`)
	before := server.CanaryCalls.Load()
	canary := c.canary()
	base := canary.DeepCopy()
	canary.Finalizers = []string{"sluice.dev/split"}
	if err := server.Client.Patch(t.Context(), canary, client.MergeFrom(base)); err != nil {
		t.Fatal(err)
	}
	canary.Status.Message = "on its way"
	if err := server.Client.Status().Update(t.Context(), canary); err != nil {
		t.Fatal(err)
	}
	if calls := server.CanaryCalls.Load() - before; calls != 0 {
		t.Errorf("admission was called %d times", calls)
	}
	if c.canary().Spec.Paused.By != "jane" {
		t.Error("the stamp is gone")
	}
}

// TestMarksNameTheUserOnWhoseBehalfTheyAreSet writes what the reconciler writes after a request in a Canary.
func TestMarksNameTheUserOnWhoseBehalfTheyAreSet(t *testing.T) {
	c := running(t, appliers["client-side"])
	c.kubectl("", "set", "image", "deployment/podinfo", "app=podinfo:v2")
	id := c.Candidate().ID().String()
	for _, value := range []string{workload.ID{Hash: wholeHash}.String() + " olga", id + " olga"} {
		if err := c.ask(config.AnnotationAbort, value); err != nil {
			t.Fatal(err)
		}
	}
	if candidate := c.Candidate(); candidate.MarkedBy != "olga" {
		t.Errorf("aborted by %q, not by olga", candidate.MarkedBy)
	}
	c.expect("aborted", "podinfo:v1", "podinfo:v2 aborted")
	for range 2 {
		if err := c.ask(config.AnnotationRetry, id+" olga"); err != nil {
			t.Fatal(err)
		}
	}
	if candidate := c.Candidate(); candidate.RetriedBy != "olga" || candidate.Attempt != 1 {
		t.Errorf("asked twice, retried by %q, attempt %d", candidate.RetriedBy, candidate.Attempt)
	}
	c.expect("retried", "podinfo:v1", "podinfo:v2")
}
