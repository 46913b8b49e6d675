package suite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
)

// moments are five points of a rollout at which the controller is killed.
var moments = []struct {
	name  string
	holds func(v1alpha1.CanaryStatus) bool
}{
	{"the canary starts", func(s v1alpha1.CanaryStatus) bool { return s.Phase == v1alpha1.PhaseProgressing && s.Step == 0 }},
	{"the first step is in effect", func(s v1alpha1.CanaryStatus) bool { return s.Step == 1 && s.StepStarted != nil }},
	{"the last step is in effect", func(s v1alpha1.CanaryStatus) bool { return s.Step == 3 && s.StepStarted != nil }},
	{"the primary is being promoted", func(s v1alpha1.CanaryStatus) bool { return s.Phase == v1alpha1.PhasePromoting }},
	{"the canary is being removed", func(s v1alpha1.CanaryStatus) bool { return s.Phase == v1alpha1.PhaseFinalising }},
}

var _ = Describe("A controller that is killed", func() {
	It("goes on where it was, at five moments of one rollout", func(ctx SpecContext) {
		r := given(ctx, "killed", quick, "")
		r.setVersion(ctx, "v2")
		for _, moment := range moments {
			r.waitUntil(ctx, moment.name, func(s v1alpha1.CanaryStatus) bool { return moment.holds(s) || s.Phase == v1alpha1.PhaseSucceeded })
			By(fmt.Sprintf("SIGKILL to every replica while %s", moment.name))
			Expect(r.killControllers(ctx)).To(BeNumerically(">=", 1))
		}
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v2")
		r.expectNoFailures("nobody")
	})
})

// killControllers kills the processes of sluice's pods and returns how many there were. A process belongs to a pod when
// its control group has the pod's identity in its name.
func (r *rollout) killControllers(ctx context.Context) int {
	GinkgoHelper()
	var pods corev1.PodList
	Expect(r.Client.List(ctx, &pods, client.InNamespace("sluice-system"), client.MatchingLabels{"app.kubernetes.io/name": "sluice"})).To(Succeed())
	killed := 0
	for _, pod := range pods.Items {
		for _, pid := range processesOf(string(pod.UID)) {
			Expect(syscall.Kill(pid, syscall.SIGKILL)).To(Or(Succeed(), MatchError(syscall.ESRCH)))
			killed++
		}
	}
	return killed
}

func processesOf(podUID string) []int {
	var found []int
	files, _ := filepath.Glob("/proc/[0-9]*/cgroup")
	for _, file := range files {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		groups, err := os.ReadFile(file)
		if err != nil || !strings.Contains(strings.ReplaceAll(string(groups), "_", "-"), podUID) {
			continue
		}
		if program, err := os.Readlink(filepath.Join(filepath.Dir(file), "exe")); err == nil && filepath.Base(program) == "sluice" {
			found = append(found, pid)
		}
	}
	return found
}
