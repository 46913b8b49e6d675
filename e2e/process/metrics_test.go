package process

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"testing"

	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/e2e/ports"
)

// token returns the token of a ServiceAccount, with or without permission to get /metrics.
func (c *cluster) token(name string, may bool) string {
	c.t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: release, Name: name}}
	c.Expect(c.client.Create(c.t.Context(), account)).To(Succeed())
	if may {
		role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: []rbacv1.PolicyRule{{NonResourceURLs: []string{"/metrics"}, Verbs: []string{"get"}}}}
		binding := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: name},
			RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
			Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: release, Name: name}}}
		c.Expect(c.client.Create(c.t.Context(), role)).To(Succeed())
		c.Expect(c.client.Create(c.t.Context(), binding)).To(Succeed())
		// The API server learns of roles a moment later, and the process remembers for half a minute that it was told no.
		review := authorizationv1.SubjectAccessReviewSpec{User: "system:serviceaccount:" + release + ":" + name,
			NonResourceAttributes: &authorizationv1.NonResourceAttributes{Path: "/metrics", Verb: "get"}}
		c.Eventually(func() bool { return c.allows(review) }, patience, glance).Should(BeTrue())
	}
	request := &authenticationv1.TokenRequest{}
	c.Expect(c.client.SubResource("token").Create(c.t.Context(), account, request)).To(Succeed())
	return request.Status.Token
}

func TestSecureMetricsAreForThoseThatMay(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	// Everything that the chart can create, except the kinds of the Prometheus operator. The authority of clients is no real one.
	c.run("install", "sluice", "../../charts/sluice", "--create-namespace", "--values=../charts/testdata/everything.values.yaml",
		"--set=metrics.serviceMonitor.enabled=false,metrics.prometheusRule.enabled=false,webhook.clientCA=,webhook.clientNames=null")
	address := fmt.Sprintf("127.0.0.1:%d", ports.Free(t))
	p := c.start("--metrics-bind-address=" + address)
	c.Eventually(p.readyz, patience, glance).Should(Equal("ok"), p.lines)
	insecure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	get := func(token string) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+"/metrics", nil)
		c.Expect(err).NotTo(HaveOccurred())
		if token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		response, err := insecure.Do(request)
		c.Expect(err).NotTo(HaveOccurred())
		defer func() { _ = response.Body.Close() }()
		return response.StatusCode
	}
	c.Expect(get("")).To(Equal(http.StatusUnauthorized))
	c.Expect(get("forged")).To(BeNumerically(">=", http.StatusUnauthorized))
	c.Expect(get(c.token("nobody", false))).To(Equal(http.StatusForbidden))
	c.Expect(get(c.token("prometheus", true))).To(Equal(http.StatusOK))
	p.stop()
}
