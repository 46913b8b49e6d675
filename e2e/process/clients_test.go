package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"sluice.dev/sluice/e2e/ports"
)

// pageOfClients says how to configure the client certificate of the API server.
const pageOfClients = "../../docs/how-to/client-certificate.md"

// examples returns the blocks of code of a page in a language, in order.
func examples(t *testing.T, page, language string) []string {
	t.Helper()
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, part := range strings.Split(string(content), "```"+language+"\n")[1:] {
		example, _, _ := strings.Cut(part, "```")
		found = append(found, example)
	}
	return found
}

// controlPlane is a directory with the files that an API server needs to show a client certificate to webhooks.
type controlPlane struct {
	t   *testing.T
	dir string
}

// sh runs commands of the page in a directory.
func (p controlPlane) sh(dir, commands string, environment ...string) string {
	p.t.Helper()
	command := exec.CommandContext(p.t.Context(), "sh", "-ec", commands)
	command.Dir, command.Env = dir, append(os.Environ(), environment...)
	out, err := command.CombinedOutput()
	if err != nil {
		p.t.Fatalf("%s\n%v\n%s", commands, err, out)
	}
	return string(out)
}

// prepare follows the page. The API server shows the certificate at one port, and at two others one with another name and one of
// another authority. The page has port 443, which names need not state.
func (p controlPlane) prepare(port, named, signed int) {
	p.t.Helper()
	const address = "sluice-webhook.sluice-system.svc"
	authority, certificate, _ := strings.Cut(examples(p.t, pageOfClients, "sh")[0], "openssl req -newkey")
	certificate = "openssl req -newkey" + certificate
	others := filepath.Join(p.dir, "others")
	if err := os.Mkdir(others, 0o700); err != nil {
		p.t.Fatal(err)
	}
	p.sh(others, authority+certificate)
	p.sh(p.dir, authority+certificate)
	p.sh(p.dir, strings.NewReplacer("CN=kube-apiserver", "CN=kubelet", "webhooks.", "kubelet.").Replace(certificate))
	kubeconfig := strings.ReplaceAll(examples(p.t, pageOfClients, "yaml")[1], address, fmt.Sprintf("%s:%d", address, port))
	user := "  - name: %s:%d\n    user: {client-certificate: %[3]s.crt, client-key: %[3]s.key}\n"
	kubeconfig += fmt.Sprintf(user, address, named, filepath.Join(p.dir, "kubelet")) + fmt.Sprintf(user, address, signed, filepath.Join(others, "webhooks"))
	for name, content := range map[string]string{"admission.yaml": examples(p.t, pageOfClients, "yaml")[0], "webhooks.kubeconfig": kubeconfig} {
		content = strings.ReplaceAll(content, "/etc/kubernetes/admission", p.dir)
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(content), 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
}

// configure starts the API server with the flag of the page.
func (p controlPlane) configure(environment *envtest.Environment) {
	flag := strings.TrimSpace(examples(p.t, pageOfClients, "text")[0])
	name, value, _ := strings.Cut(strings.TrimPrefix(flag, "--"), "=")
	environment.ControlPlane.GetAPIServer().Configure().Set(name, strings.ReplaceAll(value, "/etc/kubernetes/admission", p.dir))
}

// refused begins what the user sees of a call that fails.
const refused = `failed calling webhook "deployments.sluice.dev"`

// TestOnlyTheAPIServerCallsTheWebhooks follows docs/how-to/client-certificate.md.
func TestOnlyTheAPIServerCallsTheWebhooks(t *testing.T) {
	t.Parallel()
	node := controlPlane{t: t, dir: t.TempDir()}
	right, otherName, otherAuthority, none := ports.Free(t), ports.Free(t), ports.Free(t), ports.Free(t)
	node.prepare(right, otherName, otherAuthority)
	c := startCluster(t, node.configure)
	s := c.newShop()
	c.run("install", "sluice", "../../charts/sluice", "--create-namespace", "--set=prometheusUrl="+s.prometheus)
	// The user's namespace is that of the Deployment.
	check := strings.ReplaceAll(examples(t, pageOfClients, "sh")[2], "kubectl label", "kubectl -n "+shopNamespace+" label")
	try := func() string {
		command := exec.CommandContext(t.Context(), "sh", "-c", check)
		command.Env = append(os.Environ(), "PATH="+filepath.Dir(c.kubectl)+":"+os.Getenv("PATH"), "KUBECONFIG="+c.admin, "HOME="+node.dir)
		out, _ := command.CombinedOutput()
		return string(out)
	}
	serve := func(port int) (stop func()) {
		c.reach(port)
		p := c.start(append(handedOver, fmt.Sprintf("--webhook-port=%d", port))...)
		c.Eventually(p.readyz, patience, glance).Should(Equal("ok"), p.lines)
		return p.stop
	}

	t.Log("the API server shows its certificate before Sluice asks for it")
	stop := serve(right)
	s.optedIn(true)
	c.Eventually(try, patience, glance).Should(ContainSubstring("labeled (server dry run)"))
	stop()

	charts, err := filepath.Abs("../../charts")
	c.Expect(err).NotTo(HaveOccurred())
	c.Expect(os.Symlink(charts, filepath.Join(node.dir, "charts"))).To(Succeed())
	upgrade := func(command string) {
		node.sh(node.dir, command, "PATH="+filepath.Dir(c.helm)+":"+os.Getenv("PATH"), "KUBECONFIG="+c.admin)
	}
	upgrade(examples(t, pageOfClients, "sh")[1])
	for _, called := range []struct {
		port       int
		hook, says string
	}{
		{right, "", "deployment.apps/podinfo labeled (server dry run)"},
		{none, refused, "remote error: tls: certificate required"},
		{otherName, refused, "remote error: tls: bad certificate"},
		{otherAuthority, refused, "remote error: tls: unknown certificate authority"},
	} {
		stop := serve(called.port)
		c.Eventually(try, patience, glance).Should(And(ContainSubstring(called.hook), ContainSubstring(called.says)))
		stop()
	}

	upgrade(examples(t, pageOfClients, "sh")[3])
	stop = serve(none)
	c.Eventually(try, patience, glance).Should(ContainSubstring("labeled (server dry run)"))
	stop()
}
