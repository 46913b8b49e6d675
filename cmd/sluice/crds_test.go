package main

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/charts"
)

// outdated is what is wrong with the CRDs of the cluster, as an administrator sees it.
func (c *cluster) outdated() error {
	c.t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", c.admin)
	c.Expect(err).NotTo(HaveOccurred())
	served, err := servedSchemas(discovery.NewDiscoveryClientForConfigOrDie(config).OpenAPIV3())
	c.Expect(err).NotTo(HaveOccurred())
	definitions, err := charts.CRDs()
	c.Expect(err).NotTo(HaveOccurred())
	return lacking(definitions, served)
}

func TestCRDsOfAnEarlierReleaseAreToldOfAndAwaited(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.Expect(apiextensionsv1.AddToScheme(c.client.Scheme())).To(Succeed())
	c.run("install", "sluice", "../../charts/sluice", "--create-namespace")
	c.Eventually(c.outdated, patience, glance).Should(Succeed())
	canaries := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: "canaries.sluice.dev"}}
	c.Expect(c.client.Get(t.Context(), client.ObjectKeyFromObject(canaries), canaries)).To(Succeed())
	const status = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/"
	patch := fmt.Sprintf(`[{"op":"remove","path":"%sdryRun"},{"op":"remove","path":"%shooks/items/properties/since"}]`, status, status)
	present := canaries.DeepCopy()
	c.Expect(c.client.Patch(t.Context(), canaries, client.RawPatch(types.JSONPatchType, []byte(patch)))).To(Succeed())
	const want = "sluice's CRDs in the cluster are those of an earlier release, without Canary.status.dryRun, Canary.status.hooks[].since: " +
		"apply charts/sluice/files/crds of this release (kubectl apply --server-side), or install the chart with crds.install=true"
	c.Eventually(c.outdated, patience, glance).Should(MatchError(want))

	p := c.start()
	c.Eventually(p.lines, patience, glance).Should(ContainSubstring("Error: " + want))
	c.Expect(p.command.Wait()).NotTo(Succeed())

	p = c.start()
	c.Eventually(p.lines, patience, glance).Should(ContainSubstring("starting"))
	canaries.Spec = present.Spec
	c.Expect(c.client.Update(t.Context(), canaries)).To(Succeed())
	c.Eventually(p.readyz, patience, glance).Should(Equal("ok"), p.lines)
}
