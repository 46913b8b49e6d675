package process

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/e2e/ports"
	"sluice.dev/sluice/internal/plugin"
	"sluice.dev/sluice/internal/workload"
)

// rescue is somebody with the chart's role for emergencies, and no other right.
type rescue struct {
	people
	erin string
}

func (p people) callForHelp() rescue {
	p.t.Helper()
	binding := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "erin"},
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "sluice-emergency"},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "erin"}}}
	p.Expect(p.client.Create(p.t.Context(), binding)).To(Succeed())
	r := rescue{people: p, erin: p.user("erin")}
	p.Eventually(func() bool { return p.may("erin", "list", "canaries") }, patience, glance).Should(BeTrue())
	return r
}

// emergency runs kubectl sluice emergency as erin and returns its output.
func (r rescue) emergency(code int, args ...string) string {
	r.t.Helper()
	var out bytes.Buffer
	root := plugin.NewCommand(genericiooptions.IOStreams{In: &bytes.Buffer{}, Out: &out, ErrOut: &out})
	root.SetArgs(slices.Concat([]string{"emergency"}, args, []string{"--kubeconfig", r.erin}))
	err := root.ExecuteContext(r.t.Context())
	r.Expect(plugin.ExitCode(err)).To(Equal(code), "%v: %s", err, out.String())
	return out.String()
}

// waits runs kubectl sluice emergency on until it says what it waits for. Then its time is over.
func (r rescue) waits(says string) {
	r.t.Helper()
	ctx, timeOut := context.WithCancel(r.t.Context())
	defer timeOut()
	out := &listener{says: "Waiting for a replica that is ready: " + says, heard: timeOut}
	root := plugin.NewCommand(genericiooptions.IOStreams{In: &bytes.Buffer{}, Out: out, ErrOut: out})
	root.SetArgs([]string{"emergency", "on", "--kubeconfig", r.erin})
	err := root.ExecuteContext(ctx)
	r.Expect(plugin.ExitCode(err)).To(Equal(plugin.ExitError), "%v: %s", err, out.out.String())
	r.Expect(out.out.String()).To(And(ContainSubstring(out.says), ContainSubstring("Sluice is NOT back")))
}

// listener calls heard once a text was written to it. It has no other way to write.
type listener struct {
	out   bytes.Buffer
	says  string
	heard func()
}

func (l *listener) Write(text []byte) (int, error) {
	n, err := l.out.Write(text)
	if strings.Contains(l.out.String(), l.says) {
		l.heard()
	}
	return n, err
}

// image sets the image as jane and returns what kubectl says.
func (r rescue) image(image string) string {
	r.t.Helper()
	command := exec.CommandContext(r.t.Context(), r.kubectl, "--kubeconfig", r.jane, "-n", shopNamespace, "set", "image", "deployment/podinfo", "app="+image)
	command.Env = append(os.Environ(), "HOME="+r.t.TempDir())
	out, _ := command.CombinedOutput()
	return string(out)
}

func (r rescue) route() *gatewayv1.HTTPRoute {
	r.t.Helper()
	route := &gatewayv1.HTTPRoute{}
	r.Expect(r.client.Get(r.t.Context(), client.ObjectKey{Namespace: shopNamespace, Name: "podinfo"}, route)).To(Succeed())
	return route
}

// available plays the Deployment controller for Sluice's own Deployment.
func (r rescue) available(replicas int32) {
	r.t.Helper()
	controller := &appsv1.Deployment{}
	r.Eventually(func() error {
		if err := r.client.Get(r.t.Context(), client.ObjectKey{Namespace: release, Name: "sluice"}, controller); err != nil {
			return err
		}
		controller.Status = appsv1.DeploymentStatus{ObservedGeneration: controller.Generation, Replicas: replicas, ReadyReplicas: replicas, AvailableReplicas: replicas}
		return r.client.Status().Update(r.t.Context(), controller)
	}, patience, glance).Should(Succeed())
}

