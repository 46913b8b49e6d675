package gitops

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/internal/emergency"
)

// hookManifest is a webhook configuration as the chart's, for requests that nobody makes.
func hookManifest(t *testing.T, name string, timeout int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hooks.yaml")
	content := fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: %s}
webhooks:
  - name: deployments.sluice.dev
    admissionReviewVersions: [v1]
    sideEffects: None
    reinvocationPolicy: Never
    failurePolicy: Fail
    timeoutSeconds: %d
    clientConfig:
      service: {name: sluice-webhook, namespace: sluice-system, path: /mutate-deployment}
    rules:
      - {apiGroups: [nobody.example.com], apiVersions: [v1], operations: [CREATE], resources: [things], scope: Namespaced}
    matchConditions:
      - {name: opted-in, expression: "has(object.metadata.annotations)"}
`, name, timeout)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestNobodyPutsBackWhatAnEmergencyWrites checks that the webhooks stay off while a tool reconciles the chart, and when a new version
// of it comes.
func TestNobodyPutsBackWhatAnEmergencyWrites(t *testing.T) {
	for name, e := range map[string]engine{
		"Flux": flux, "Argo CD": argocd(includeMutationWebhook), "Argo CD with client-side apply": argocd(includeMutationWebhook, "--server-side-apply=false"),
		"Helm": helm("--server-side=true"), "Helm with patches": helm("--server-side=false"),
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			a := newApp(t)
			hooks := &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "emergency-" + a.Namespace}}
			read := func() *admissionregistrationv1.MutatingWebhook {
				g.Expect(server.Client.Get(t.Context(), client.ObjectKeyFromObject(hooks), hooks)).To(Succeed())
				return &hooks.Webhooks[0]
			}
			e.apply(a, hookManifest(t, hooks.Name, 5))
			t.Cleanup(func() { _ = server.Client.Delete(t.Context(), hooks) })
			webhook := read()
			webhook.MatchConditions = append(webhook.MatchConditions, admissionregistrationv1.MatchCondition{Name: "emergency-off", Expression: "false"})
			metav1.SetMetaDataAnnotation(&hooks.ObjectMeta, emergency.Annotation, "off")
			g.Expect(server.Client.Update(t.Context(), hooks, client.FieldOwner("sluice-emergency"))).To(Succeed())
			for moment, timeout := range []int{5, 5, 7} {
				e.apply(a, hookManifest(t, hooks.Name, timeout))
				webhook := read()
				g.Expect(webhook.MatchConditions).To(ContainElement(HaveField("Expression", "false")), "moment %d", moment)
				g.Expect(*webhook.TimeoutSeconds).To(BeNumerically("==", timeout))
			}
		})
	}
}
