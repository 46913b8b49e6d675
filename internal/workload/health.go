package workload

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// startsUp is how long after its start a pod may end containers and be unready: many apps give up once or twice until what they
// need is there. The progress deadline bounds that.
const startsUp = time.Minute

// PodHealth is what one pod shows of itself.
type PodHealth struct {
	// Ended is when a container of the pod last ended; zero if none has since the pod's first minute. OutOfMemory means that the kernel ended it
	// because of its memory limit.
	Ended       time.Time
	OutOfMemory bool
	// Unready is when the pod lost its readiness although its containers went on; zero if it is ready, or was not in its first minute.
	Unready time.Time
	// Stuck is why the pod does not come up again: the kubelet's word, such as CrashLoopBackOff. Empty if it runs.
	Stuck string
}

// HealthOf returns the health of pods, without those that are being deleted or have ended: an eviction says nothing about a version.
func HealthOf(pods []corev1.Pod) []PodHealth {
	var found []PodHealth
	for i := range pods {
		pod := &pods[i]
		if pod.DeletionTimestamp == nil && (pod.Status.Phase == corev1.PodRunning || pod.Status.Phase == corev1.PodPending) {
			found = append(found, healthOf(pod))
		}
	}
	return found
}

func healthOf(pod *corev1.Pod) PodHealth {
	var found PodHealth
	started := pod.CreationTimestamp.Time
	if pod.Status.StartTime != nil {
		started = pod.Status.StartTime.Time
	}
	for _, container := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if waiting := container.State.Waiting; waiting != nil && slices.Contains(stuckReasons, waiting.Reason) {
			found.Stuck = waiting.Reason
		}
		if end := lastEnd(container); end != nil && end.FinishedAt.Sub(started) > startsUp && end.FinishedAt.After(found.Ended) {
			found.Ended, found.OutOfMemory = end.FinishedAt.Time, end.Reason == reasonOutOfMemory
		}
	}
	if lost := lostReadiness(pod); lost.Sub(started) > startsUp {
		found.Unready = lost
	}
	return found
}

// stuckReasons are the kubelet's words for a container that it starts again only after a while, or cannot start.
var stuckReasons = []string{"CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError", "CreateContainerError", "RunContainerError"}

// reasonOutOfMemory is the kubelet's word for a container that the kernel ended because of its memory limit.
const reasonOutOfMemory = "OOMKilled"

// lastEnd is how a container that is started again last ended; nil if it has not. The end of an init container that has done its work is none.
func lastEnd(container corev1.ContainerStatus) *corev1.ContainerStateTerminated {
	if now := container.State.Terminated; now != nil && (container.RestartCount > 0 || now.ExitCode != 0) {
		return now
	}
	return container.LastTerminationState.Terminated
}

// lostReadiness is when a pod became unready while all its containers run on; zero if it is ready, or has been unready since they started.
func lostReadiness(pod *corev1.Pod) time.Time {
	at := slices.IndexFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == corev1.PodReady })
	if at < 0 || pod.Status.Conditions[at].Status == corev1.ConditionTrue {
		return time.Time{}
	}
	lost := pod.Status.Conditions[at].LastTransitionTime.Time
	for _, container := range pod.Status.ContainerStatuses {
		if running := container.State.Running; running == nil || !running.StartedAt.Time.Before(lost) {
			return time.Time{}
		}
	}
	return lost
}
