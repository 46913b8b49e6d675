package process

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/certs"
	"sluice.dev/sluice/e2e/ports"
	"sluice.dev/sluice/webhook"
)

// review returns an admission request as the API server sends it, for a valid object.
func review(t *testing.T) []byte {
	t.Helper()
	content, err := json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request: &admissionv1.AdmissionRequest{UID: "1", Operation: admissionv1.Create, Kind: metav1.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"},
			Object: runtime.RawExtension{Raw: []byte(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a"}}`)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestAnAdmissionInFlightIsFinished(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.run("install", "sluice", "../../charts/sluice", "--create-namespace")
	address := fmt.Sprintf("127.0.0.1:%d", ports.Free(t))
	p := c.start("--webhook-port="+strings.TrimPrefix(address, "127.0.0.1:"), "--shutdown-delay=0s")
	c.Eventually(p.readyz, patience, glance).Should(Equal("ok"), p.lines)
	connection, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	c.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = connection.Close() }()
	body := review(t)
	_, err = fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n",
		webhook.ValidateDeploymentPath, len(body))
	c.Expect(err).NotTo(HaveOccurred())
	answers := bufio.NewReader(connection)
	// The server asks for the body once the request is in flight.
	asked, err := http.ReadResponse(answers, nil)
	c.Expect(err).NotTo(HaveOccurred())
	c.Expect(asked.Body.Close()).To(Succeed())
	c.Expect(asked.StatusCode).To(Equal(http.StatusContinue))
	c.Expect(p.command.Process.Signal(syscall.SIGTERM)).To(Succeed())
	c.Eventually(p.lines, patience, glance).Should(MatchRegexp(`shutting down server.*"name":"admission"`))
	_, err = connection.Write(body)
	c.Expect(err).NotTo(HaveOccurred())
	response, err := http.ReadResponse(answers, nil)
	c.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = response.Body.Close() }()
	var answer admissionv1.AdmissionReview
	c.Expect(json.NewDecoder(response.Body).Decode(&answer)).To(Succeed())
	c.Expect(answer.Response.Allowed).To(BeTrue())
	c.Expect(p.command.Wait()).To(Succeed(), p.lines())
}

// certManagerCRDs are the part of cert-manager that the chart needs for its installation.
func (c *cluster) certManagerCRDs() {
	c.t.Helper()
	c.Expect(apiextensionsv1.AddToScheme(c.client.Scheme())).To(Succeed())
	for kind, plural := range map[string]string{"Issuer": "issuers", "Certificate": "certificates"} {
		crd := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: plural + ".cert-manager.io"}}
		crd.Spec = apiextensionsv1.CustomResourceDefinitionSpec{Group: "cert-manager.io", Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Kind: kind, Plural: plural},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{Name: "v1", Served: true, Storage: true, Schema: &apiextensionsv1.CustomResourceValidation{
				OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: ptr.To(true)}}}}}
		c.Expect(c.client.Create(c.t.Context(), crd)).To(Succeed())
		c.Eventually(func() bool {
			err := c.client.Get(c.t.Context(), client.ObjectKeyFromObject(crd), crd)
			return err == nil && len(crd.Status.Conditions) > 1 && crd.Status.Conditions[1].Status == apiextensionsv1.ConditionTrue
		}, patience, glance).Should(BeTrue())
	}
}

// inject does what cert-manager's cainjector would.
func (c *cluster) inject(ctx context.Context, bundle []byte) {
	c.t.Helper()
	for _, name := range []string{"zz-sluice", "zzzzzzzz-sluice"} {
		var mutating admissionregistrationv1.MutatingWebhookConfiguration
		c.Expect(c.client.Get(ctx, client.ObjectKey{Name: name}, &mutating)).To(Succeed())
		for i := range mutating.Webhooks {
			mutating.Webhooks[i].ClientConfig.CABundle = bundle
		}
		c.Expect(mutating.Annotations).To(HaveKeyWithValue("cert-manager.io/inject-ca-from", release+"/sluice-webhook"))
		c.Expect(c.client.Update(ctx, &mutating)).To(Succeed())
	}
	var validating admissionregistrationv1.ValidatingWebhookConfiguration
	c.Expect(c.client.Get(ctx, client.ObjectKey{Name: "zz-sluice"}, &validating)).To(Succeed())
	for i := range validating.Webhooks {
		validating.Webhooks[i].ClientConfig.CABundle = bundle
	}
	c.Expect(c.client.Update(ctx, &validating)).To(Succeed())
}

func TestCertificatesOfCertManagerAreServedAndNeverWritten(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.certManagerCRDs()
	c.run("install", "sluice", "../../charts/sluice", "--create-namespace", "--set=certs.provider=cert-manager")
	p := c.start()
	c.Eventually(p.readyz, patience, glance).Should(ContainSubstring("the webhooks wait for their certificate"), p.lines)
	made, err := certs.Next(nil, certs.HostsOf("sluice-webhook", release), certs.Lifetimes{CA: 2 * time.Hour, Leaf: time.Hour}, false, time.Now())
	c.Expect(err).NotTo(HaveOccurred())
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: release, Name: "sluice-webhook"}, Data: made.Data}
	c.Expect(c.client.Update(t.Context(), secret)).To(Succeed())
	c.Eventually(p.readyz, patience, glance).Should(ContainSubstring("MutatingWebhookConfiguration zz-sluice does not trust the webhooks' certificate yet"))
	written := secret.ResourceVersion
	c.inject(t.Context(), made.Data["ca.crt"])
	c.Eventually(p.readyz, patience, glance).Should(Equal("ok"), p.lines)
	c.Expect(c.client.Get(t.Context(), client.ObjectKeyFromObject(secret), secret)).To(Succeed())
	c.Expect(secret.ResourceVersion).To(Equal(written))
	p.expectNothingForbidden()
	p.stop()
}
