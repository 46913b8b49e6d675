package seen

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/e2e/testserver"
	"sluice.dev/sluice/internal/author"
)

// rules are policies that forbid pat's template, each in another way. They only warn.
var rules = []struct{ name, expression string }{
	{"user", "request.userInfo.username != 'pat'"},
	{"author", "!has(object.metadata.annotations) || !('sluice.dev/requested-by' in object.metadata.annotations) || object.metadata.annotations['sluice.dev/requested-by'] != 'pat'"},
	{"authorizer", "authorizer.group('').resource('serviceaccounts').namespace(request.namespace).name('payments').check('use').allowed()"},
	{"root", "has(object.metadata.ownerReferences) && size(object.metadata.ownerReferences) > 0"},
	{"name", "object.metadata.name != 'podinfo'"},
	{"label", "!has(object.metadata.labels) || !('tier' in object.metadata.labels)"},
	// This one tells that the policies have seen a request at all.
	{"everything", "false"},
}

// image is what a Deployment runs, sees is what a policy says of a request.
const (
	image = "object.spec.template.spec.containers[0].image"
	sees  = "request.userInfo.username + ' ' + object.metadata.name + ' ' + " + image
)

// watched installs the policies for this namespace, and waits until all of them forbid what they should.
func (s shop) watched() {
	s.T.Helper()
	var policies strings.Builder
	for _, rule := range rules {
		expression := rule.expression
		if rule.name != "everything" {
			expression = image + " == 'podinfo:v1' || " + expression
		}
		fmt.Fprintf(&policies, `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: %[1]s-%[2]s}
spec:
  failurePolicy: Fail
  matchConstraints: {resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments]}]}
  validations: [{expression: %[3]q, messageExpression: %[4]q}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: %[1]s-%[2]s}
spec:
  policyName: %[1]s-%[2]s
  validationActions: [Warn]
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[1]s}}}
---
`, s.Namespace, rule.name, expression, sees)
	}
	s.as("", policies.String(), "apply", "-f", "-")
	probe := strings.NewReplacer("podinfo:v1", "probe", "annotations: {", "labels: {tier: web}\n  annotations: {sluice.dev/requested-by: pat, ").Replace(manifest)
	s.Eventually(func() []string {
		// Sluice's webhooks are not called for this dry run, so the policies see the manifest.
		_, _ = s.try(pat, probe, "replace", "--dry-run=server", "--field-manager="+config.AuthorManager, "-f", "-")
		return s.refusing("pat podinfo probe")
	}, patience, 200*time.Millisecond).Should(HaveLen(len(rules)))
}

// refusing names the rules that refuse a request of which they see this; none if they have not seen it.
func (s shop) refusing(seen string) []string {
	lines := warned.all()
	var names []string
	for _, rule := range rules {
		said := fmt.Sprintf("ValidatingAdmissionPolicy '%[1]s-%[2]s' with binding '%[1]s-%[2]s': %[3]s", s.Namespace, rule.name, seen)
		if slices.ContainsFunc(lines, func(line string) bool { return strings.HasSuffix(line, said) }) {
			names = append(names, rule.name)
		}
	}
	return names
}

// TestWhoIsSeenWhen plays a rollout of a template that each of the rules forbids its author, and others that go straight through. It
// holds that the docs say which rules have refused which requests.
func TestWhoIsSeenWhen(t *testing.T) {
	s := newShop(t)
	s.as("", "", "label", "deployment", "podinfo", "tier=web")
	s.watched()
	sluice := testserver.Identity
	observed := map[string][]string{}
	observe := func(moment, seen string) {
		t.Helper()
		s.Eventually(func() []string { observed[moment] = s.refusing(seen); return observed[moment] }, patience, glance).Should(ContainElement("everything"), "no policy has seen "+seen)
	}
	s.as(pat, "", wants("podinfo:v2", "payments")...)
	observe("held", "pat podinfo podinfo:v1")
	observe("copy", sluice+" podinfo-canary podinfo:v2")
	observe("promotion", sluice+" podinfo podinfo:v2")
	s.Eventually(s.phase, patience, glance).Should(Equal("Succeeded"))

	s.as(pat, "", "annotate", "deployment", "podinfo", "sluice.dev/bypass="+time.Now().Add(time.Minute).UTC().Format(time.RFC3339)+"; outage")
	s.as(pat, "", wants("podinfo:v3", "payments")...)
	observe("bypass", "pat podinfo podinfo:v3")
	s.as(pat, "", "annotate", "deployment", "podinfo", "sluice.dev/bypass-")

	s.as("", "", "scale", "deployment", "podinfo", "--replicas=0")
	s.as(pat, "", wants("podinfo:v4", "payments")...)
	observe("let through", sluice+" podinfo podinfo:v4")
	s.as("", "", "scale", "deployment", "podinfo", "--replicas=1")

	s.asked(author.Options{})
	s.as(pat, "", wants("podinfo:v5", "payments")...)
	observe("as author", "pat podinfo podinfo:v5")
	tableOfDocs(t, observed)
}
