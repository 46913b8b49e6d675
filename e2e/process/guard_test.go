package process

import (
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis/guard"
)

// guarded creates a shop, a gateway that counts its requests, and the policy standard, which lets the guard judge by its own ladder.
func (c *cluster) guarded(change ...func(*v1alpha1.Guard)) (*shop, *counting) {
	c.t.Helper()
	s := c.newShop()
	g := s.count()
	c.run("install", "sluice", "../../charts/sluice", "--create-namespace", "--set=prometheusUrl="+g.address)
	guard := &v1alpha1.Guard{Enabled: ptr.To(true), MinDwell: &metav1.Duration{Duration: dwell}}
	for _, each := range change {
		each(guard)
	}
	policy := &v1alpha1.CanaryPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: shopNamespace, Name: "standard"}, Spec: v1alpha1.PolicySpec{
		Analysis: &v1alpha1.AnalysisSpec{Guard: guard}}}
	c.Expect(c.client.Create(c.t.Context(), policy)).To(Succeed())
	return s, g
}

// evidence is what a status keeps of the tests; nil without any.
func evidence(c *cluster, status v1alpha1.CanaryStatus) *guard.State {
	c.t.Helper()
	if known := status.Open().Guard; known == nil || known.Evidence == "" {
		return nil
	}
	var state guard.State
	c.Expect(state.UnmarshalText([]byte(status.Open().Guard.Evidence))).To(Succeed())
	return &state
}

// judgedTo waits until the guard has judged a step by new samples.
func (s *shop) judgedTo(p *process, what string, holds func(step int32, known *v1alpha1.GuardStatus) bool) v1alpha1.CanaryStatus {
	s.t.Helper()
	var last v1alpha1.CanaryStatus
	s.waitFor(p, what, func(status v1alpha1.CanaryStatus) bool {
		last = status
		known := status.Open().Guard
		return known != nil && known.Sampled != nil && holds(status.Open().Step.Number, known)
	})
	return last
}

// expectAllCounted expects that the evidence has each request that the canary has answered, once. The route has its weight a moment
// before it is in effect; what the gateway counted until then is no evidence.
func (s *shop) expectAllCounted(g *counting, status v1alpha1.CanaryStatus) {
	s.t.Helper()
	state := evidence(s.cluster, status)
	s.Expect(state).NotTo(BeNil())
	s.Expect(state.Restarts).To(BeZero())
	open := status.Open()
	s.Expect(state.Errors.Total.Total).To(Equal(g.canaryAt(open.Guard.Sampled.Time)-g.canaryAt(open.Canary.TrafficStarted.Time)), "requests of the canary that the evidence has")
}

// byStandard makes the shop's rollouts follow the policy standard alone.
func (s *shop) byStandard(p *process) {
	s.t.Helper()
	s.patch(`{"metadata":{"annotations":{"sluice.dev/policy":"standard","sluice.dev/guard":null,"sluice.dev/step-weight":null,"sluice.dev/max-weight":null,"sluice.dev/threshold":null}}}`)
	s.waitFor(p, "the policy", func(status v1alpha1.CanaryStatus) bool {
		return status.Phase == v1alpha1.PhaseInitialized && status.Policy != nil && status.Policy.Name == "CanaryPolicy/standard"
	})
}

func TestTheGuardJudgesByTheCountersOfTheGateway(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	s, g := c.guarded()
	p := s.ready(handedOver...)
	s.byStandard(p)

	s.setImage("podinfo:v2")
	before := s.judgedTo(p, "the second step judged", func(step int32, _ *v1alpha1.GuardStatus) bool { return step == 2 })
	s.expectAllCounted(g, before)
	c.Expect(before.Open().Guard.Ladder).To(Equal([]float64{0.2, 1, 5, 10, 25, 50}))
	c.Expect(before.Open().Guard.Expected).NotTo(BeEmpty())
	p.stop()
	left := s.canary().Status
	c.Expect(evidence(c, left)).NotTo(BeNil())

	// The gateway serves on meanwhile, and its requests count when the process is back.
	c.Eventually(func() float64 { return g.canaryAt(metav1.Now().Time) }, patience, glance).Should(BeNumerically(">", evidence(c, left).Errors.Total.Total))
	p = s.ready(handedOver...)
	after := s.judgedTo(p, "new samples after the restart", func(_ int32, known *v1alpha1.GuardStatus) bool {
		return known.Sampled.After(left.Open().Guard.Sampled.Time)
	})
	s.expectAllCounted(g, after)
	s.waitForEnd(p, v1alpha1.PhaseSucceeded, 1)
	c.Expect(s.canary().Status.History[0].Reason).To(ContainSubstring("at 95% confidence, from"))
	c.Expect(s.events("GuardRestarted")).To(BeEmpty())
	c.Expect(s.events("GuardOff")).To(BeEmpty())
	c.Eventually(func() []string { return s.events("StepJudged") }, patience, glance).ShouldNot(BeEmpty())

	g.fail(0.5)
	s.setImage("podinfo:v3")
	s.waitForEnd(p, v1alpha1.PhaseFailed, 2)
	const blame = "the canary is worse than it may be: "
	c.Expect(s.canary().Status.Candidate.Reason).To(And(ContainSubstring(blame), ContainSubstring("times the primary's, at 95% confidence")))
	c.Eventually(func() []string { return s.events("RollingBack") }, patience, glance).Should(ContainElement(ContainSubstring(blame)), p.lines)
	p.expectNothingForbidden()
	p.stop()
}
