package seen

import (
	"context"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"sluice.dev/sluice/e2e/testserver"
	"sluice.dev/sluice/internal/author"
)

// impersonations returns the chart's rules for impersonation with these values: those for the cluster and those for one namespace.
func (s shop) impersonations(values ...string) (everywhere, here []rbacv1.PolicyRule) {
	s.T.Helper()
	args := []string{"template", "sluice", "../../charts/sluice", "--namespace", "sluice-system", "--show-only", "templates/rbac.yaml",
		"--set", "watchNamespaces={" + s.Namespace + "},asAuthor.enabled=true,asAuthor.extra={example.com/team}"}
	for _, value := range values {
		args = append(args, "--set", value)
	}
	out, err := exec.CommandContext(s.T.Context(), server.Program("helm"), args...).Output()
	s.Expect(err).NotTo(HaveOccurred())
	for document := range strings.SplitSeq(string(out), "\n---\n") {
		var role rbacv1.Role
		s.Expect(yaml.Unmarshal([]byte(document), &role)).To(Succeed())
		for _, rule := range role.Rules {
			switch {
			case !strings.HasPrefix(rule.Verbs[0], "impersonate"):
			case role.Namespace == s.Namespace:
				here = append(here, rule)
			default:
				everywhere = append(everywhere, rule)
			}
		}
	}
	return everywhere, here
}

// grant binds the rules, each with one verb, to the ServiceAccount of Sluice, and returns what takes one of them away and gives it back.
func (s shop) grant(everywhere, here []rbacv1.PolicyRule) (rights []rbacv1.PolicyRule, without func(rbacv1.PolicyRule)) {
	s.T.Helper()
	rights = slices.Concat(single(everywhere), single(here))
	name := metav1.ObjectMeta{Name: s.Namespace}
	cluster := &rbacv1.ClusterRole{ObjectMeta: name}
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "as-author"}}
	subjects := []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "sluice-system", Name: "sluice"}}
	s.Expect(server.Client.Create(s.T.Context(), cluster)).To(Succeed())
	s.Expect(server.Client.Create(s.T.Context(), role)).To(Succeed())
	binding := &rbacv1.ClusterRoleBinding{ObjectMeta: name, Subjects: subjects, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name.Name}}
	s.Expect(server.Client.Create(s.T.Context(), binding)).To(Succeed())
	s.T.Cleanup(func() { _ = server.Client.Delete(context.Background(), binding) })
	s.Expect(server.Client.Create(s.T.Context(), &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: role.Namespace, Name: role.Name}, Subjects: subjects,
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name}})).To(Succeed())
	return rights, func(missing rbacv1.PolicyRule) {
		others := func(rules []rbacv1.PolicyRule) []rbacv1.PolicyRule {
			return slices.DeleteFunc(single(rules), func(rule rbacv1.PolicyRule) bool { return fmt.Sprint(rule) == fmt.Sprint(missing) })
		}
		cluster.Rules, role.Rules = others(everywhere), others(here)
		s.Expect(server.Client.Update(s.T.Context(), cluster)).To(Succeed())
		s.Expect(server.Client.Update(s.T.Context(), role)).To(Succeed())
	}
}

// single splits rules into those with one verb.
func single(rules []rbacv1.PolicyRule) []rbacv1.PolicyRule {
	var split []rbacv1.PolicyRule
	for _, rule := range rules {
		for _, verb := range rule.Verbs {
			one := rule
			one.Verbs = []string{verb}
			split = append(split, one)
		}
	}
	return split
}

// limited connects as the ServiceAccount of Sluice, with the rights that are granted to that and no others.
func limited(t *testing.T) *rest.Config {
	t.Helper()
	path, err := server.AddUser(testserver.Identity)
	if err != nil {
		t.Fatal(err)
	}
	connection, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	return connection
}

// wish is one question to the API server.
type wish struct {
	user   authenticationv1.UserInfo
	exists bool
}

