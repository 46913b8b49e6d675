package seen

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/author"
)

// asked makes admission ask as authors, until the test ends.
func (s shop) asked(options author.Options) {
	s.T.Helper()
	asked, err := asking(server.ReconcilerConfig, options)
	s.Expect(err).NotTo(HaveOccurred())
	server.AskAs(asked.Ask)
	s.T.Cleanup(func() { server.AskAs(nil) })
}

// enforce installs the policy of the docs for this namespace and waits until it is in force.
func (s shop) enforce() {
	s.T.Helper()
	policy := strings.Replace(recipe(s.T, "### Rules by user"), "payments-account", s.Namespace, 1)
	s.as("", policy+`---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: `+s.Namespace+`}
spec:
  policyName: `+s.Namespace+`
  validationActions: [Deny]
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: `+s.Namespace+`}}}
`, "apply", "-f", "-")
	s.Eventually(func() string {
		out, _ := s.try(pat, "", asAuthor("podinfo:v2", "payments")...)
		return out
	}, patience, 200*time.Millisecond).Should(ContainSubstring(forbidden))
}

// forbidden is what the policy of the docs says.
const forbidden = "denied request: pat may not use the ServiceAccount payments"

// asAuthor is the dry run that everybody can make for themselves.
func asAuthor(image, account string) []string {
	return append(wants(image, account), "--dry-run=server", "--field-manager="+config.AuthorManager, "-o", "yaml")
}

func TestARuleByUserHoldsForItsAuthor(t *testing.T) {
	s := newShop(t)
	s.enforce()
	// pat names rose as the author, and it does not help.
	forged := wants("podinfo:v2", "payments")
	forged[len(forged)-1] = strings.Replace(forged[len(forged)-1], `{"spec"`, `{"metadata":{"annotations":{"sluice.dev/requested-by":"rose"}},"spec"`, 1)
	s.as(pat, "", forged...)
	s.Eventually(func() string {
		return s.as("", "", "get", "events", "--field-selector=reason=CanaryRejected", "-o", "jsonpath={.items[*].message}")
	}, patience, glance).Should(ContainSubstring(forbidden))
	err := server.Client.Get(t.Context(), client.ObjectKey{Namespace: s.Namespace, Name: "podinfo-canary"}, &appsv1.Deployment{})
	s.Expect(client.IgnoreNotFound(err)).To(Succeed())
	s.Expect(err).To(HaveOccurred(), "the canary runs")
	s.Expect(s.image()).To(Equal("podinfo:v1"))

	s.as(rose, "", wants("podinfo:v3", "payments")...)
	s.Eventually(s.image, patience, glance).Should(Equal("podinfo:v3"))
	s.Eventually(s.phase, patience, glance).Should(Equal("Succeeded"), "the policy refuses what Sluice writes after a promotion")
}

func TestATemplateThatIsForbiddenToItsAuthorIsNotHeldBack(t *testing.T) {
	s := newShop(t)
	s.enforce()
	s.asked(author.Options{})
	out, err := s.try(pat, "", wants("podinfo:v2", "payments")...)
	s.Expect(err).To(HaveOccurred(), out)
	s.Expect(out).To(ContainSubstring(forbidden))
	s.Expect(s.Candidate()).To(BeNil())
	s.as(pat, "", wants("podinfo:v2", "default")...)
	s.Eventually(s.image, patience, glance).Should(Equal("podinfo:v2"))
	s.as(rose, "", wants("podinfo:v3", "payments")...)
	s.Eventually(s.image, patience, glance).Should(Equal("podinfo:v3"))
}

// TestADryRunAsAuthorStoresNothing holds that its field manager opens no way round: it means nothing in any other request.
func TestADryRunAsAuthorStoresNothing(t *testing.T) {
	s := newShop(t)
	before := s.Deployment()
	s.Expect(s.as(pat, "", asAuthor("podinfo:v2", "default")...)).To(And(ContainSubstring("podinfo:v2"), Not(ContainSubstring(config.AnnotationCandidate))))
	s.Expect(s.as(pat, "", append(wants("podinfo:v2", "default"), "--dry-run=server", "-o", "yaml")...)).To(ContainSubstring(config.AnnotationCandidate))
	s.Expect(s.Deployment().ResourceVersion).To(Equal(before.ResourceVersion))
	s.as("", "", "annotate", "deployment", "podinfo", "sluice.dev/suspend=true")
	out := s.as(pat, "", append(wants("podinfo:v2", "default"), "--field-manager="+config.AuthorManager)...)
	s.Expect(out).To(ContainSubstring("held back as canary"))
	s.Expect(s.image()).To(Equal("podinfo:v1"))
	s.Expect(s.Candidate()).NotTo(BeNil())
}
