package process

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
)

// startJob starts the chart's Job in place of the Job controller and the kubelet, with the chart's permissions. The returned
// function waits for its end and reports that.
func (c *cluster) startJob() (finish func()) {
	c.t.Helper()
	job := &batchv1.Job{}
	c.Eventually(func() error {
		return c.client.Get(c.t.Context(), client.ObjectKey{Namespace: release, Name: "sluice-uninstall"}, job)
	}, patience, glance).Should(Succeed())
	var chart corev1.ConfigMap
	c.Expect(c.client.Get(c.t.Context(), client.ObjectKey{Namespace: release, Name: "sluice"}, &chart)).To(Succeed())
	file := filepath.Join(c.t.TempDir(), "config.yaml")
	c.Expect(os.WriteFile(file, []byte(chart.Data["config.yaml"]), 0o600)).To(Succeed())
	container := job.Spec.Template.Spec.Containers[0]
	arguments := strings.ReplaceAll(strings.Join(container.Args, " "), "/etc/sluice/config.yaml", file)
	command := exec.CommandContext(c.t.Context(), binary, strings.Fields(arguments)...)
	command.Env = c.environ()
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	c.Expect(command.Start()).To(Succeed())
	return func() {
		c.t.Helper()
		c.Expect(command.Wait()).To(Succeed(), out.String)
		now := metav1.Now()
		job.Status = batchv1.JobStatus{StartTime: &now, CompletionTime: &now, Succeeded: 1}
		for _, kind := range []batchv1.JobConditionType{batchv1.JobSuccessCriteriaMet, batchv1.JobComplete} {
			job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: now, LastProbeTime: now})
		}
		c.Expect(c.client.Status().Update(c.t.Context(), job)).To(Succeed())
	}
}

// uninstall runs helm uninstall with its Job. The process loses its lease to that, and ends as a pod does when the Job has
// scaled the controller to 0.
func (c *cluster) uninstall(p *process) {
	c.t.Helper()
	controller := &appsv1.Deployment{}
	c.Expect(c.client.Get(c.t.Context(), client.ObjectKey{Namespace: release, Name: "sluice"}, controller)).To(Succeed())
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: release, Name: "sluice-1", Labels: controller.Spec.Template.Labels},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "sluice", Image: "sluice"}}}}
	c.Expect(c.client.Create(c.t.Context(), pod)).To(Succeed())
	controller.Status = appsv1.DeploymentStatus{Replicas: 2, ReadyReplicas: 2, AvailableReplicas: 2}
	c.Expect(c.client.Status().Update(c.t.Context(), controller)).To(Succeed())
	ended := make(chan error, 1)
	go func(ctx context.Context) {
		out, err := exec.CommandContext(ctx, c.helm, "uninstall", "sluice", "--kubeconfig", c.admin, "--namespace", release).CombinedOutput()
		c.t.Log(string(out))
		ended <- err
	}(c.t.Context())
	finish := c.startJob()
	c.Eventually(func() int32 {
		c.Expect(c.client.Get(c.t.Context(), client.ObjectKeyFromObject(controller), controller)).To(Succeed())
		return *controller.Spec.Replicas
	}, patience, glance).Should(BeZero(), p.lines)
	c.Expect(p.lines()).To(ContainSubstring(stopsReconciling))
	p.stop()
	c.Expect(c.client.Delete(c.t.Context(), pod, client.GracePeriodSeconds(0))).To(Succeed())
	finish()
	c.Eventually(ended, patience, glance).Should(Receive(BeNil()))
}

func TestUninstallingTheChart(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.optIn("shop")
	c.run("install", "sluice", "../../charts/sluice", "--create-namespace", "--set=watchNamespaces={shop}")
	p := c.start()
	c.Eventually(func() v1alpha1.Phase { return c.phase("shop") }, patience, glance).Should(Equal(v1alpha1.PhaseInitializing))
	c.uninstall(p)
	controller := &appsv1.Deployment{}
	err := c.client.Get(t.Context(), client.ObjectKey{Namespace: release, Name: "sluice"}, controller)
	c.Expect(apierrors.IsNotFound(err)).To(BeTrue(), "the Deployment of the controller is still there")
	c.Expect(c.phase("shop")).To(Equal(v1alpha1.PhaseInitializing), "the Canary must stay")
}
