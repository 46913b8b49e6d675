package workload

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/google/go-cmp/cmp"
)

func TestHealthOf(t *testing.T) {
	started := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	at := func(after time.Duration) metav1.Time { return metav1.NewTime(started.Add(after)) }
	ended := func(after time.Duration, reason string) *corev1.ContainerStateTerminated {
		return &corev1.ContainerStateTerminated{FinishedAt: at(after), Reason: reason, ExitCode: 137}
	}
	running := func(since time.Duration) corev1.ContainerState {
		return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: at(since)}}
	}
	waiting := func(reason string) corev1.ContainerState {
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}
	}
	unready := func(after time.Duration) []corev1.PodCondition {
		return []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionFalse, LastTransitionTime: at(after)}}
	}
	for name, c := range map[string]struct {
		pod  func(*corev1.Pod)
		want []PodHealth
	}{
		"a pod that runs shows nothing": {func(p *corev1.Pod) {
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: at(time.Hour)}}
		}, []PodHealth{{}}},
		"a container that was ended for its memory": {func(p *corev1.Pod) {
			p.Status.ContainerStatuses[0].LastTerminationState.Terminated = ended(time.Hour, "OOMKilled")
		}, []PodHealth{{Ended: at(time.Hour).Time, OutOfMemory: true}}},
		"a container that has ended and is not started again yet": {func(p *corev1.Pod) {
			p.Status.ContainerStatuses[0].State = corev1.ContainerState{Terminated: ended(time.Hour, "Error")}
		}, []PodHealth{{Ended: at(time.Hour).Time}}},
		"the last of two containers counts": {func(p *corev1.Pod) {
			p.Status.ContainerStatuses[0].LastTerminationState.Terminated = ended(2*time.Hour, "Error")
			p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{State: running(0),
				LastTerminationState: corev1.ContainerState{Terminated: ended(time.Hour, "OOMKilled")}})
		}, []PodHealth{{Ended: at(2 * time.Hour).Time}}},
		"a crash while the pod starts is forgiven": {func(p *corev1.Pod) {
			p.Status.ContainerStatuses[0].LastTerminationState.Terminated = ended(time.Minute, "Error")
		}, []PodHealth{{}}},
		"a sidecar that ends counts": {func(p *corev1.Pod) {
			p.Status.InitContainerStatuses = []corev1.ContainerStatus{{State: running(0), LastTerminationState: corev1.ContainerState{Terminated: ended(time.Hour, "Error")}}}
		}, []PodHealth{{Ended: at(time.Hour).Time}}},
		"an init container that has done its work does not": {func(p *corev1.Pod) {
			done := &corev1.ContainerStateTerminated{FinishedAt: at(time.Hour), Reason: "Completed"}
			p.Status.InitContainerStatuses = []corev1.ContainerStatus{{State: corev1.ContainerState{Terminated: done}}}
		}, []PodHealth{{}}},
		"a crash loop": {func(p *corev1.Pod) {
			p.Status.ContainerStatuses[0].State = waiting("CrashLoopBackOff")
			p.Status.ContainerStatuses[0].LastTerminationState.Terminated = ended(time.Hour, "Error")
			p.Status.Conditions = unready(time.Hour)
		}, []PodHealth{{Ended: at(time.Hour).Time, Stuck: "CrashLoopBackOff"}}},
		"an image that cannot be pulled": {func(p *corev1.Pod) {
			p.Status.Phase, p.Status.ContainerStatuses[0].State = corev1.PodPending, waiting("ImagePullBackOff")
		}, []PodHealth{{Stuck: "ImagePullBackOff"}}},
		"a container that is being created is not stuck": {func(p *corev1.Pod) {
			p.Status.Phase, p.Status.ContainerStatuses[0].State = corev1.PodPending, waiting("ContainerCreating")
		}, []PodHealth{{}}},
		"a pod that lost its readiness": {func(p *corev1.Pod) { p.Status.Conditions = unready(time.Hour) }, []PodHealth{{Unready: at(time.Hour).Time}}},
		"a pod that is not ready after a restart": {func(p *corev1.Pod) {
			p.Status.Conditions, p.Status.ContainerStatuses[0].State = unready(time.Hour), running(time.Hour+10*time.Second)
		}, []PodHealth{{}}},
		"a pod that has never been ready": {func(p *corev1.Pod) { p.Status.Conditions = unready(0) }, []PodHealth{{}}},
		"a pod that is being deleted":     {func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: started} }, nil},
		"a pod that was evicted":          {func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			start := at(0)
			pod := corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodRunning, StartTime: &start, ContainerStatuses: []corev1.ContainerStatus{{State: running(time.Second)}}}}
			c.pod(&pod)
			if diff := cmp.Diff(c.want, HealthOf([]corev1.Pod{pod})); diff != "" {
				t.Error(diff)
			}
		})
	}
}