// versions are the resource versions of everything that an emergency writes.
func (r rescue) versions() string {
	r.t.Helper()
	out, err := exec.CommandContext(r.t.Context(), r.kubectl, "--kubeconfig", r.admin, "get", "-A", "-o", "jsonpath={range .items[*]}{.kind}/{.metadata.name}={.metadata.resourceVersion} {end}",
		"mutatingwebhookconfigurations,validatingwebhookconfigurations,leases,httproutes,grpcroutes,canaries,deployments").CombinedOutput()
	r.Expect(err).NotTo(HaveOccurred(), string(out))
	// The API server renews leases of its own.
	return strings.Join(slices.DeleteFunc(strings.Fields(string(out)), func(version string) bool {
		return strings.HasPrefix(version, "Lease/") && !strings.HasPrefix(version, "Lease/sluice=")
	}), " ")
}

// TestAnEmergencyWithoutSluice turns Sluice off and on with the rights of the chart's role, while it is down and while it runs. Each of
// these rights must be needed.
func TestAnEmergencyWithoutSluice(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "audit.log")
	c := startCluster(t, audited(t, log))
	s := c.newShop()
	c.run("install", "sluice", "../../charts/sluice", "--create-namespace", "--set=prometheusUrl="+s.prometheus)
	port := ports.Free(t)
	c.reach(port)
	r := s.employ().callForHelp()
	user := r.route().Spec

	c.Expect(r.emergency(plugin.ExitPromoted, "off", "--dry-run")).To(ContainSubstring("Lease sluice-system/sluice: no replica of Sluice reconciles"))
	r.emergency(plugin.ExitPromoted, "off", "--reason=it has never run")
	c.Expect(r.emergency(plugin.ExitPromoted, "status")).To(ContainSubstring("by erin: it has never run"))
	r.waits("Deployment sluice-system/sluice has no available replica, and cannot have one before it has a certificate")
	c.Expect(r.emergency(plugin.ExitPromoted, "on", "--force")).To(ContainSubstring("Nothing changed while it was off."))

	p := c.start(fmt.Sprintf("--webhook-port=%d", port))
	c.Eventually(p.readyz, patience, glance).Should(Equal("ok"), p.lines)
	s.patch(`{"metadata":{"annotations":{"sluice.dev/canary":"true","sluice.dev/interval":"1h"}}}`)
	s.waitForPhase(p, v1alpha1.PhaseInitialized)
	r.setImage("podinfo:v2")
	s.waitFor(p, "a rollout in flight", inFlight)

	r.whileItIsDown(p, user)
	p = c.start(fmt.Sprintf("--webhook-port=%d", port))
	c.Eventually(p.readyz, patience, glance).Should(Equal("ok"), p.lines)
	r.broughtBack(p)
	r.whileItRuns(p, user)
	p.stop()
	r.expectEveryRightUsed(log)
}

// whileItIsDown turns Sluice off after its only process has ended in mid-rollout.
func (r rescue) whileItIsDown(p *process, user gatewayv1.HTTPRouteSpec) {
	r.t.Helper()
	p.stop()
	// Nobody else may write what is compared.
	r.stopControllers()
	defer r.startControllers()
	r.available(0)
	r.Expect(r.image("podinfo:v3")).To(ContainSubstring(`failed calling webhook "deployments.sluice.dev"`))
	before := r.versions()
	dry := r.emergency(plugin.ExitPromoted, "off", "--dry-run")
	r.Expect(dry).To(And(ContainSubstring("HTTPRoute shop/podinfo: all requests go to the primary; podinfo-canary had 25%"), ContainSubstring("Deployment shop/podinfo")))
	r.Expect(r.versions()).To(Equal(before), "a dry run writes nothing")

	r.Expect(r.emergency(plugin.ExitPromoted, "off", "--reason=its image is gone")).To(ContainSubstring("Sluice is off since"))
	r.Expect(r.route().Spec).To(Equal(user))
	r.Expect(r.route().Annotations).To(BeEmpty())
	for _, entry := range r.route().ManagedFields {
		r.Expect(entry.Manager).NotTo(Equal("sluice-emergency"), "the rules must stay their owner's")
	}
	r.Expect(r.canary().Finalizers).To(BeEmpty())
	r.Expect([]any{r.canary().Status.CanaryWeight, r.canary().Status.Open().Step.Number}).To(Equal([]any{0.0, int32(0)}))
	r.Expect(r.client.Get(r.t.Context(), client.ObjectKey{Namespace: shopNamespace, Name: "podinfo-canary"}, &appsv1.Deployment{})).To(Succeed(), "the canary stays")

	r.run("upgrade", "sluice", "../../charts/sluice", "--set=prometheusUrl="+r.prometheus)
	before = r.versions()
	r.emergency(plugin.ExitPromoted, "off")
	r.Expect(r.versions()).To(Equal(before), "a second run writes nothing, even after Helm has upgraded")
	r.Expect(r.image("podinfo:v3")).NotTo(ContainSubstring("failed"))
	r.Expect(r.deployment().Spec.Template.Spec.Containers[0].Image).To(Equal("podinfo:v3"))
	// The Deployment controller counts revisions.
	r.patch(`{"metadata":{"annotations":{"deployment.kubernetes.io/revision":"2"}}}`)
}

