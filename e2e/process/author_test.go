package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
)

// forbiddingJane is a policy that goes by the user.
const forbiddingJane = `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: jane}
spec:
  failurePolicy: Fail
  matchConstraints: {resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [UPDATE], resources: [deployments]}]}
  validations:
    - expression: request.userInfo.username != 'jane' || !('developers' in request.userInfo.groups) || object.spec.template.spec.containers[0].image != 'podinfo:forbidden'
      message: not for jane
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: jane}
spec: {policyName: jane, validationActions: [Deny]}
`

// TestTheAuthorIsAskedFor runs the process with the token of its ServiceAccount: the rights of the chart are all that it has.
func TestTheAuthorIsAskedFor(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "audit.log")
	c := startCluster(t, audited(t, log))
	s := c.newShop()
	c.run("install", "sluice", "../../charts/sluice", "--create-namespace", "--set=asAuthor.enabled=true,prometheusUrl="+s.prometheus)
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: release, Name: "sluice"}}
	request := &authenticationv1.TokenRequest{}
	s.Expect(s.client.SubResource("token").Create(t.Context(), account, request)).To(Succeed())
	c.bearer = request.Status.Token
	p := s.ready()
	s.waitForPhase(p, v1alpha1.PhaseInitialized)
	who := s.employ()
	jane := s.user("jane", "developers")
	kubectl := func(kubeconfig, input string, args ...string) (string, error) {
		command := exec.CommandContext(t.Context(), s.cluster.kubectl, append([]string{"--kubeconfig", kubeconfig, "-n", shopNamespace}, args...)...)
		command.Env, command.Stdin = append(os.Environ(), "HOME="+t.TempDir()), strings.NewReader(input)
		out, err := command.CombinedOutput()
		return string(out), err
	}
	out, err := kubectl(s.admin, forbiddingJane, "apply", "-f", "-")
	s.Expect(err).NotTo(HaveOccurred(), out)
	s.Eventually(func() string {
		out, _ := kubectl(jane, "", "set", "image", "deployment/podinfo", "app=podinfo:forbidden", "--dry-run=server")
		return out
	}, patience, glance).Should(ContainSubstring("denied request: not for jane"), p.lines)
	s.Expect(s.image()).To(Equal("podinfo:v1"))
	who.jane = jane
	who.setImage("podinfo:v2")
	s.waitForEnd(p, v1alpha1.PhaseSucceeded, 1)
	s.Expect(actedAs(t, log, "jane")).To(BeTrue(), "the audit log shows no dry run of the ServiceAccount as jane")
}

// actedAs reports whether the ServiceAccount has acted as a user, always by a dry run.
func actedAs(t *testing.T, log, user string) (acted bool) {
	t.Helper()
	for event := range logged(t, log) {
		if event.User.Username != account || event.ImpersonatedUser == nil {
			continue
		}
		if event.ImpersonatedUser.Username != user || !strings.Contains(event.RequestURI, "dryRun=All") {
			t.Errorf("the ServiceAccount acts as %s: %s", event.ImpersonatedUser.Username, event.RequestURI)
		}
		acted = true
	}
	return acted
}
