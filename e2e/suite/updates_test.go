package suite

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/e2e/app"
)

// updates changes the Deployment again and again and records the results.
type updates struct {
	r    *rollout
	stop context.CancelFunc
	done sync.WaitGroup

	mu sync.Mutex
	// held and refused count the answers. wrong are answers that must not occur.
	held, refused int
	refusals      []string
	wrong         []string
}

// underWay is how many updates may be in flight. The API server retries a patch that another one has overtaken, admission
// included, so a slow one would never catch up with an increasing number of updates.
const underWay = 8

// update sends updates at a rate until it is stopped. Each one patches the Deployment.
func (r *rollout) update(perSecond int, patch func(i int) client.Patch) *updates {
	ctx, cancel := context.WithCancel(context.Background())
	u := &updates{r: r, stop: cancel}
	slots := make(chan struct{}, underWay)
	u.done.Go(func() {
		ticker := time.NewTicker(time.Second / time.Duration(perSecond))
		defer ticker.Stop()
		for i := 0; ; i++ {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			select {
			case slots <- struct{}{}:
				u.done.Go(func() {
					u.one(ctx, patch(i))
					<-slots
				})
			default:
			}
		}
	})
	DeferCleanup(func() { u.end() })
	return u
}

func (u *updates) end() {
	u.stop()
	u.done.Wait()
}

// one is a single update. An answer with another template than the primary's has slipped through.
func (u *updates) one(ctx context.Context, patch client.Patch) {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: u.r.Namespace, Name: app.Name}}
	err := u.r.Client.Patch(ctx, d, patch, client.FieldOwner("kubectl-set"))
	if ctx.Err() != nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case err != nil:
		u.refused++
		u.refusals = append(u.refusals, err.Error())
	case slices.ContainsFunc(d.Spec.Template.Spec.Containers[0].Env, func(e corev1.EnvVar) bool { return e.Name == "N" }):
		u.wrong = append(u.wrong, fmt.Sprintf("%v", d.Spec.Template.Spec.Containers[0].Env))
	default:
		u.held++
	}
}

func (u *updates) counts() (held, refused int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.held, u.refused
}

// changingEnv changes the pod template.
func changingEnv(i int) client.Patch {
	return client.RawPatch(types.StrategicMergePatchType, fmt.Appendf(nil,
		`{"spec":{"template":{"spec":{"containers":[{"name":"podinfo","env":[{"name":"N","value":"%d"}]}]}}}}`, i))
}

// changingLabels does not change the pod template.
func changingLabels(i int) client.Patch {
	return client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"metadata":{"labels":{"n":"%d"}}}`, i))
}

// leader returns the name of the pod that reconciles.
func (r *rollout) leader(ctx context.Context) string {
	GinkgoHelper()
	var lease coordinationv1.Lease
	Expect(r.Client.Get(ctx, client.ObjectKey{Namespace: "sluice-system", Name: "sluice"}, &lease)).To(Succeed())
	if lease.Spec.HolderIdentity == nil {
		return ""
	}
	holder := *lease.Spec.HolderIdentity
	for _, pod := range r.controllers(ctx) {
		if len(holder) > len(pod.Name) && holder[:len(pod.Name)] == pod.Name {
			return pod.Name
		}
	}
	return ""
}

// startedAgain reports whether the container of a pod has restarted since and serves.
func (r *rollout) startedAgain(ctx context.Context, before corev1.Pod) bool {
	GinkgoHelper()
	for _, pod := range r.controllers(ctx) {
		if pod.Name == before.Name {
			return ready(pod) && pod.Status.ContainerStatuses[0].RestartCount > before.Status.ContainerStatuses[0].RestartCount
		}
	}
	return false
}

func ready(pod corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

var _ = Describe("Twenty updates a second", Serial, func() {
	It("are each held back or refused while the leader and other replicas are killed", func(ctx SpecContext) {
		// Each update starts the rollout again, so pods of the canary come and go all the time.
		r := begin(ctx, "updates", scene{quiet: true,
			Options: app.Options{Replicas: 1, Annotations: with(map[string]string{"sluice.dev/interval": "1h"}), Env: []string{"DRAIN=0s"}}})
		first, err := r.Deployment(ctx, app.Name)
		Expect(err).NotTo(HaveOccurred())
		// Other specs have stopped replicas, too.
		Eventually(ctx, func() bool {
			return !slices.ContainsFunc(r.controllers(ctx), func(pod corev1.Pod) bool { return !ready(pod) })
		}, patience(), glance).Should(BeTrue(), "every replica serves")
		u := r.update(20, changingEnv)
		for round := range 4 {
			held, _ := u.counts()
			By(fmt.Sprintf("round %d: updates are held back, then a replica dies", round))
			Eventually(ctx, func() int { now, _ := u.counts(); return now - held }, patience(), glance).Should(BeNumerically(">", 10))
			leader := r.leader(ctx)
			for _, pod := range r.controllers(ctx) {
				if (pod.Name == leader) == (round%2 == 0) {
					Expect(r.killController(pod)).To(Equal(1))
					Eventually(ctx, func() bool { return r.startedAgain(ctx, pod) }, patience(), glance).Should(BeTrue(), pod.Name+" serves again")
				}
			}
		}
		u.end()
		held, refused := u.counts()
		GinkgoWriter.Printf("held back %d, refused %d\n", held, refused)
		Expect(u.wrong).To(BeEmpty(), "updates that changed the primary")
		for _, refusal := range u.refusals {
			Expect(refusal).To(Or(ContainSubstring("failed calling webhook"), HavePrefix("Timeout: request did not complete within requested timeout")))
		}
		last, err := r.Deployment(ctx, app.Name)
		Expect(err).NotTo(HaveOccurred())
		Expect(last.Spec.Template).To(Equal(first.Spec.Template))
		Expect(r.kubectl(ctx, "rollout", "history", "deployment/podinfo")).NotTo(ContainSubstring("\n2 "))
		Expect(held).To(BeNumerically(">", 40), "some in every round, while one replica was away")
	})
})
