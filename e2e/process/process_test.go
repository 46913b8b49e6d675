// Package process tests the controller as a separate process: built from cmd/sluice, with the chart that Helm installs into a
// real API server, and with the permissions of the chart.
package process

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/ports"
	"sluice.dev/sluice/e2e/testserver"
)

const (
	release = "sluice-system"
	// patience allows for a machine on which other tests leave little CPU.
	patience = 2 * time.Minute
	glance   = 50 * time.Millisecond
)

// cluster is a real API server into which Helm installs the chart.
type cluster struct {
	*WithT
	t       *testing.T
	server  *testserver.Server
	client  client.Client
	helm    string
	kubectl string
	admin   string
	// environment is what the processes of the chart have in addition to the environment of the tests.
	environment []string
	// bearer is the token by which they are the ServiceAccount; empty to impersonate it, as an administrator.
	bearer string
	// through is the address at which they reach the API server, if it is not the usual one.
	through string
}

func startCluster(t *testing.T, configure ...testserver.Option) *cluster {
	t.Helper()
	server, err := testserver.Start(t.Context(), append(configure, testserver.WithoutChart)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	c := &cluster{WithT: NewWithT(t), t: t, server: server, client: server.Client, helm: server.Program("helm"), kubectl: server.Program("kubectl")}
	c.admin = c.user("admin", "system:masters")
	return c
}

// user returns the kubeconfig of a new user.
func (c *cluster) user(name string, groups ...string) string {
	c.t.Helper()
	kubeconfig, err := c.server.AddUser(name, groups...)
	c.Expect(err).NotTo(HaveOccurred())
	return kubeconfig
}

// binary is the program. It is built once.
var binary string

func TestMain(m *testing.M) {
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "sluice")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "sluice")
	build := exec.Command("go", "build", "-ldflags=-X main.version=v1.2.3", "-o", binary, "./cmd/sluice")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the controller: %w\n%s", err, out)
	}
	return m.Run(), nil
}

func (c *cluster) run(args ...string) {
	c.t.Helper()
	out, err := exec.CommandContext(c.t.Context(), c.helm, append(args, "--kubeconfig", c.admin, "--namespace", release)...).CombinedOutput()
	c.Expect(err).NotTo(HaveOccurred(), string(out))
	if args[0] == "install" {
		// The API server serves a new kind a moment after its definition is established.
		c.Eventually(func() error { return c.client.List(c.t.Context(), &v1alpha1.CanaryPolicyList{}, client.Limit(1)) }, patience, glance).Should(Succeed())
	}
}

// asServiceAccount returns a kubeconfig with the permissions of the chart's ServiceAccount, and no others.
func (c *cluster) asServiceAccount() string {
	c.t.Helper()
	kubeconfig, err := clientcmd.LoadFromFile(c.admin)
	c.Expect(err).NotTo(HaveOccurred())
	for _, server := range kubeconfig.Clusters {
		server.Server = cmp.Or(c.through, server.Server)
	}
	for name, user := range kubeconfig.AuthInfos {
		if c.bearer != "" {
			kubeconfig.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: c.bearer}
			continue
		}
		user.Impersonate = account
		user.ImpersonateGroups = []string{"system:serviceaccounts", "system:serviceaccounts:" + release, "system:authenticated"}
	}
	return c.write(kubeconfig)
}

// environ returns the environment of a process of the chart.
func (c *cluster) environ() []string {
	return slices.Concat(os.Environ(), c.environment, []string{"KUBECONFIG=" + c.asServiceAccount(), "POD_NAMESPACE=" + release})
}

func (c *cluster) write(kubeconfig *clientcmdapi.Config) string {
	path := filepath.Join(c.t.TempDir(), "kubeconfig")
	c.Expect(clientcmd.WriteToFile(*kubeconfig, path)).To(Succeed())
	return path
}

// permitted waits until the API server has seen the roles that Helm has just created.
func (c *cluster) permitted() {
	c.t.Helper()
	for _, what := range []authorizationv1.ResourceAttributes{
		{Verb: "list", Group: "gateway.networking.k8s.io", Resource: "gatewayclasses"},
		{Verb: "list", Group: "sluice.dev", Resource: "canaries", Namespace: "shop"},
		{Verb: "get", Group: "coordination.k8s.io", Resource: "leases", Name: "sluice", Namespace: release},
	} {
		review := authorizationv1.SubjectAccessReviewSpec{User: account, ResourceAttributes: &what}
		c.Eventually(func() bool { return c.allows(review) }, patience, glance).Should(BeTrue(), "%+v", what)
	}
}

// allows reports whether the API server lets a user do something now.
func (c *cluster) allows(what authorizationv1.SubjectAccessReviewSpec) bool {
	review := &authorizationv1.SubjectAccessReview{Spec: what}
	return c.client.Create(c.t.Context(), review) == nil && review.Status.Allowed
}

// process is the controller with the configuration file of the chart, on ports of this machine.
type process struct {
	*cluster
	command *exec.Cmd
	probes  string

	mu  sync.Mutex
	log bytes.Buffer
}

