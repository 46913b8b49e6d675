package suite

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/binaries"
)

const release = "sluice-system"

// renewed is what cmctl renew writes: the condition that makes cert-manager issue a new certificate.
const renewed = `{"status":{"conditions":[{"type":"Issuing","status":"True","reason":"ManuallyTriggered","message":"renew now"}]}}`

// own is the organization of Sluice's own authorities.
var own = []string{"sluice.dev"}

var _ = Describe("Certificates of cert-manager", Ordered, Serial, Label("cert-manager"), func() {
	var r *rollout
	var load *updates

	BeforeAll(func(ctx SpecContext) {
		clusterTool(ctx, "cert-manager")
		DeferCleanup(reinstall)
		r = given(ctx, "certificates", quick, "")
		load = r.update(20, changingLabels)
		load.expectAdmitted(ctx, "before anything changes")
	})

	It("begin with the one that Sluice made, which cert-manager takes over under load", func(ctx SpecContext) {
		Eventually(ctx, func() []string { return r.serving(ctx).Issuer.Organization }, patience(), glance).Should(Equal(own))
		before := r.serving(ctx)
		r.helmUpgrade(ctx, "certs.provider=cert-manager")
		load.expectAdmitted(ctx, "the change to cert-manager")
		r.kubectl(ctx, "wait", "certificate/sluice-webhook", "-n", release, "--for=condition=Ready", timeout())
		Expect(r.serving(ctx).SerialNumber).To(Equal(before.SerialNumber))
	})

	It("serve admission, which holds a change back until it is promoted", func(ctx SpecContext) {
		r.setVersion(ctx, "v2")
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v2")
	})

	It("are renewed under load without a failed update and without a restart", func(ctx SpecContext) {
		pods := r.restarts(ctx)
		Expect(pods).NotTo(BeEmpty())
		for _, what := range []string{"the renewal that also replaces the authority", "a renewal by the same authority"} {
			before := r.serving(ctx)
			r.kubectl(ctx, "patch", "certificate/sluice-webhook", "-n", release, "--subresource=status", "--type=merge", "-p", renewed)
			Eventually(ctx, func() string { return r.serving(ctx).SerialNumber.String() }, patience(), glance).ShouldNot(Equal(before.SerialNumber.String()))
			load.expectAdmitted(ctx, what)
			Expect(r.serving(ctx).Issuer.Organization).To(BeEmpty(), "cert-manager did not make it")
			Expect(r.restarts(ctx)).To(Equal(pods), "pods were restarted or replaced")
		}
		r.setVersion(ctx, "v3")
	})

	It("give way to Sluice's own under load", func(ctx SpecContext) {
		// A new authority is trusted for a tenth of a certificate's lifetime before it signs.
		r.helmUpgrade(ctx, "certs.provider=self,certs.validity=3m,certs.caValidity=1h")
		load.expectAdmitted(ctx, "the change to self")
		Eventually(ctx, func() []string { return r.serving(ctx).Issuer.Organization }, patience(), glance).Should(Equal(own))
		load.expectAdmitted(ctx, "the first certificate of Sluice's own authority")
		r.setVersion(ctx, "v4")
		r.expectNoFailures(ctx, "nobody")
	})
})

// expectAdmitted waits for more updates, so that some were tried, and expects that none was refused since the start.
func (u *updates) expectAdmitted(ctx context.Context, what string) {
	GinkgoHelper()
	before, _ := u.counts()
	Eventually(ctx, func() int { now, _ := u.counts(); return now - before }, patience(), glance).Should(BeNumerically(">", 40), "updates are admitted")
	u.mu.Lock()
	defer u.mu.Unlock()
	By(fmt.Sprintf("%s: %d updates admitted, %d refused", what, u.held, u.refused))
	Expect(u.refusals).To(BeEmpty(), what)
}

// clusterTool runs a command of the cluster's tool.
func clusterTool(ctx context.Context, command string) {
	GinkgoHelper()
	root, err := binaries.Root(ctx)
	Expect(err).NotTo(HaveOccurred())
	run(ctx, filepath.Join(root, "bin", "cluster"), command)
}

// helmUpgrade changes a value of the chart, as docs/get-started/install.md says, and waits until every replica is a new one.
func (r *rollout) helmUpgrade(ctx context.Context, setting string) {
	GinkgoHelper()
	root, err := binaries.Root(ctx)
	Expect(err).NotTo(HaveOccurred())
	dir, err := binaries.Ensure(ctx, GinkgoWriter, "helm")
	Expect(err).NotTo(HaveOccurred())
	run(ctx, filepath.Join(dir, "helm"), "upgrade", "sluice", filepath.Join(root, "charts", "sluice"), "-n", release, "--reuse-values",
		"--set", setting, "--kubeconfig", filepath.Join(root, ".cluster", "kubeconfig"))
	r.kubectl(ctx, "rollout", "status", "deployment/sluice", "-n", release, timeout())
	expectNewReplicas(ctx)
}

// serving returns the certificate that is served, once every webhook trusts its authority.
func (r *rollout) serving(ctx context.Context) *x509.Certificate {
	GinkgoHelper()
	var certificate *x509.Certificate
	Eventually(ctx, func(g Gomega) {
		var secret corev1.Secret
		g.Expect(r.Client.Get(ctx, types.NamespacedName{Namespace: release, Name: "sluice-webhook"}, &secret)).To(Succeed())
		block, _ := pem.Decode(secret.Data[corev1.TLSCertKey])
		g.Expect(block).NotTo(BeNil(), "the Secret has no certificate")
		var err error
		certificate, err = x509.ParseCertificate(block.Bytes)
		g.Expect(err).NotTo(HaveOccurred())
		for _, name := range []string{"zz-sluice", "zzzzzzzz-sluice"} {
			var hooks admissionregistrationv1.MutatingWebhookConfiguration
			g.Expect(r.Client.Get(ctx, types.NamespacedName{Name: name}, &hooks)).To(Succeed())
			roots := x509.NewCertPool()
			roots.AppendCertsFromPEM(hooks.Webhooks[0].ClientConfig.CABundle)
			_, err = certificate.Verify(x509.VerifyOptions{Roots: roots})
			g.Expect(err).NotTo(HaveOccurred())
		}
	}, patience(), glance).Should(Succeed())
	return certificate
}

// restarts returns the restarts of Sluice's pods that stay, by name.
func (r *rollout) restarts(ctx context.Context) map[string]int32 {
	GinkgoHelper()
	counts := map[string]int32{}
	for _, pod := range r.controllers(ctx) {
		if pod.DeletionTimestamp == nil {
			counts[pod.Name] = pod.Status.ContainerStatuses[0].RestartCount
		}
	}
	return counts
}
