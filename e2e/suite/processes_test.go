package suite

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// processes are those of this machine whose program has this name and for which a file of theirs in /proc says something.
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

func kill(pid int) {
	GinkgoHelper()
	Expect(syscall.Kill(pid, syscall.SIGKILL)).To(Or(Succeed(), MatchError(syscall.ESRCH)))
}

// killControllers kills the processes of sluice's pods and returns how many there were. A process belongs to a pod when
// its control group has the pod's identity in its name.
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

// controllers are sluice's pods.
func (r *rollout) controllers(ctx context.Context) []corev1.Pod {
	GinkgoHelper()
	var pods corev1.PodList
	Expect(r.Client.List(ctx, &pods, client.InNamespace("sluice-system"), client.MatchingLabels{"app.kubernetes.io/name": "sluice"})).To(Succeed())
	return pods.Items
}

// apiServer is the process of the local cluster's API server.
func apiServer() int {
	GinkgoHelper()
	pids := processes("kube-apiserver", "cmdline", "/var/lib/sluice-cluster")
	Expect(pids).To(HaveLen(1), "the API server of the local cluster; with another provider this cannot be tested")
	return pids[0]
}

// inside makes requests from the network of a process.
func inside(pid int) *http.Client {
	dial := func(_ context.Context, network, address string) (net.Conn, error) {
		type result struct {
			conn net.Conn
			err  error
		}
		results := make(chan result, 1)
		go func() {
			// The thread stays in the other network, so it must end with this goroutine.
			runtime.LockOSThread()
			namespace, err := os.Open(filepath.Join("/proc", strconv.Itoa(pid), "ns", "net"))
			if err == nil {
				err = unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET)
				_ = namespace.Close()
			}
			if err != nil {
				results <- result{err: err}
				return
			}
			conn, err := net.Dial(network, address)
			results <- result{conn, err}
		}()
		r := <-results
		return r.conn, r.err
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial}}
}