func (c *cluster) start(flags ...string) *process {
	c.t.Helper()
	c.permitted()
	var chart corev1.ConfigMap
	c.Expect(c.client.Get(c.t.Context(), client.ObjectKey{Namespace: release, Name: "sluice"}, &chart)).To(Succeed())
	file := filepath.Join(c.t.TempDir(), "config.yaml")
	c.Expect(os.WriteFile(file, []byte(chart.Data["config.yaml"]), 0o600)).To(Succeed())
	p := &process{cluster: c, probes: fmt.Sprintf("127.0.0.1:%d", ports.Free(c.t))}
	own := []string{"--config=" + file, "--health-probe-bind-address=" + p.probes, "--metrics-bind-address=0", fmt.Sprintf("--webhook-port=%d", ports.Free(c.t))}
	p.command = exec.Command(binary, append(own, flags...)...)
	p.command.Env = c.environ()
	stderr, err := p.command.StderrPipe()
	c.Expect(err).NotTo(HaveOccurred())
	c.Expect(p.command.Start()).To(Succeed())
	read := make(chan struct{})
	go func() { defer close(read); p.read(stderr) }()
	c.t.Cleanup(func() {
		if p.command.ProcessState == nil {
			_ = p.command.Process.Kill()
			<-read
			_ = p.command.Wait()
		}
	})
	return p
}

func (p *process) read(from io.Reader) {
	for lines := bufio.NewScanner(from); lines.Scan(); {
		p.mu.Lock()
		p.log.WriteString(lines.Text() + "\n")
		p.mu.Unlock()
	}
}

func (p *process) lines() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// readyz returns the answer to a plain request for /readyz.
func (p *process) readyz() string { return p.get("/readyz") }

func (p *process) get(path string) string {
	response, err := http.Get("http://" + p.probes + path)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	body, _ := io.ReadAll(response.Body)
	return string(body)
}

func (p *process) stop() {
	p.t.Helper()
	p.Expect(p.command.Process.Signal(syscall.SIGTERM)).To(Succeed())
	p.Expect(p.command.Wait()).To(Succeed(), p.lines())
}

// optIn creates a Deployment. Its Canary is created if its namespace is watched.
func (c *cluster) optIn(namespace string) {
	c.t.Helper()
	c.Expect(client.IgnoreAlreadyExists(c.client.Create(c.t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}))).To(Succeed())
	pods := map[string]string{"app": "podinfo"}
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "podinfo", Annotations: map[string]string{"sluice.dev/canary": "true"}}}
	d.Spec.Selector = &metav1.LabelSelector{MatchLabels: pods}
	d.Spec.Template = corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: pods}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "podinfo:v1"}}}}
	c.Expect(c.client.Create(c.t.Context(), d)).To(Succeed())
}

func (c *cluster) phase(namespace string) v1alpha1.Phase {
	var canary v1alpha1.Canary
	_ = c.client.Get(c.t.Context(), client.ObjectKey{Namespace: namespace, Name: "podinfo"}, &canary)
	return canary.Status.Phase
}

func (p *process) expectNothingForbidden() {
	p.t.Helper()
	p.Expect(p.lines()).NotTo(Or(ContainSubstring("forbidden"), ContainSubstring("cannot list"), ContainSubstring("cannot watch")))
}

func TestTheChartRunsTheProcessWithItsPermissions(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	for _, namespace := range []string{"shop", "search"} {
		c.optIn(namespace)
	}
	c.run("install", "sluice", "../../charts/sluice", "--create-namespace", "--set=prometheusUrl=http://jane:secret@prometheus:9090")
	p := c.start()
	c.Eventually(p.readyz, patience, glance).Should(Equal("ok"), func() string { return p.readyz() + p.lines() })
	for _, namespace := range []string{"shop", "search"} {
		c.Eventually(func() v1alpha1.Phase { return c.phase(namespace) }, patience, glance).Should(Equal(v1alpha1.PhaseInitializing))
	}
	p.expectNothingForbidden()
	c.expectStartIsLogged(p.lines())
	p.stop()

	t.Log("a second installation, limited to one namespace, takes over the CRDs and the Canaries of the first")
	c.run("uninstall", "sluice", "--no-hooks")
	c.Expect(c.phase("shop")).To(Equal(v1alpha1.PhaseInitializing), "the Canaries must outlive the chart")
	c.run("install", "sluice", "../../charts/sluice", "--set=watchNamespaces={shop}")
	c.deleteCanaries("shop", "search")
	p = c.start()
	c.Eventually(p.readyz, patience, glance).Should(Equal("ok"), p.lines)
	c.Eventually(func() v1alpha1.Phase { return c.phase("shop") }, patience, glance).Should(Equal(v1alpha1.PhaseInitializing))
	c.Expect(c.phase("search")).To(BeEmpty(), "a namespace that is not watched")
	p.expectNothingForbidden()
	c.run("upgrade", "sluice", "../../charts/sluice", "--set=watchNamespaces={shop}", "--set=logLevel=debug", "--set=webhook.timeoutSeconds=7")
	c.Consistently(p.readyz, 2*time.Second, glance).Should(Equal("ok"), "an upgrade must leave the authority in the webhooks")
	p.stop()
}

func (c *cluster) deleteCanaries(namespaces ...string) {
	c.t.Helper()
	for _, namespace := range namespaces {
		c.Expect(c.client.DeleteAllOf(c.t.Context(), &v1alpha1.Canary{}, client.InNamespace(namespace))).To(Succeed())
	}
}

func (c *cluster) expectStartIsLogged(lines string) {
	c.t.Helper()
	for line := range strings.SplitSeq(lines, "\n") {
		var entry struct {
			Msg, Level, Version string
			Config              map[string]any
		}
		c.Expect(line).NotTo(ContainSubstring("secret@"), "a password")
		if line == "" || json.Unmarshal([]byte(line), &entry) != nil || entry.Msg != "starting" {
			continue
		}
		c.Expect(entry.Version).To(Equal("v1.2.3"))
		c.Expect(entry.Config).To(HaveKeyWithValue("logLevel", "info"))
		c.Expect(entry.Config).To(HaveKeyWithValue("prometheusUrl", ContainSubstring("prometheus:9090")))
		return
	}
	c.t.Errorf("no line tells the effective settings:\n%s", lines)
}
