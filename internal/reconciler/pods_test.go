package reconciler

import (
	"context"
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

// unlisted refuses to list.
type unlisted struct{ client.Reader }

func (unlisted) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return errors.New("no")
}

func TestPodsOfBothVersionsAreReadWhileTheCandidateIsJudged(t *testing.T) {
	g := NewWithT(t)
	deployment := func(name string) *appsv1.Deployment {
		return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Spec: appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}}}}
	}
	pod := func(app string) *corev1.Pod {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: app + "-1-a", Labels: map[string]string{"app": app}}, Status: corev1.PodStatus{
			Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}}}}}
	}
	other := pod("web-canary")
	other.Namespace = "elsewhere"
	live := fake.NewClientBuilder().WithObjects(pod("web"), pod("web-canary"), pod("db"), other).Build()
	now := metav1.NowMicro()
	judged := observed.State{Phase: v1alpha1.PhaseProgressing, Rollout: &v1alpha1.RolloutStatus{Canary: v1alpha1.CanaryRun{TrafficStarted: &now}}}
	read := func(live client.Reader, state observed.State) *observed.Pods {
		r := &reader{live: live, memory: &memory{}}
		return r.readPods(t.Context(), deployment("web"), deployment("web-canary"), state)
	}
	stuck := []workload.PodHealth{{Stuck: "CrashLoopBackOff"}}
	g.Expect(read(live, judged)).To(Equal(&observed.Pods{Canary: stuck, Primary: stuck}))
	g.Expect(read(unlisted{}, judged)).To(BeNil(), "pods that may not be read are judged by nobody")
	starting := observed.State{Phase: v1alpha1.PhaseProgressing, Rollout: &v1alpha1.RolloutStatus{}}
	g.Expect(read(live, starting)).To(BeNil(), "the canary got no requests yet")
	g.Expect(read(live, observed.State{Phase: v1alpha1.PhasePromoting, Rollout: judged.Rollout})).To(BeNil(), "the primary's pods change")
	g.Expect(lookPeriod).To(BeNumerically("<=", 10*time.Second), "a crash loop begins with 10 s")
}
