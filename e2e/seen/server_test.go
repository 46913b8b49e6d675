// Package seen tests, with real policies of a cluster, whom they see for which request of a rollout, and what a dry run as the author
// makes of that. A real API server calls the webhooks, and the reconciler runs with the identity of the chart's ServiceAccount.
package seen

import (
	"context"
	"flag"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"sluice.dev/sluice/e2e/testserver"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/reconciler"
)

const (
	// patience allows for a machine on which other tests leave little CPU.
	patience = time.Minute
	glance   = 50 * time.Millisecond
	// pat may write Deployments and nothing else. So may rose, whom the policies of the tests exempt.
	pat, rose = "pat", "rose"
)

var update = flag.Bool("update", false, "write the table of the docs")

var (
	server *testserver.Server
	// warned is what policies have warned of: kubectl prints it, and the reconciler gets it with the answers.
	warned warnings
	// kubeconfigs are those of users, by their names.
	kubeconfigs = map[string]string{}
)

func TestMain(m *testing.M) {
	os.Exit(testserver.Main(m, &server, prepare))
}

// warnings collects lines.
type warnings struct {
	mu    sync.Mutex
	lines []string
}

func (w *warnings) add(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, strings.Split(text, "\n")...)
}

func (w *warnings) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.lines)
}

// HandleWarningHeader takes a warning that comes with an answer of the API server.
func (w *warnings) HandleWarningHeader(_ int, _ string, text string) { w.add(text) }

func prepare(ctx context.Context) (err error) {
	for _, user := range []string{pat, rose} {
		if kubeconfigs[user], err = server.AddUser(user, "developers"); err != nil {
			return err
		}
	}
	connection := rest.CopyConfig(server.ReconcilerConfig)
	connection.WarningHandler = &warned
	manager, err := ctrl.NewManager(connection, ctrl.Options{Scheme: server.Client.Scheme(), Metrics: metricsserver.Options{BindAddress: "0"}})
	if err != nil {
		return err
	}
	// Rollouts without traffic and without analysis ask nothing.
	nothing := func(context.Context, []analysis.Query) []analysis.Sample { return nil }
	if err := reconciler.Setup(manager, reconciler.Options{Query: nothing, Prometheus: true, Metrics: prometheus.NewRegistry()}); err != nil {
		return err
	}
	go func() { _ = manager.Start(ctx) }()
	return nil
}

// shop is a namespace with one Deployment, whose rollouts take no longer than the canary needs to be ready.
type shop struct {
	testserver.App
	*WithT
}

func newShop(t *testing.T) shop {
	t.Helper()
	s := shop{server.NewApp(t), NewWithT(t)}
	t.Cleanup(server.PlayControllers(s.Namespace))
	for _, user := range []string{pat, rose} {
		s.mayWrite(user, "get", "create", "update", "patch")
	}
	s.as(rose, manifest, "apply", "-f", "-")
	s.Eventually(func() string { return s.phase() }, patience, glance).Should(Equal("Initialized"))
	return s
}

// manifest is an opted-in Deployment that gets no requests.
var manifest = strings.Replace(testserver.Manifest("podinfo:v1"), `{sluice.dev/canary: "true"}`,
	`{sluice.dev/canary: "true", sluice.dev/traffic: none, sluice.dev/skip-analysis: "true", sluice.dev/interval: 1s}`, 1)

// mayWrite gives a user rights on Deployments.
func (s shop) mayWrite(user string, verbs ...string) {
	s.T.Helper()
	name := metav1.ObjectMeta{Namespace: s.Namespace, Name: user}
	role := &rbacv1.Role{ObjectMeta: name, Rules: []rbacv1.PolicyRule{{APIGroups: []string{"apps"}, Resources: []string{"deployments"}, Verbs: verbs}}}
	s.Expect(server.Client.Create(s.T.Context(), role)).To(Succeed())
	s.Bind(s.T, s.Namespace, user, "Role", role.Name)
}

// try runs kubectl as a user, or as an administrator for "".
func (s shop) try(user, input string, args ...string) (string, error) {
	kubeconfig := server.Kubeconfig
	if user != "" {
		kubeconfig = kubeconfigs[user]
	}
	out, err := s.Run(kubeconfig, input, "kubectl", args...)
	warned.add(out)
	return out, err
}

// as runs kubectl, which must succeed.
func (s shop) as(user, input string, args ...string) string {
	s.T.Helper()
	out, err := s.try(user, input, args...)
	if err != nil {
		s.T.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// phase is that of the Canary; empty without one.
func (s shop) phase() string {
	out, _ := s.try("", "", "get", "canaries.sluice.dev", "podinfo", "-o", "jsonpath={.status.phase}")
	return out
}

// wants is a patch that asks for an image and a ServiceAccount.
func wants(image, account string) []string {
	return []string{"patch", "deployment", "podinfo", "--type=strategic", "-p",
		`{"spec":{"template":{"spec":{"serviceAccountName":"` + account + `","containers":[{"name":"app","image":"` + image + `"}]}}}}`}
}

// image is what the primary runs.
func (s shop) image() string {
	s.T.Helper()
	return s.Deployment().Spec.Template.Spec.Containers[0].Image
}
