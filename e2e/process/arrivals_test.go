package process

import (
	"testing"

	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
)

// uninstalled removes CRDs and returns a function that installs them again.
func (c *cluster) uninstalled(names ...string) (install func()) {
	c.t.Helper()
	c.Expect(apiextensionsv1.AddToScheme(c.client.Scheme())).To(Succeed())
	var gone []*apiextensionsv1.CustomResourceDefinition
	for _, name := range names {
		crd := &apiextensionsv1.CustomResourceDefinition{}
		c.Expect(c.client.Get(c.t.Context(), client.ObjectKey{Name: name}, crd)).To(Succeed())
		c.Expect(c.client.Delete(c.t.Context(), crd.DeepCopy())).To(Succeed())
		c.Eventually(func() bool {
			return apierrors.IsNotFound(c.client.Get(c.t.Context(), client.ObjectKeyFromObject(crd), &apiextensionsv1.CustomResourceDefinition{}))
		}, patience, glance).Should(BeTrue(), name)
		gone = append(gone, &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: crd.Name, Annotations: crd.Annotations}, Spec: crd.Spec})
	}
	return func() {
		c.t.Helper()
		for _, crd := range gone {
			c.Expect(c.client.Create(c.t.Context(), crd)).To(Succeed())
		}
	}
}

func TestKindsThatAreInstalledLaterAreWatchedWithoutARestart(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	s := c.newShop()
	calls := &gatewayv1.GRPCRoute{}
	c.Expect(c.client.Get(t.Context(), client.ObjectKey{Namespace: shopNamespace, Name: "podinfo"}, calls)).To(Succeed())
	install := c.uninstalled("grpcroutes.gateway.networking.k8s.io", "referencegrants.gateway.networking.k8s.io",
		"listenersets.gateway.networking.k8s.io")
	c.run("install", "sluice", "../../charts/sluice", "--create-namespace", "--set=prometheusUrl="+s.prometheus)
	p := s.ready()
	s.waitForPhase(p, v1alpha1.PhaseInitialized)
	c.Expect(s.canary().Status.Target.Routes).To(Equal([]string{"podinfo"}))

	install()
	calls = &gatewayv1.GRPCRoute{ObjectMeta: metav1.ObjectMeta{Namespace: calls.Namespace, Name: calls.Name}, Spec: calls.Spec}
	c.Eventually(func() error { return c.client.Create(t.Context(), calls.DeepCopy()) }, patience, glance).Should(Succeed())
	s.waitForMessage(p, "HTTPRoute podinfo and GRPCRoute podinfo")
	c.Eventually(p.lines, patience, glance).Should(ContainSubstring("the cluster has ReferenceGrants now"))
	c.Eventually(p.lines, patience, glance).Should(ContainSubstring("the cluster has ListenerSets now"))
	p.expectNothingForbidden()
	p.stop()
}
