package process

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/ports"
	"sluice.dev/sluice/internal/admission"
	"sluice.dev/sluice/internal/plugin"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

// people work in the shop. jane can only change Deployments. olga has only the chart's role for operating rollouts, and later
// also the one for going round their analysis. These are their kubeconfigs.
type people struct {
	*shop
	jane, olga string
}

func (s *shop) employ() people {
	s.t.Helper()
	deployers := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: shopNamespace, Name: "deployers"},
		Rules: []rbacv1.PolicyRule{{APIGroups: []string{"apps"}, Resources: []string{"deployments"}, Verbs: []string{"get", "patch"}}}}
	s.Expect(s.client.Create(s.t.Context(), deployers)).To(Succeed())
	s.server.Bind(s.t, shopNamespace, "jane", "Role", deployers.Name)
	s.server.Bind(s.t, shopNamespace, "olga", "ClusterRole", "sluice-operate")
	return people{shop: s, jane: s.user("jane"), olga: s.user("olga")}
}

// setImage changes the image as jane, with kubectl.
func (p people) setImage(image string) {
	p.t.Helper()
	command := exec.CommandContext(p.t.Context(), p.kubectl, "--kubeconfig", p.jane, "-n", shopNamespace, "set", "image", "deployment/podinfo", "app="+image)
	command.Env = append(os.Environ(), "HOME="+p.t.TempDir())
	out, err := command.CombinedOutput()
	p.Expect(err).NotTo(HaveOccurred(), string(out))
	p.Expect(string(out)).To(ContainSubstring(admission.HeldBack))
}

// says checks the output and the exit code of kubectl sluice for olga.
func (p people) says(want string, code int, args ...string) {
	p.t.Helper()
	var out bytes.Buffer
	root := plugin.NewCommand(genericiooptions.IOStreams{In: &bytes.Buffer{}, Out: &out, ErrOut: &out})
	root.SetArgs(slices.Concat(args[:1], []string{"--kubeconfig", p.olga, "-n", shopNamespace, "podinfo"}, args[1:]))
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	err := root.ExecuteContext(ctx)
	if err != nil && !plugin.IsPrinted(err) {
		fmt.Fprintln(&out, "Error:", err)
	}
	p.Expect(plugin.ExitCode(err)).To(Equal(code), "%s: %s", strings.Join(args, " "), out.String())
	p.Expect(out.String()).To(ContainSubstring(want), strings.Join(args, " "))
}

func (p people) deployment() *appsv1.Deployment {
	p.t.Helper()
	d := &appsv1.Deployment{}
	p.Expect(p.client.Get(p.t.Context(), client.ObjectKey{Namespace: shopNamespace, Name: "podinfo"}, d)).To(Succeed())
	return d
}

func (p people) candidate() *workload.Candidate {
	p.t.Helper()
	candidate, err := workload.CandidateOf(p.deployment().Annotations)
	p.Expect(err).NotTo(HaveOccurred())
	return candidate
}

// told waits for an event of the Canary.
func (p people) told(reason, message string) {
	p.t.Helper()
	p.Eventually(func() []string { return p.events(reason) }, patience, glance).Should(ContainElement(ContainSubstring(message)))
}

func inFlight(status v1alpha1.CanaryStatus) bool {
	return observed.Checked(status)
}

func TestPeopleOperateRolloutsWithThePlugin(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	s := c.newShop()
	c.run("install", "sluice", "../../charts/sluice", "--create-namespace", "--set=prometheusUrl="+s.prometheus)
	port := ports.Free(t)
	c.reach(port)
	p := c.start(fmt.Sprintf("--webhook-port=%d", port))
	c.Eventually(p.readyz, patience, glance).Should(Equal("ok"), p.lines)
	team := s.employ()
	// Nothing happens by itself, because steps last an hour.
	s.patch(`{"metadata":{"annotations":{"sluice.dev/canary":"true","sluice.dev/interval":"1h"}}}`)
	s.waitForPhase(p, v1alpha1.PhaseInitialized)
	team.says("podinfo is idle", 0, "status")

	team.pausesAndPromotes(p)
	team.abortsAndRetries(p)
	c.Expect(team.deployment().Spec.Template.Spec.Containers[0].Image).To(Equal("podinfo:v3"))
	p.expectNothingForbidden()
	p.stop()
}

