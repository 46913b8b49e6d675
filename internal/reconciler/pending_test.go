package reconciler

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// unscheduled is the scheduler's event about a pod.
func unscheduled(namespace, pod, message string, at time.Time) *corev1.Event {
	return &corev1.Event{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: pod}, Type: corev1.EventTypeWarning, Reason: "FailedScheduling", Message: message,
		InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: namespace, Name: pod}, LastTimestamp: metav1.NewTime(at)}
}

func TestTheLastWarningAboutPodsOfTheCanaryCounts(t *testing.T) {
	g := NewWithT(t)
	made := time.Now()
	canary := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "web-canary", CreationTimestamp: metav1.NewTime(made)}}
	event := func(pod, message string, after time.Duration) corev1.Event {
		return *unscheduled("shop", pod, message, made.Add(after))
	}
	later := event("web-canary-1-a", "", 0)
	later.Message, later.LastTimestamp, later.EventTime = "as events.k8s.io says it", metav1.Time{}, metav1.NewMicroTime(made.Add(time.Hour))
	events := []corev1.Event{
		event("web-canary-1-a", "of a canary before", -time.Minute),
		event("web-canary-1-a", "first", time.Second), event("web-canary-2-b", "second", time.Minute),
		event("web-canary-x-1-a", "of another Deployment", time.Hour), event("web-1-a", "of the primary", time.Hour),
	}
	g.Expect(lastProblem(events, canary)).To(Equal("FailedScheduling: second"))
	g.Expect(lastProblem(append(events, later), canary)).To(Equal("FailedScheduling: as events.k8s.io says it"))
	g.Expect(lastProblem(events[:1], canary)).To(BeEmpty())
}

func TestWhatWasReadCountsForAWhile(t *testing.T) {
	g := NewWithT(t)
	var r recent[int]
	reads := 0
	read := func() int { reads++; return reads }
	g.Expect(r.get(subject, read)).To(Equal(1))
	g.Expect(r.get(subject, read)).To(Equal(1), "kept")
	r.known[subject] = reply[int]{1, time.Now()}
	g.Expect(r.get(subject, read)).To(Equal(2), "out of date")
	g.Expect(r.known).To(HaveLen(1))
}
