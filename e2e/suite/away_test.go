package suite

import (
	"context"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/app"
)

func says(s v1alpha1.CanaryStatus, words string) bool { return strings.Contains(s.Message, words) }

// steal takes the lease from the replica that reconciles, for longer than that tries to renew it.
func (r *rollout) steal(ctx context.Context) {
	GinkgoHelper()
	Eventually(ctx, func() error {
		lease := &coordinationv1.Lease{}
		if err := r.Client.Get(ctx, client.ObjectKey{Namespace: "sluice-system", Name: "sluice"}, lease); err != nil {
			return err
		}
		now := metav1.NowMicro()
		lease.Spec.HolderIdentity, lease.Spec.RenewTime, lease.Spec.LeaseDurationSeconds = ptr.To("a thief"), &now, ptr.To(int32(20))
		return r.Client.Update(ctx, lease)
	}, patience(), glance).Should(Succeed())
}

var _ = Describe("A lease that is lost", Serial, func() {
	It("ends reconciling and not admission", func(ctx SpecContext) {
		r := begin(ctx, "lease", scene{quiet: true, Options: app.Options{Replicas: 1, Annotations: quick}})
		restarts := func() (total int32) {
			for _, pod := range r.controllers(ctx) {
				total += pod.Status.ContainerStatuses[0].RestartCount
			}
			return total
		}
		before := restarts()
		u := r.update(20, changingLabels)
		r.steal(ctx)
		Eventually(ctx, func() string { return r.leader(ctx) }, patience(), glance).ShouldNot(BeEmpty(), "a replica has the lease again")
		u.end()
		_, refused := u.counts()
		Expect(refused).To(BeZero(), fmt.Sprint(u.refusals))
		Expect(restarts()).To(Equal(before))
	})
})

var _ = Describe("Sluice that is away", Serial, func() {
	It("rolls nothing back because of the time that it was away", func(ctx SpecContext) {
		r := given(ctx, "away", with(map[string]string{"sluice.dev/progress-deadline": "20s"}), "")
		controller := &appsv1.Deployment{}
		Expect(r.Client.Get(ctx, client.ObjectKey{Namespace: "sluice-system", Name: "sluice"}, controller)).To(Succeed())
		replicas := fmt.Sprintf("--replicas=%d", *controller.Spec.Replicas)
		r.setVersion(ctx, "v2")
		r.waitUntil(ctx, "step 1", inEffect(1))
		DeferCleanup(func(ctx SpecContext) {
			r.kubectl(ctx, "scale", "-n", "sluice-system", "deployment/sluice", replicas)
			r.kubectl(ctx, "rollout", "status", "-n", "sluice-system", "deployment/sluice", timeout())
		})
		r.kubectl(ctx, "scale", "-n", "sluice-system", "deployment/sluice", "--replicas=0")
		gone := time.Now()
		By("nobody looks for longer than the step and the deadline last")
		Eventually(ctx, func() time.Duration { return time.Since(gone) }, patience(), glance).Should(BeNumerically(">", 45*time.Second))
		r.kubectl(ctx, "scale", "-n", "sluice-system", "deployment/sluice", replicas)
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v2")
		r.expectNoFailures(ctx, "nobody")
	})
})

var _ = Describe("A namespace without room", func() {
	It("promotes a version whose canary has the place that the primary needs", func(ctx SpecContext) {
		r := begin(ctx, "quota", scene{Options: app.Options{Replicas: 1, Annotations: quick},
			manifests: []string{"{apiVersion: v1, kind: ResourceQuota, metadata: {namespace: quota, name: pods}, spec: {hard: {pods: \"2\"}}}"}})
		r.setVersion(ctx, "v2")
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectEvents(ctx, "CanaryGivesWay", "Promoted")
		r.expectClean(ctx, "v2")
		r.expectNoFailures(ctx, "nobody")
	})

	It("says what the scheduler says of a canary that stays pending", func(ctx SpecContext) {
		r := begin(ctx, "pending", scene{quiet: true, Options: app.Options{Replicas: 1, Annotations: quick}})
		r.kubectl(ctx, "patch", "deployment", "podinfo", "-p", `{"spec":{"template":{"spec":{"nodeSelector":{"nowhere":"true"}}}}}`)
		s := r.waitUntil(ctx, "the words of the scheduler", func(s v1alpha1.CanaryStatus) bool {
			return s.Phase == v1alpha1.PhaseFailed || says(s, "FailedScheduling")
		})
		Expect(s.Message).To(ContainSubstring("node affinity/selector"))
	})

	It("says before it makes a canary that a volume is for one pod", func(ctx SpecContext) {
		r := begin(ctx, "volume", scene{quiet: true, Options: app.Options{Replicas: 1, Annotations: quick}, manifests: []string{
			"{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {namespace: volume, name: data}, spec: {accessModes: [ReadWriteOncePod], resources: {requests: {storage: 1Mi}}}}"}})
		r.kubectl(ctx, "patch", "deployment", "podinfo", "-p", `{"spec":{"template":{"spec":{"volumes":[{"name":"data","persistentVolumeClaim":{"claimName":"data"}}]}}}}`)
		r.waitUntil(ctx, "the volume", func(s v1alpha1.CanaryStatus) bool {
			return s.Phase == v1alpha1.PhaseWaiting && says(s, "PersistentVolumeClaim data, which one pod at a time may use")
		})
		canary, err := r.Deployment(ctx, "podinfo-canary")
		Expect(err).NotTo(HaveOccurred())
		Expect(canary).To(BeNil(), "no canary is made")
	})
})
