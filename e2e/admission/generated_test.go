package admission

import (
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// may gives a user rights in the namespace, beside those that edit has.
func (c cluster) may(user string, rules ...rbacv1.PolicyRule) {
	c.T.Helper()
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: user}, Rules: rules}
	NewWithT(c.T).Expect(server.Client.Create(c.T.Context(), role)).To(Succeed())
	c.Bind(c.T, c.Namespace, user, "Role", role.Name)
}

// TestWhoMayNotCreateRoutesMayNotHaveThemCreated gives two users the right to write CanaryPolicies. One of them may also write what
// Sluice creates for these.
func TestWhoMayNotCreateRoutesMayNotHaveThemCreated(t *testing.T) {
	const author, owner = "pat", "rose"
	c := running(t, appliers["client-side"])
	elsewhere := c.Namespace + "-elsewhere"
	c.kubectl("", "create", "namespace", elsewhere)
	policies := rbacv1.PolicyRule{APIGroups: []string{"sluice.dev"}, Resources: []string{"canarypolicies"}, Verbs: []string{"get", "create", "update", "patch"}}
	c.may(author, policies)
	c.may(owner, policies, rbacv1.PolicyRule{APIGroups: []string{"gateway.networking.k8s.io"}, Resources: []string{"httproutes"}, Verbs: []string{"create", "update"}},
		rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"services"}, Verbs: []string{"create"}})
	c.kubectl(render(t, "--show-only", "templates/reach.yaml", "--set", "watchNamespaces={"+c.Namespace+"}", "--set", "crossNamespaceGrants=true"), "apply", "-f", "-")
	policy := func(name, spec string) string {
		return fmt.Sprintf("apiVersion: sluice.dev/v1alpha1\nkind: CanaryPolicy\nmetadata: {name: %s}\nspec: %s\n", name, spec)
	}
	create := []string{"create", "-f", "-", "--dry-run=server"}
	NewWithT(t).Eventually(func() string {
		out, _ := c.as(author, policy("first", "{service: {gatewayRefs: [{name: public}]}}"), create...)
		return out
	}, patience, glance).Should(ContainSubstring("may not create httproutes"))
	for name, way := range map[string]struct{ spec, author, owner string }{
		"a host of another team": {"{service: {port: 80, gatewayRefs: [{name: public, namespace: infra}], hosts: [www.example.com], match: [{uri: {prefix: /login}}]}}",
			"spec.service.gatewayRefs: pat may not create httproutes.gateway.networking.k8s.io in namespace " + c.Namespace, ""},
		"filters on a route":        {"{service: {canaryBackend: {backendRef: {name: next, port: 80}}}}", "spec.service: pat may not update httproutes", ""},
		"a backend":                 {"{service: {primaryBackend: {backendRef: {name: next, port: 80}}}}", "spec.service: pat may not update httproutes", ""},
		"a Service":                 {"{service: {port: 80}}", "spec.service: pat may not create services in namespace " + c.Namespace, ""},
		"annotations of a Service":  {"{service: {canary: {annotations: {external-dns.alpha.kubernetes.io/hostname: www.example.com}}}}", "pat may not create services", ""},
		"a grant elsewhere":         {"{service: {canaryBackend: {backendRef: {name: api, namespace: " + elsewhere + ", port: 80}}}}", "pat may not", "rose may not create referencegrants"},
		"a mirror elsewhere":        {"{service: {mirror: [{backendRef: {name: api, namespace: " + elsewhere + ", port: 80}}]}}", "pat may not create referencegrants", "rose may not create referencegrants"},
		"a filter that goes abroad": {"{service: {canaryBackend: {backendRef: {name: api, port: 80}, filters: [{type: RequestMirror, requestMirror: {backendRef: {name: api, namespace: " + elsewhere + ", port: 80}}}]}}}", "pat may not", "rose may not create referencegrants"},
		"what needs no such right":  {"{service: {routes: [podinfo]}, analysis: {interval: 1m}}", "", ""},
	} {
		for user, refusal := range map[string]string{author: way.author, owner: way.owner} {
			out, err := c.as(user, policy("new", way.spec), create...)
			if (err != nil) != (refusal != "") || !strings.Contains(out, refusal) {
				t.Errorf("%s: %s gets %v\n%s", name, user, err, out)
			}
		}
	}
	// What somebody with the right has written can be changed elsewhere by somebody without it.
	c.kubectl(policy("theirs", "{service: {gatewayRefs: [{name: public}], hosts: [www.example.com]}}"), "create", "-f", "-")
	if out, err := c.as(author, "", "patch", "canarypolicy", "theirs", "--type=merge", "-p", `{"spec":{"analysis":{"interval":"2m"}}}`); err != nil {
		t.Errorf("another field: %v\n%s", err, out)
	}
	if out, err := c.as(author, "", "patch", "canarypolicy", "theirs", "--type=merge", "-p", `{"spec":{"service":{"hosts":["shop.example.com"]}}}`); err == nil || !strings.Contains(out, "may not create httproutes") {
		t.Errorf("another host: %v\n%s", err, out)
	}
}
