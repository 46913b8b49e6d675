package process

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// account is the user name of the chart's ServiceAccount.
const account = "system:serviceaccount:" + release + ":sluice"

// grant is one permission of a role of the chart. by is the binding and the role as the API server names them.
type grant struct {
	by, verb, group, resource, name string
}

func (g grant) String() string {
	return fmt.Sprintf("%s: %s %s.%s %s", g.by, g.verb, g.resource, g.group, g.name)
}

// bound is the part of roles and of their bindings that is needed. Its fields have different names in each.
type bound struct {
	Kind     string
	Metadata struct{ Name, Namespace string }
	Rules    []rbacv1.PolicyRule
	RoleRef  rbacv1.RoleRef
	Subjects []rbacv1.Subject
}

// full returns the name that the API server gives as the reason for an allowed request.
func (b bound) full() string {
	if b.Metadata.Namespace == "" {
		return b.Metadata.Name
	}
	return b.Metadata.Name + "/" + b.Metadata.Namespace
}

// grants returns everything that the chart grants to its ServiceAccount with these values.
func (c *cluster) grants(values []string) []grant {
	c.t.Helper()
	args := append([]string{"template", "sluice", "../../charts/sluice", "--namespace", release}, values...)
	rendered, err := exec.CommandContext(c.t.Context(), c.helm, args...).Output()
	c.Expect(err).NotTo(HaveOccurred())
	var objects []bound
	documents := yaml.NewYAMLOrJSONDecoder(strings.NewReader(string(rendered)), 1<<16)
	for {
		var object bound
		err := documents.Decode(&object)
		if errors.Is(err, io.EOF) {
			break
		}
		c.Expect(err).NotTo(HaveOccurred())
		objects = append(objects, object)
	}
	var found []grant
	for _, binding := range objects {
		if len(binding.Subjects) == 0 {
			continue
		}
		c.Expect(binding.Subjects).To(Equal([]rbacv1.Subject{{Kind: "ServiceAccount", Name: "sluice", Namespace: release}}))
		for _, role := range objects {
			if role.Kind == binding.RoleRef.Kind && role.Metadata.Name == binding.RoleRef.Name && role.Metadata.Namespace == binding.Metadata.Namespace {
				found = append(found, grantsOf(fmt.Sprintf("%s %q of %s %q", binding.Kind, binding.full(), role.Kind, role.Metadata.Name), role.Rules)...)
			}
		}
	}
	return found
}

func grantsOf(by string, rules []rbacv1.PolicyRule) []grant {
	var found []grant
	for _, rule := range rules {
		names := rule.ResourceNames
		if len(names) == 0 {
			names = []string{""}
		}
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					for _, name := range names {
						found = append(found, grant{by: by, verb: verb, group: group, resource: resource, name: name})
					}
				}
			}
		}
	}
	return found
}

const auditPolicy = `{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": [{"level": "Metadata"}]}`

// audited makes the API server log every request.
func audited(t *testing.T, log string) func(*envtest.Environment) {
	return func(environment *envtest.Environment) {
		policy := filepath.Join(filepath.Dir(log), "policy.yaml")
		if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
			t.Fatal(err)
		}
		environment.ControlPlane.GetAPIServer().Configure().Set("audit-policy-file", policy).Set("audit-log-path", log)
	}
}

// used reads from the audit log the requests of the ServiceAccount that were allowed and succeeded, as the grants that allowed
// them.
func (c *cluster) used(log string) map[grant]bool {
	c.t.Helper()
	return c.usedBy(log, "ServiceAccount", func(event auditv1.Event) bool {
		return event.ImpersonatedUser != nil && event.ImpersonatedUser.Username == account
	})
}

// hasListed reports whether the ServiceAccount has listed a resource.
func (c *cluster) hasListed(log, resource string) bool {
	for g := range c.used(log) {
		if g.verb == "list" && g.resource == resource {
			return true
		}
	}
	return false
}

// usedBy is used for the requests that someone of a kind has sent.
func (c *cluster) usedBy(log, kind string, sent func(auditv1.Event) bool) map[grant]bool {
	c.t.Helper()
	found := map[grant]bool{}
	for event := range logged(c.t, log) {
		object := event.ObjectRef
		if !sent(event) || object == nil || event.ResponseStatus == nil || event.ResponseStatus.Code >= 400 {
			continue
		}
		by, ok := strings.CutPrefix(event.Annotations["authorization.k8s.io/reason"], "RBAC: allowed by ")
		by, _, told := strings.Cut(by, " to "+kind)
		if !ok || !told {
			continue
		}
		g := grant{by: by, verb: event.Verb, group: object.APIGroup, resource: object.Resource}
		if object.Subresource != "" {
			g.resource += "/" + object.Subresource
		}
		found[g] = true
		g.name = object.Name
		found[g] = true
		// A group whose kinds are not known beforehand is granted as a whole.
		g.name, g.resource = "", "*"
		found[g] = true
	}
	return found
}

// logged are the events of an audit log. The API server may be writing the last line.
func logged(t *testing.T, log string) iter.Seq[auditv1.Event] {
	t.Helper()
	return func(yield func(auditv1.Event) bool) {
		t.Helper()
		content, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(content) {
			var event auditv1.Event
			if !bytes.HasSuffix(line, []byte("\n")) {
				return
			}
			if err := json.Unmarshal(line, &event); err != nil {
				t.Fatal(err)
			}
			if !yield(event) {
				return
			}
		}
	}
}
