package suite

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"os/exec"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/e2e/app"
	"sluice.dev/sluice/e2e/cluster/binaries"
)

const release = "sluice-system"

// renewed is what cmctl renew writes: the condition that makes cert-manager issue anew.
const renewed = `{"status":{"conditions":[{"type":"Issuing","status":"True","reason":"ManuallyTriggered","message":"renew now"}]}}`

// own is the organization of the authorities that Sluice makes.
var own = []string{"sluice.dev"}

var _ = Describe("Certificates of cert-manager", Ordered, Serial, Label("cert-manager"), func() {
	var r *rollout
	var load *updates

	BeforeAll(func(ctx SpecContext) {
		clusterTool(ctx, "cert-manager")
		a, err := app.Connect(ctx, "certificates")
		Expect(err).NotTo(HaveOccurred())
		r = &rollout{App: a}
		DeferCleanup(func(ctx SpecContext) {
			clusterTool(ctx, "install")
			Expect(a.Delete(ctx)).To(Succeed())
		})
		Expect(a.Delete(ctx)).To(Succeed())
		Expect(a.Deploy(ctx, quick, "")).To(Succeed())
		r.waitFor(ctx, "Initialized")
		var stop func()
		load, stop = startUpdates(a)
		DeferCleanup(stop)
		load.expectAdmitted(ctx, "before anything changes")
	})

	It("begin with the one that Sluice made, which cert-manager takes over under load", func(ctx SpecContext) {
		before := r.serving(ctx)
		Expect(before.Issuer.Organization).To(Equal(own))
		r.helmUpgrade(ctx, "cert-manager")
		load.expectAdmitted(ctx, "the change to cert-manager")
		r.kubectl(ctx, "wait", "certificate/sluice-webhook", "-n", release, "--for=condition=Ready", "--timeout=60s")
		Expect(r.serving(ctx).SerialNumber).To(Equal(before.SerialNumber))
	})

	It("serve admission, which holds changes back", func(ctx SpecContext) {
		r.setVersion(ctx, "v2")
		r.kubectl(ctx, "set", "env", "deployment/podinfo", "VERSION=v1")
		Eventually(ctx, func() string { return r.status(ctx).Candidate }, patience, glance).Should(BeEmpty())
	})

	It("are renewed under load without a failed update and without a restart", func(ctx SpecContext) {
		pods := r.controllers(ctx)
		Expect(pods).NotTo(BeEmpty())
		for _, what := range []string{"the renewal that also replaces the authority", "a renewal by the same authority"} {
			before := r.serving(ctx)
			r.kubectl(ctx, "patch", "certificate/sluice-webhook", "-n", release, "--subresource=status", "--type=merge", "-p", renewed)
			Eventually(ctx, func() string { return r.serving(ctx).SerialNumber.String() }, patience, glance).ShouldNot(Equal(before.SerialNumber.String()))
			load.expectAdmitted(ctx, what)
			Expect(r.serving(ctx).Issuer.Organization).To(BeEmpty(), "cert-manager did not make it")
			Expect(r.controllers(ctx)).To(Equal(pods), "pods were restarted or replaced")
		}
		r.setVersion(ctx, "v3")
		r.kubectl(ctx, "set", "env", "deployment/podinfo", "VERSION=v1")
	})

	It("give way to Sluice's own under load", func(ctx SpecContext) {
		r.helmUpgrade(ctx, "self")
		load.expectAdmitted(ctx, "the change to self")
		Eventually(ctx, func() []string { return r.serving(ctx).Issuer.Organization }, patience, glance).Should(Equal(own))
		load.expectAdmitted(ctx, "the first certificate of Sluice's own authority")
		r.setVersion(ctx, "v4")
	})
})

// clusterTool runs a command of the cluster's tool from this checkout.
func clusterTool(ctx context.Context, command string) {
	GinkgoHelper()
	root, err := binaries.Root(ctx)
	Expect(err).NotTo(HaveOccurred())
	tool := exec.CommandContext(ctx, "go", "run", "./e2e/cluster", command)
	tool.Dir, tool.Stdout, tool.Stderr = root, GinkgoWriter, GinkgoWriter
	Expect(tool.Run()).To(Succeed())
}

// helmUpgrade does what docs/install.md says, and waits until every replica is of the new kind.
func (r *rollout) helmUpgrade(ctx context.Context, provider string) {
	GinkgoHelper()
	root, err := binaries.Root(ctx)
	Expect(err).NotTo(HaveOccurred())
	dir, err := binaries.Ensure(ctx, GinkgoWriter, "helm")
	Expect(err).NotTo(HaveOccurred())
	By("helm upgrade sluice charts/sluice --reuse-values --set certs.provider=" + provider)
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "helm"), "upgrade", "sluice", filepath.Join(root, "charts", "sluice"),
		"--kubeconfig", filepath.Join(root, ".cluster", "kubeconfig"), "-n", release, "--reuse-values", "--set", "certs.provider="+provider).CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), string(out))
	r.kubectl(ctx, "rollout", "status", "deployment/sluice", "-n", release, "--timeout=120s")
}

// serving is the certificate that is served, once every webhook trusts what signed it.
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
		var hooks admissionregistrationv1.MutatingWebhookConfiguration
		g.Expect(r.Client.Get(ctx, types.NamespacedName{Name: "zz-sluice"}, &hooks)).To(Succeed())
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(hooks.Webhooks[0].ClientConfig.CABundle)
		_, err = certificate.Verify(x509.VerifyOptions{Roots: roots})
		g.Expect(err).NotTo(HaveOccurred())
	}, time.Minute, glance).Should(Succeed())
	return certificate
}

// controllers are the pods of sluice and how often each was restarted.
func (r *rollout) controllers(ctx context.Context) map[string]int32 {
	GinkgoHelper()
	var pods corev1.PodList
	Expect(r.Client.List(ctx, &pods, client.InNamespace(release), client.MatchingLabels{"app.kubernetes.io/name": "sluice"})).To(Succeed())
	restarts := map[string]int32{}
	for _, pod := range pods.Items {
		if pod.DeletionTimestamp == nil {
			restarts[pod.Name] = pod.Status.ContainerStatuses[0].RestartCount
		}
	}
	return restarts
}
