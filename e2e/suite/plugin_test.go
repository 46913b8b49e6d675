package suite

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/binaries"
)

// sluice runs the plugin as olga, who can only operate Canaries. It returns the output and the exit code.
func (r *rollout) sluice(ctx context.Context, args ...string) (out string, code int) {
	GinkgoHelper()
	root, err := binaries.Root(ctx)
	Expect(err).NotTo(HaveOccurred())
	command := exec.CommandContext(ctx, filepath.Join(root, "bin", "kubectl-sluice"),
		append(args, "--kubeconfig", filepath.Join(root, ".cluster", "kubeconfig"), "-n", r.Namespace, "--as", "olga")...)
	text, err := command.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		Fail(err.Error())
	}
	return string(text), command.ProcessState.ExitCode()
}

// ask runs the plugin, which must succeed.
func (r *rollout) ask(ctx context.Context, args ...string) string {
	GinkgoHelper()
	By("kubectl sluice " + args[0])
	out, code := r.sluice(ctx, args...)
	Expect(code).To(BeZero(), out)
	return out
}

var _ = Describe("Who may only operate Canaries", func() {
	It("pauses, resumes, aborts, retries and promotes with kubectl sluice", func(ctx SpecContext) {
		r := given(ctx, "plugin", with(map[string]string{"sluice.dev/interval": "8s"}), "")
		r.kubectl(ctx, "create", "rolebinding", "olga", "--clusterrole=sluice-operate", "--user=olga")
		r.kubectl(ctx, "create", "role", "reads", "--verb=get", "--resource=deployments.apps")
		r.kubectl(ctx, "create", "rolebinding", "reads", "--role=reads", "--user=olga")
		r.setVersion(ctx, "v2")
		_, code := r.sluice(ctx, "status", "podinfo")
		Expect(code).To(Equal(3), "a change that was just made is not yet promoted")
		r.waitUntil(ctx, "step 1", moments[1].holds)
		r.ask(ctx, "pause", "podinfo", "--reason", "lunch")
		// The pause may have come right after a step was taken.
		step := r.waitUntil(ctx, "the pause", func(s v1alpha1.CanaryStatus) bool { return s.Paused != nil }).Open().Step.Number
		Consistently(ctx, func() int32 { return r.status(ctx).Open().Step.Number }, 10*time.Second, glance).Should(Equal(step), "a paused rollout takes no step")
		Expect(r.ask(ctx, "get", "podinfo")).To(And(ContainSubstring("paused by olga: lunch"), ContainSubstring("%d of 3", step)))
		r.ask(ctx, "resume", "podinfo")
		r.waitUntil(ctx, "the next step", func(s v1alpha1.CanaryStatus) bool { return s.Open().Step.Number > step })
		r.ask(ctx, "abort", "podinfo", "--reason", "wrong branch")
		_, code = r.sluice(ctx, "status", "podinfo", "--wait")
		Expect(code).To(Equal(2), "an aborted rollout has failed")
		r.expectClean(ctx, "v1")
		r.ask(ctx, "retry", "podinfo")
		r.waitUntil(ctx, "the second attempt", func(s v1alpha1.CanaryStatus) bool { return s.Candidate.Attempt == 1 && s.Open().Step.Number == 1 })
		out, code := r.sluice(ctx, "promote", "podinfo", "--skip-analysis")
		Expect(code).To(Equal(1), "it goes round the analysis, which is another right")
		Expect(out).To(ContainSubstring("needs the verb bypass on canaries.sluice.dev"))
		r.kubectl(ctx, "create", "rolebinding", "bypass", "--clusterrole=sluice-bypass", "--user=olga")
		By("kubectl sluice promote, once the API server knows the right")
		Eventually(ctx, func() int { _, code := r.sluice(ctx, "promote", "podinfo", "--skip-analysis"); return code }, patience(), glance).Should(BeZero())
		out, code = r.sluice(ctx, "status", "podinfo", "--wait")
		Expect(code).To(BeZero(), out)
		r.expectClean(ctx, "v2")
		history := r.ask(ctx, "history", "podinfo")
		Expect(history).To(And(ContainSubstring("Succeeded"), ContainSubstring("Aborted"), ContainSubstring("wrong branch")))
		_, code = r.sluice(ctx, "abort", "podinfo")
		Expect(code).To(Equal(1), "there is nothing to abort")
		r.expectNoFailures(ctx, "nobody")
	})
})