// broughtBack brings Sluice back, which has to say what has changed.
func (r rescue) broughtBack(p *process) {
	r.t.Helper()
	r.waits("Deployment sluice-system/sluice has no available replica")
	r.Expect(r.canary().Status.Phase).To(Equal(v1alpha1.PhaseProgressing), "nobody reconciles without the lease")
	r.available(2)
	out := r.emergency(plugin.ExitPromoted, "on")
	r.Expect(out).To(And(ContainSubstring("Sluice is on"), ContainSubstring("(app=podinfo:v3)"), ContainSubstring("is cancelled, because the primary's template changed")))
	r.told("TemplateChangedDirectly", "")
	r.waitFor(p, "the end of the candidate", func(status v1alpha1.CanaryStatus) bool { return status.Rollout == nil })
	r.Expect(r.candidate().Mark).To(Equal(workload.MarkAborted))
	r.setImage("podinfo:v4")
	r.waitFor(p, "a rollout in flight", inFlight)
	r.Expect(r.deployment().Spec.Template.Spec.Containers[0].Image).To(Equal("podinfo:v3"), "changes are held back again")
}

// whileItRuns turns a Sluice off that runs. It must write nothing more, although its process goes on.
func (r rescue) whileItRuns(p *process, user gatewayv1.HTTPRouteSpec) {
	r.t.Helper()
	r.Expect(r.emergency(plugin.ExitPromoted, "off")).To(And(ContainSubstring("scaled to 0; it had 2 replicas"), ContainSubstring("Waiting until")))
	r.Expect(r.route().Spec).To(Equal(user), p.lines)
	r.Expect(r.route().Annotations).NotTo(HaveKey(config.AnnotationSplit))
	r.Expect(p.lines()).To(ContainSubstring(stopsReconciling))
	controller := &appsv1.Deployment{}
	r.Expect(r.client.Get(r.t.Context(), client.ObjectKey{Namespace: release, Name: "sluice"}, controller)).To(Succeed())
	r.Expect(*controller.Spec.Replicas).To(BeZero())
	r.available(2)
	r.waits("the Deployment controller has not seen the last change yet")
	r.available(2)
	r.Expect(r.emergency(plugin.ExitPromoted, "on")).To(ContainSubstring("begins with the first step"))
	r.Expect(r.client.Get(r.t.Context(), client.ObjectKeyFromObject(controller), controller)).To(Succeed())
	r.Expect(*controller.Spec.Replicas).To(BeNumerically("==", 2))
	r.waitFor(p, "the first step again", inFlight)
}

func (r rescue) expectEveryRightUsed(log string) {
	r.t.Helper()
	role := &rbacv1.ClusterRole{}
	r.Expect(r.client.Get(r.t.Context(), client.ObjectKey{Name: "sluice-emergency"}, role)).To(Succeed())
	used := r.usedBy(log, "User", func(event auditv1.Event) bool { return event.User.Username == "erin" })
	for _, g := range grantsOf(`ClusterRoleBinding "erin" of ClusterRole "sluice-emergency"`, role.Rules) {
		if !used[g] {
			r.t.Errorf("never used: %s", g)
		}
	}
}
