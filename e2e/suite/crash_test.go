package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/app"
	"sluice.dev/sluice/rollout/observed"
)

// inEffect reports of a state whether this step is in effect.
func inEffect(step int32) func(v1alpha1.CanaryStatus) bool {
	return func(s v1alpha1.CanaryStatus) bool { return s.Open().Step.Number == step && observed.Checked(s) }
}

// moments are five points of a rollout at which the controller is killed.
var moments = []struct {
	name  string
	holds func(v1alpha1.CanaryStatus) bool
}{
	{"the canary starts", func(s v1alpha1.CanaryStatus) bool {
		return s.Phase == v1alpha1.PhaseProgressing && s.Open().Step.Number == 0
	}},
	{"the first step is in effect", inEffect(1)},
	{"the last step is in effect", inEffect(3)},
	{"the primary is being promoted", func(s v1alpha1.CanaryStatus) bool { return s.Phase == v1alpha1.PhasePromoting }},
	{"the canary is being removed", func(s v1alpha1.CanaryStatus) bool { return s.Phase == v1alpha1.PhaseFinalising }},
}

var _ = Describe("A controller that is killed", Serial, func() {
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
		r.expectNoFailures(ctx, "nobody")
	})
})

var _ = Describe("A cluster in trouble", Serial, func() {
	It("loses no rollout when the API server and every replica restart, etcd is compacted, and Prometheus goes and comes back in the middle of it", func(ctx SpecContext) {
		// The replicas may start one after the other, and the first goes on meanwhile.
		r := given(ctx, "apiserver", with(map[string]string{"sluice.dev/interval": "8s"}), "")
		r.setVersion(ctx, "v2")
		r.waitUntil(ctx, "step 1", moments[1].holds)
		compact(ctx, apiServer())
		By("SIGKILL to the API server, and to every replica, which starts while it is away")
		// A pod that an earlier spec's update of Sluice still ends would not start again.
		r.kubectl(ctx, "rollout", "status", "deployment/sluice", "-n", "sluice-system", timeout())
		Eventually(ctx, func() []corev1.Pod {
			return slices.DeleteFunc(r.controllers(ctx), func(pod corev1.Pod) bool { return pod.DeletionTimestamp == nil })
		}, patience(), glance).Should(BeEmpty(), "no replica ends")
		replicas := r.controllers(ctx)
		before := apiServer()
		kill(before)
		for _, replica := range replicas {
			Expect(r.killController(replica)).To(Equal(1))
		}
		Eventually(ctx, func() error {
			return r.Client.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: app.Name}, &v1alpha1.Canary{})
		}, patience(), glance).Should(Succeed(), "the API server is back")
		Expect(apiServer()).NotTo(Equal(before))
		for _, replica := range replicas {
			Eventually(ctx, func() bool { return r.startedAgain(ctx, replica) }, patience(), glance).Should(BeTrue(), replica.Name)
		}
		restarts := func(pods []corev1.Pod) (all []int32) {
			for _, pod := range pods {
				all = append(all, pod.Status.ContainerStatuses[0].RestartCount)
			}
			return all
		}
		once := restarts(replicas)
		for i := range once {
			once[i]++
		}
		Expect(restarts(r.controllers(ctx))).To(ConsistOf(once), "a replica waits for the API server")
		r.waitUntil(ctx, "step 2", func(s v1alpha1.CanaryStatus) bool { return s.Open().Step.Number >= 2 && observed.Checked(s) })
		compact(ctx, apiServer())

		By("Prometheus goes")
		restore := func(ctx SpecContext) {
			r.kubectl(ctx, "scale", "deployment/prometheus", "-n", "monitoring", "--replicas=1")
			r.kubectl(ctx, "rollout", "status", "deployment/prometheus", "-n", "monitoring", timeout())
		}
		DeferCleanup(restore)
		r.kubectl(ctx, "scale", "deployment/prometheus", "-n", "monitoring", "--replicas=0")
		held := r.waitUntil(ctx, "an inconclusive check", func(s v1alpha1.CanaryStatus) bool {
			return len(s.Checks) > 0 && s.Checks[0].Verdict == v1alpha1.VerdictInconclusive && strings.Contains(s.Message, "Prometheus could not answer")
		})
		Consistently(ctx, func() int32 { return r.status(ctx).Open().Step.Number }, 10*time.Second, glance).Should(Equal(held.Open().Step.Number), "a step lasts less, and none is taken blindly")
		Expect(r.status(ctx).FailedChecks).To(Equal(held.FailedChecks), "no data counted as a failed check")
		By("Prometheus comes back")
		restore(ctx)
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v2")
		r.expectNoFailures(ctx, "nobody")
	})
})

// compact makes etcd forget every revision but the current one, so that a client must list again after its watch is
// interrupted.
func compact(ctx context.Context, pid int) {
	GinkgoHelper()
	etcd := inside(pid)
	ask := func(path string, body any) (answer struct {
		Header struct {
			Revision string `json:"revision"`
		} `json:"header"`
	}) {
		content, err := json.Marshal(body)
		Expect(err).NotTo(HaveOccurred())
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://127.0.0.1:2379/v3/kv/"+path, bytes.NewReader(content))
		Expect(err).NotTo(HaveOccurred())
		response, err := etcd.Do(request)
		Expect(err).NotTo(HaveOccurred())
		defer func() { _ = response.Body.Close() }()
		Expect(response.StatusCode).To(Equal(http.StatusOK), "etcd answers %s", path)
		Expect(json.NewDecoder(response.Body).Decode(&answer)).To(Succeed())
		return answer
	}
	revision := ask("range", map[string]any{"key": "AA=="}).Header.Revision
	By("etcd is compacted at revision " + revision)
	ask("compaction", map[string]any{"revision": revision, "physical": true})
}
