package admission

import (
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// absent are the clients of webhooks at an address where nobody listens, and for a namespace.
type absent struct {
	address admissionregistrationv1.WebhookClientConfig
	here    *metav1.LabelSelector
	fail    *admissionregistrationv1.FailurePolicyType
}

// abandon installs the chart's webhooks for the namespace once more, at an address where nobody listens. Without an answer of any
// of them a request is refused. Those of cluster-wide objects stay away from other tests.
func (c cluster) abandon() {
	c.T.Helper()
	named := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Name: "absent-" + name + "-" + c.Namespace}
	}
	nobody := absent{
		address: admissionregistrationv1.WebhookClientConfig{URL: ptr.To("https://127.0.0.1:1/")},
		here:    &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: c.Namespace}},
		fail:    ptr.To(admissionregistrationv1.Fail),
	}
	var copies []client.Object
	for _, name := range []string{"zz-sluice", "zzzzzzzz-sluice"} {
		var chart admissionregistrationv1.MutatingWebhookConfiguration
		c.read(name, &chart)
		copies = append(copies, &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: named(name), Webhooks: nobody.mutating(chart.Webhooks)})
	}
	var chart admissionregistrationv1.ValidatingWebhookConfiguration
	c.read("zz-sluice", &chart)
	copies = append(copies, &admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: named("zz-sluice"), Webhooks: nobody.validating(chart.Webhooks)})
	for _, object := range copies {
		if err := c.Client.Create(c.T.Context(), object); err != nil {
			c.T.Fatal(err)
		}
		c.T.Cleanup(func() { _ = c.Client.Delete(c.T.Context(), object) })
	}
}

func (a absent) mutating(hooks []admissionregistrationv1.MutatingWebhook) []admissionregistrationv1.MutatingWebhook {
	hooks = slices.DeleteFunc(hooks, func(hook admissionregistrationv1.MutatingWebhook) bool { return hook.Name == "freezes.sluice.dev" })
	for i := range hooks {
		hooks[i].ClientConfig, hooks[i].NamespaceSelector, hooks[i].FailurePolicy = a.address, a.here, a.fail
	}
	return hooks
}

func (a absent) validating(hooks []admissionregistrationv1.ValidatingWebhook) []admissionregistrationv1.ValidatingWebhook {
	hooks = slices.DeleteFunc(hooks, func(hook admissionregistrationv1.ValidatingWebhook) bool { return hook.Name == "policies.sluice.dev" })
	for i := range hooks {
		hooks[i].ClientConfig, hooks[i].NamespaceSelector, hooks[i].FailurePolicy = a.address, a.here, a.fail
	}
	return hooks
}

func (c cluster) read(name string, object client.Object) {
	c.T.Helper()
	if err := c.Client.Get(c.T.Context(), client.ObjectKey{Name: name}, object); err != nil {
		c.T.Fatal(err)
	}
}

// refused waits until a request is refused because a webhook does not answer. Nothing is stored.
func (c cluster) refused(hook, input string, args ...string) {
	c.T.Helper()
	NewWithT(c.T).Eventually(func() string {
		out, _ := c.run(input, append(args, "--dry-run=server")...)
		return out
	}, patience, glance).Should(ContainSubstring("failed calling webhook %q", hook))
}

const collector = "system:serviceaccount:kube-system:generic-garbage-collector"

// TestDeletionWaitsForNobody deletes what can be in a namespace while no replica of Sluice answers: in the foreground, which the
// garbage collector ends by an update.
func TestDeletionWaitsForNobody(t *testing.T) {
	c := newCluster(t)
	route := "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: podinfo, annotations: {sluice.dev/split: \"[]\"}}\nspec: {rules: [{backendRefs: [{name: podinfo, port: 80}]}]}\n"
	canary := "apiVersion: sluice.dev/v1alpha1\nkind: Canary\nmetadata: {name: podinfo}\nspec: {}\n"
	c.kubectl(manifest("podinfo:v1"), "create", "-f", "-")
	c.kubectl(strings.Replace(manifest("podinfo:v1"), "name: podinfo", "name: podinfo-canary\n  labels: {sluice.dev/role: canary}", 1), "create", "-f", "-")
	c.kubectl(route, "create", "-f", "-")
	c.kubectl(canary, "create", "-f", "-")
	c.abandon()
	c.refused("deployments.sluice.dev", strings.Replace(manifest("podinfo:v1"), "name: podinfo", "name: probe", 1), "create", "-f", "-")
	for object, hook := range map[string]string{
		"deployment/podinfo": "deployments.sluice.dev", "deployment/podinfo-canary": "deployments.sluice.dev", "httproute/podinfo": "routes.sluice.dev", "canary/podinfo": "canaries.sluice.dev",
	} {
		t.Run(object, func(t *testing.T) {
			c := c.in(t)
			c.refused(hook, "", "annotate", object, "sluice.dev/reset=true")
			c.kubectl("", "delete", object, "--cascade=foreground", "--wait=false", "--as="+collector, "--as-group=system:masters")
			for _, patch := range []string{
				`{"metadata":{"annotations":{"sluice.dev/reset":"true","sluice.dev/direct":"{}","sluice.dev/split":null}}}`,
				`{"metadata":{"finalizers":null}}`,
			} {
				c.kubectl("", "patch", object, "--type=merge", "-p", patch, "--as="+collector, "--as-group=system:masters")
			}
			if out, err := c.run("", "get", object); err == nil || !strings.Contains(out, "NotFound") {
				t.Errorf("it is still there: %s", out)
			}
		})
	}
}

// TestSluiceItselfNeedsNoSluice upgrades Sluice's own Deployment, which somebody has opted in, while no replica answers.
func TestSluiceItselfNeedsNoSluice(t *testing.T) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "sluice-system"}}
	if err := server.Client.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	c := newCluster(t)
	c.Namespace = namespace.Name
	itself := strings.Replace(manifest("sluice:v1"), "name: podinfo", "name: sluice", 1)
	c.kubectl(manifest("podinfo:v1"), "create", "-f", "-")
	c.kubectl(itself, "create", "-f", "-")
	c.abandon()
	c.refused("deployments.sluice.dev", "", "set", "image", "deployment/podinfo", "app=podinfo:v2")
	c.refused("deployments.sluice.dev", strings.Replace(manifest("podinfo:v1"), "name: podinfo", "name: probe", 1), "create", "-f", "-")
	c.kubectl("", "set", "image", "deployment/sluice", "app=sluice:v2")
	c.kubectl(strings.ReplaceAll(itself, "sluice:v1", "sluice:v3"), "replace", "-f", "-")
	if image := c.kubectl("", "get", "deployment", "sluice", "-o", "jsonpath={.spec.template.spec.containers[0].image}"); image != "sluice:v3" {
		t.Errorf("it runs %s", image)
	}
}
