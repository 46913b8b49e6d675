package suite

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// processes returns the processes of this machine whose program has this name and one of whose files in /proc matches.
func processes(program, file, says string) []int {
	var found []int
	paths, _ := filepath.Glob("/proc/[0-9]*/" + file)
	for _, path := range paths {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		content, err := os.ReadFile(path)
		if err != nil || !strings.Contains(strings.ReplaceAll(string(content), "_", "-"), says) {
			continue
		}
		if exe, err := os.Readlink(filepath.Join(filepath.Dir(path), "exe")); err == nil && filepath.Base(exe) == program {
			found = append(found, pid)
		}
	}
	return found
}

// killControllers kills the processes of Sluice's pods and returns how many there were. A process belongs to a pod if the name
// of its control group contains the pod's UID.
func (r *rollout) killControllers(ctx context.Context) int {
	GinkgoHelper()
	killed := 0
	for _, pod := range r.controllers(ctx) {
		killed += r.killController(pod)
	}
	return killed
}

func (r *rollout) killController(pod corev1.Pod) int {
	GinkgoHelper()
	pids := processes("sluice", "cgroup", string(pod.UID))
	for _, pid := range pids {
		kill(pid)
	}
	return len(pids)
}

// controllers returns Sluice's pods.
func (r *rollout) controllers(ctx context.Context) []corev1.Pod {
	GinkgoHelper()
	var pods corev1.PodList
	Expect(r.Client.List(ctx, &pods, client.InNamespace("sluice-system"), client.MatchingLabels{"app.kubernetes.io/name": "sluice"})).To(Succeed())
	return pods.Items
}

// apiServer returns the process of the local cluster's API server.
func apiServer() int {
	GinkgoHelper()
	pids := processes("kube-apiserver", "cmdline", "/var/lib/sluice-cluster")
	Expect(pids).To(HaveLen(1), "the API server of the local cluster; with another provider this cannot be tested")
	return pids[0]
}
