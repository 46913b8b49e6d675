package process

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// peak returns the most memory that the process has had, in KiB.
func (p *process) peak() int {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	p.Expect(err).NotTo(HaveOccurred())
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	peak, err := strconv.Atoi(strings.Fields(rest)[0])
	p.Expect(err).NotTo(HaveOccurred())
	return peak
}

// judged creates a Deployment and returns what admission says of it. Without an answer in time the API server refuses it as well, and
// the user tries again.
func (c *cluster) judged(made *appsv1.Deployment) error {
	for end := time.Now().Add(patience); ; {
		err := c.client.Create(c.t.Context(), made.DeepCopy())
		if err == nil || !strings.Contains(err.Error(), "failed calling webhook") || time.Now().After(end) {
			return err
		}
	}
}

// TestSmallAnnotationsTakeLittleMemory runs the process with the memory limit of the chart. Ten bombs are there before admission
// is, and thirty more are created at once.
func TestSmallAnnotationsTakeLittleMemory(t *testing.T) {
	t.Parallel()
	const most = 256 << 10
	c := startCluster(t)
	c.environment = []string{"MEMORY_LIMIT=536870912"}
	s := c.newShop()
	bomb := s.bomb("bomb")
	c.Expect(len(bomb.Annotations[config.AnnotationCandidate])).To(BeNumerically("<", 8<<10))
	named := func(format string, i int) *appsv1.Deployment {
		one := bomb.DeepCopy()
		one.Name = fmt.Sprintf(format, i)
		return one
	}
	for i := range 10 {
		c.Expect(c.client.Create(t.Context(), named("stored-%d", i))).To(Succeed())
	}
	c.run("install", "sluice", "../../charts/sluice", "--create-namespace", "--set=prometheusUrl="+s.prometheus)
	p := s.ready()
	s.waitForPhase(p, v1alpha1.PhaseInitialized)
	for i := range 10 {
		c.Eventually(func() string {
			canary := &v1alpha1.Canary{}
			_ = c.client.Get(t.Context(), client.ObjectKey{Namespace: shopNamespace, Name: fmt.Sprintf("stored-%d", i)}, canary)
			return canary.Status.Message
		}, patience, glance).Should(ContainSubstring("more than 20000 values"), p.lines)
	}
	var all sync.WaitGroup
	refused := make([]error, 30)
	for i := range refused {
		all.Go(func() { refused[i] = c.judged(named("new-%d", i)) })
	}
	all.Wait()
	for _, err := range refused {
		c.Expect(err).To(MatchError(ContainSubstring("leave it out")))
	}
	s.setImage("podinfo:v2")
	s.waitForEnd(p, v1alpha1.PhaseSucceeded, 1)
	peak := p.peak()
	t.Logf("the process had %d MiB at most", peak>>10)
	c.Expect(peak).To(BeNumerically("<", most))
	p.stop()
}
