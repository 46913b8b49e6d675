package reconciler

import (
	"context"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// policy is a CanaryPolicy with every value whose encoding could differ between here and the API server.
func (a *app) policy(name string) *v1alpha1.CanaryPolicy {
	return &v1alpha1.CanaryPolicy{ObjectMeta: a.named(name), Spec: v1alpha1.PolicySpec{
		Canary: &v1alpha1.CanaryCopySpec{Template: &apiextensionsv1.JSON{Raw: []byte(`{"metadata":{"annotations":{"z":"<a & b>","b":"é"}},"spec":{"nodeSelector":{}}}`)}},
		Analysis: &v1alpha1.AnalysisSpec{StepWeights: []float64{10, 20.5, 99.99},
			Match: []v1alpha1.HTTPMatch{{Headers: map[string]v1alpha1.StringMatch{"x-canary": {Regex: "<.*>"}}}}},
	}}
}

// setSteps changes the weights of a policy.
func (a *app) setSteps(name string, weights ...float64) {
	a.t.Helper()
	a.Eventually(func() error {
		policy, err := get(a, name, &v1alpha1.CanaryPolicy{})
		if err != nil {
			return err
		}
		policy.Spec.Analysis.StepWeights = weights
		return server.Client.Update(a.t.Context(), policy)
	}, patience, glance).Should(Succeed())
}

func TestAPolicyThatIsMissingHoldsCandidatesBackUntilItIsThere(t *testing.T) {
	a := newApp(t)
	a.waitForPhase(v1alpha1.PhaseInitialized)
	a.annotate(config.AnnotationPolicy, "standard")
	a.hold()
	a.waitFor("a message that names it", func(s v1alpha1.CanaryStatus) bool {
		return s.Phase == v1alpha1.PhaseWaiting && strings.HasPrefix(s.Message, "CanaryPolicy standard, which the annotation sluice.dev/policy names, does not exist")
	})
	a.create(a.policy("standard"))
	a.waitFor("a rollout by the policy", func(s v1alpha1.CanaryStatus) bool {
		return s.Phase == v1alpha1.PhaseProgressing && s.Policy != nil && s.Policy.Name == "CanaryPolicy/standard" && len(s.Policy.Spec.Analysis.StepWeights) == 3
	})
}

func TestARunningRolloutKeepsItsPolicy(t *testing.T) {
	a := newApp(t)
	a.create(a.policy("standard"))
	a.annotate(config.AnnotationInterval, "1h")
	a.annotate(config.AnnotationPolicy, "standard")
	a.waitFor("the policy", func(s v1alpha1.CanaryStatus) bool { return s.Policy != nil && s.Policy.Name != "" })
	a.hold()
	a.waitForPhase(v1alpha1.PhaseProgressing)
	a.setSteps("standard", 50)
	a.waitFor("what has changed", func(s v1alpha1.CanaryStatus) bool {
		return s.Policy.Changed == "CanaryPolicy/standard has changed since this rollout started (analysis.stepWeights); the next rollout uses it"
	})
	a.Expect(a.canary().Status.Policy.Spec.Analysis.StepWeights).To(HaveLen(3))
	policy, err := get(a, "standard", &v1alpha1.CanaryPolicy{})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(server.Client.Delete(a.t.Context(), policy)).To(Succeed())
	a.waitFor("what is missing", func(s v1alpha1.CanaryStatus) bool {
		return s.Phase == v1alpha1.PhaseProgressing && strings.HasPrefix(s.Policy.Changed, "the next rollout cannot start: CanaryPolicy standard")
	})
}

func TestAPolicyConcernsOnlyThoseWhoNameIt(t *testing.T) {
	a := newApp(t)
	a.create(a.policy("standard"))
	a.create(a.policy("other"))
	a.annotate(config.AnnotationPolicy, "standard")
	a.waitFor("the policy", func(s v1alpha1.CanaryStatus) bool {
		return s.Policy != nil && s.Policy.Name != "" && s.Phase == v1alpha1.PhaseInitialized
	})
	requests := func() int { return requestsIn(a.namespace) }
	a.Eventually(func() int { return len(a.events("Initialized")) }, patience, glance).Should(Equal(2))
	before := requests()
	a.setSteps("other", 5)
	a.annotate("example.com/touched", "yes")
	a.available("podinfo")
	a.Consistently(requests, 2*time.Second, glance).Should(Equal(before), "a policy that means the same cost a request")
	a.setSteps("standard", 5)
	a.waitFor("the new weights", func(s v1alpha1.CanaryStatus) bool { return len(s.Policy.Spec.Analysis.StepWeights) == 1 })
}

func TestTheDefaultPolicyOfTheClusterIsForEverybody(t *testing.T) {
	a := newApp(t)
	a.waitForPhase(v1alpha1.PhaseInitialized)
	policy := &v1alpha1.ClusterCanaryPolicy{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.DefaultPolicyName}, Spec: v1alpha1.ClusterPolicySpec{PolicySpec: a.policy("").Spec}}
	a.create(policy)
	t.Cleanup(func() { _ = client.IgnoreNotFound(server.Client.Delete(context.Background(), policy)) })
	a.waitFor("the values of the default policy", func(s v1alpha1.CanaryStatus) bool {
		return s.Policy != nil && s.Policy.Name == "" && len(s.Policy.Spec.Analysis.StepWeights) == 3
	})
	a.Expect(server.Client.Delete(a.t.Context(), policy)).To(Succeed())
	a.waitFor("the built-in steps", func(s v1alpha1.CanaryStatus) bool { return len(s.Policy.Spec.Analysis.StepWeights) == 0 })
}
