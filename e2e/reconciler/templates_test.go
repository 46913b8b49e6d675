package reconciler

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

func TestAMetricTemplateWakesTheRolloutThatUsesIt(t *testing.T) {
	a := newApp(t)
	policy := a.policy("standard")
	policy.Spec.Analysis.Metrics = []v1alpha1.Metric{{Name: "own", TemplateRef: &v1alpha1.ObjectRef{Name: "latency"}, Threshold: ptr.To(1.0)}}
	a.create(policy)
	a.annotate(config.AnnotationPolicy, "standard")
	a.waitFor("the policy", func(s v1alpha1.CanaryStatus) bool { return s.Policy != nil && s.Policy.Name != "" })
	a.hold()
	a.waitForMessage("MetricTemplate " + a.namespace + `/latency, named by check "own", does not exist`)
	template := &v1alpha1.MetricTemplate{ObjectMeta: a.named("latency"), Spec: v1alpha1.MetricTemplateSpec{Query: "{{ pod }}"}}
	a.create(template)
	a.waitForMessage(`check "own", MetricTemplate ` + a.namespace + `/latency: the query is not a valid template`)
	template.Spec.Query = `up{pod=~"{{ target }}-primary.*"}`
	a.Expect(server.Client.Update(t.Context(), template)).To(Succeed())
	a.waitForPhase(v1alpha1.PhaseProgressing)
	a.expectEvent("PolicyAdvice")
}

func (a *app) waitForMessage(prefix string) {
	a.t.Helper()
	a.waitFor(prefix, func(s v1alpha1.CanaryStatus) bool {
		return s.Phase == v1alpha1.PhaseWaiting && strings.HasPrefix(s.Message, prefix)
	})
}

func TestASecretThatIsMissingIsLookedForAgain(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	policy := a.policy("standard")
	policy.Spec.Analysis.Metrics = []v1alpha1.Metric{{Name: "own", TemplateRef: &v1alpha1.ObjectRef{Name: "latency"}, Threshold: ptr.To(1.0)}}
	a.create(policy)
	a.create(&v1alpha1.MetricTemplate{ObjectMeta: a.named("latency"), Spec: v1alpha1.MetricTemplateSpec{Query: "up",
		Provider: v1alpha1.MetricProvider{Address: "http://prometheus.test", SecretRef: &v1alpha1.LocalObjectRef{Name: "credentials"}}}})
	a.annotate(config.AnnotationPolicy, "standard")
	a.waitForPhase(v1alpha1.PhaseInitialized)
	a.hold()
	a.waitForMessage("MetricTemplate " + a.namespace + `/latency, named by check "own", cannot be used: Secret ` + a.namespace + "/credentials does not exist")
	secret := &corev1.Secret{ObjectMeta: a.named("credentials"), Data: map[string][]byte{"token": []byte("t")}}
	a.create(secret)
	a.waitForMessage("MetricTemplate " + a.namespace + `/latency, named by check "own", cannot be used: Secret ` + a.namespace + "/credentials lacks the label sluice.dev/metric-credentials=true")
	secret.Labels = map[string]string{config.LabelCredentials: "true"}
	a.Expect(server.Client.Update(t.Context(), secret)).To(Succeed())
	a.waitForPhase(v1alpha1.PhaseProgressing)
}