func (p people) pausesAndPromotes(controller *process) {
	p.t.Helper()
	p.setImage("podinfo:v2")
	hash := p.candidate().Hash
	p.waitFor(controller, "a rollout in flight", inFlight)
	p.says("podinfo is running: Progressing", 3, "status")
	p.says("jane", 0, "get")
	p.says("paused at weight 25%", 0, "pause", "--reason=lunch")
	p.waitFor(controller, "paused", func(status v1alpha1.CanaryStatus) bool {
		return status.Paused != nil && strings.HasPrefix(status.Paused.Text, "paused by olga: lunch")
	})
	p.says("olga may not go round the analysis of shop/podinfo", plugin.ExitError, "promote", "--skip-analysis", "--reason=hotfix")
	p.server.Bind(p.t, shopNamespace, "olga", "ClusterRole", "sluice-bypass")
	p.says("but not before the pause ends", 0, "promote", "--skip-analysis", "--reason=hotfix")
	p.says("podinfo: resumed", 0, "resume")
	p.says("podinfo is idle: Succeeded", 0, "status", "--wait", "--timeout=50s")
	p.told("Paused", "paused by olga: lunch")
	p.told("AnalysisSkipped", "olga: hotfix")
	last := p.canary().Status.History[0]
	p.Expect(last.Candidate).To(Equal(hash))
	p.Expect(last.By).To(Equal("jane"))
	p.Expect(last.Outcome).To(Equal(v1alpha1.OutcomeSucceeded))
	p.Expect(p.deployment().Spec.Template.Spec.Containers[0].Image).To(Equal("podinfo:v2"))
	p.Expect(p.candidate()).To(BeNil())
}

func (p people) abortsAndRetries(controller *process) {
	p.t.Helper()
	p.setImage("podinfo:v3")
	p.waitFor(controller, "a rollout in flight", inFlight)
	p.says("is aborted: all requests return to the primary", 0, "abort", "--reason=bug 17")
	p.says("podinfo is rolled back: Failed", 2, "status", "--wait", "--timeout=50s")
	candidate := p.candidate()
	p.Expect(candidate.Mark).To(Equal(workload.MarkAborted))
	p.Expect(candidate.MarkedBy).To(Equal("olga"))
	p.Expect(candidate.By).To(Equal("jane"))
	last := p.canary().Status.History[0]
	p.Expect(last.Outcome).To(Equal(v1alpha1.OutcomeAborted))
	p.Expect(last.Reason).To(Equal("aborted by olga: bug 17"))
	p.Expect(last.By).To(Equal("jane"))
	p.says("aborted by olga: bug 17", 0, "history")

	p.says("starts again from the first step, retry 1", 0, "retry")
	p.waitFor(controller, "a second attempt in flight", func(status v1alpha1.CanaryStatus) bool { return status.Candidate.Attempt == 1 && inFlight(status) })
	p.Expect(p.candidate().Mark).To(Equal(workload.MarkNone))
	p.told("CandidateRetried", "olga")
	p.says("podinfo is running", 3, "status")
	p.says("as soon as its canary is ready", 0, "promote", "--skip-analysis")
	p.says("podinfo is idle: Succeeded", 0, "status", "--wait", "--timeout=50s")
	last = p.canary().Status.History[0]
	p.Expect([]any{last.Candidate, last.Attempt, last.Outcome}).To(Equal([]any{candidate.Hash, int32(1), v1alpha1.OutcomeSucceeded}))
}