// wishes are questions of every kind: for users and ServiceAccounts that may patch, update or create.
func (s shop) wishes() map[string]wish {
	s.T.Helper()
	made := map[string]wish{}
	for _, verb := range []string{"patch", "update", "create"} {
		account := "system:serviceaccount:" + s.Namespace + ":" + verb
		for _, name := range []string{"may-" + verb, account} {
			who := wish{authenticationv1.UserInfo{Username: name, Groups: []string{"developers", "system:authenticated"}}, verb != "create"}
			who.user.Extra = map[string]authenticationv1.ExtraValue{"example.com/team": {"shop"}, "example.com/other": {"kept back"}}
			made[name] = who
			s.mayAll(strings.ReplaceAll(name, ":", "."), name, verb)
		}
	}
	return made
}

// mayAll gives a user one right on Deployments.
func (s shop) mayAll(named, user, verb string) {
	s.T.Helper()
	name := metav1.ObjectMeta{Namespace: s.Namespace, Name: named}
	role := &rbacv1.Role{ObjectMeta: name, Rules: []rbacv1.PolicyRule{{APIGroups: []string{"apps"}, Resources: []string{"deployments"}, Verbs: []string{verb}}}}
	s.Expect(server.Client.Create(s.T.Context(), role)).To(Succeed())
	s.Expect(server.Client.Create(s.T.Context(), &rbacv1.RoleBinding{ObjectMeta: name, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: named},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}}})).To(Succeed())
}

// unanswered asks everything and returns why something is not answered, by the name of the user; empty if all is.
func (s shop) unanswered(asked *author.Author, wishes map[string]wish) map[string]string {
	s.T.Helper()
	failed := map[string]string{}
	for name, w := range wishes {
		wanted, err := runtime.DefaultUnstructuredConverter.ToUnstructured(s.Deployment())
		s.Expect(err).NotTo(HaveOccurred())
		if !w.exists {
			wanted["metadata"].(map[string]any)["name"] = "other"
		}
		if _, err := asked.Ask(s.T.Context(), w.user, wanted, w.exists); err != nil {
			failed[name] = err.Error()
		}
	}
	return failed
}

func TestEveryRightToImpersonateIsNeeded(t *testing.T) {
	for _, rights := range []string{"constrained", "full"} {
		t.Run(rights, func(t *testing.T) {
			s := newShop(t)
			wishes := s.wishes()
			asked, err := asking(limited(t), author.Options{Extra: []string{"example.com/team"}})
			s.Expect(err).NotTo(HaveOccurred())
			granted, without := s.grant(s.impersonations("asAuthor.rights=" + rights))
			s.Expect(len(granted)).To(Equal(map[string]int{"constrained": 10, "full": 4}[rights]), "%v", granted)
			for _, right := range granted {
				without(right)
				s.Eventually(func() []string {
					return slices.Collect(maps.Values(s.unanswered(asked, wishes)))
				}, patience, 200*time.Millisecond).Should(ContainElement(ContainSubstring("cannot "+right.Verbs[0])), "not needed: %v", right)
				without(rbacv1.PolicyRule{})
				s.Eventually(func() map[string]string { return s.unanswered(asked, wishes) }, patience, 200*time.Millisecond).Should(BeEmpty(), "with %v again", right)
			}
		})
	}
}

func TestNobodyElseIsAskedFor(t *testing.T) {
	s := newShop(t)
	wishes := s.wishes()
	_, without := s.grant(s.impersonations("asAuthor.users={may-patch,may-create}", "asAuthor.groups={developers}", "asAuthor.serviceAccounts={update,create}"))
	without(rbacv1.PolicyRule{})
	asked, err := asking(limited(t), author.Options{})
	s.Expect(err).NotTo(HaveOccurred())
	s.Eventually(func() []string { return slices.Sorted(maps.Keys(s.unanswered(asked, wishes))) }, patience, 200*time.Millisecond).
		Should(Equal([]string{"may-update", "system:serviceaccount:" + s.Namespace + ":patch"}))
	outsider := map[string]wish{"may-patch": wishes["may-patch"]}
	who := outsider["may-patch"]
	who.user.Groups = []string{"developers", "admins"}
	outsider["may-patch"] = who
	s.Expect(s.unanswered(asked, outsider)).To(HaveKeyWithValue("may-patch", ContainSubstring(`cannot impersonate:user-info resource "groups"`)))
}
