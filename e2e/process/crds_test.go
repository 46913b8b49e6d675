package process

import (
	"encoding/json"
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
)

// waitForStatus waits until the API server describes a field of a Canary's status, or no longer does.
func (c *cluster) waitForStatus(field string, described bool) {
	c.t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", c.admin)
	c.Expect(err).NotTo(HaveOccurred())
	requests := discovery.NewDiscoveryClientForConfigOrDie(config).RESTClient()
	fields := func() (map[string]any, error) {
		content, err := requests.Get().AbsPath("/openapi/v3/apis/" + v1alpha1.GroupVersion.String()).DoRaw(c.t.Context())
		if err != nil {
			return nil, err
		}
		var document map[string]any
		if err := json.Unmarshal(content, &document); err != nil {
			return nil, err
		}
		status, _, err := unstructured.NestedMap(document, "components", "schemas", "dev.sluice.v1alpha1.Canary", "properties", "status", "properties")
		return status, err
	}
	c.Eventually(fields, patience, glance).Should(And(HaveKey("phase"), WithTransform(func(status map[string]any) bool {
		return status[field] != nil
	}, Equal(described))))
}

func TestCRDsOfAnEarlierReleaseAreToldOfAndAwaited(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.Expect(apiextensionsv1.AddToScheme(c.client.Scheme())).To(Succeed())
	c.run("install", "sluice", "../../charts/sluice", "--create-namespace")
	c.waitForStatus("dryRun", true)
	canaries := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: "canaries.sluice.dev"}}
	c.Expect(c.client.Get(t.Context(), client.ObjectKeyFromObject(canaries), canaries)).To(Succeed())
	const status = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/"
	patch := fmt.Sprintf(`[{"op":"remove","path":"%sdryRun"},{"op":"remove","path":"%shooks/items/properties/since"}]`, status, status)
	present := canaries.DeepCopy()
	c.Expect(c.client.Patch(t.Context(), canaries, client.RawPatch(types.JSONPatchType, []byte(patch)))).To(Succeed())
	const want = "the CRDs of Sluice in the cluster are from an earlier release and lack Canary.status.dryRun, Canary.status.hooks[].since: " +
		"apply charts/sluice/files/crds of this release (kubectl apply --server-side), or install the chart with crds.install=true"
	c.waitForStatus("dryRun", false)

	p := c.start()
	c.Eventually(p.lines, patience, glance).Should(ContainSubstring("Error: " + want))
	c.Expect(p.command.Wait()).NotTo(Succeed())

	p = c.start()
	c.Eventually(p.lines, patience, glance).Should(ContainSubstring("starting"))
	canaries.Spec = present.Spec
	c.Expect(c.client.Update(t.Context(), canaries)).To(Succeed())
	c.Eventually(p.readyz, patience, glance).Should(Equal("ok"), p.lines)
}
