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

// TestAProbeThatFailsAtStartIsNoProblem counts the failures of one pod's probe. The container tolerates 3.
func TestAProbeThatFailsAtStartIsNoProblem(t *testing.T) {
	made := time.Now()
	canary := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "web-canary", CreationTimestamp: metav1.NewTime(made)}}
	canary.Spec.Template.Spec.Containers = []corev1.Container{{Name: "app", ReadinessProbe: &corev1.Probe{FailureThreshold: 3}, StartupProbe: &corev1.Probe{FailureThreshold: 30}}}
	probe := func(pod, message string, times int32) corev1.Event {
		event := unscheduled("shop", pod, message, made.Add(time.Minute))
		event.Reason, event.Count = "Unhealthy", times
		return *event
	}
	series := probe("web-canary-1-a", "Readiness probe failed: refused", 0)
	series.Series = &corev1.EventSeries{Count: 3}
	first := *unscheduled("shop", "web-canary-1-a", "0/3 nodes are available", made.Add(time.Second))
	for name, c := range map[string]struct {
		events []corev1.Event
		want   string
	}{
		"once":                            {[]corev1.Event{probe("web-canary-1-a", "Readiness probe failed: refused", 1)}, ""},
		"once on each of many pods":       {[]corev1.Event{probe("web-canary-1-a", "Readiness probe failed: a", 1), probe("web-canary-1-b", "Readiness probe failed: b", 1), probe("web-canary-1-c", "Readiness probe failed: c", 1)}, ""},
		"as often as is tolerated":        {[]corev1.Event{probe("web-canary-1-a", "Readiness probe failed: refused", 3)}, "Unhealthy: Readiness probe failed: refused"},
		"as often, with other words":      {[]corev1.Event{probe("web-canary-1-a", "Readiness probe failed: refused", 2), probe("web-canary-1-a", "Readiness probe errored: late", 1)}, "Unhealthy: Readiness probe errored: late"},
		"as often, in a series":           {[]corev1.Event{series}, "Unhealthy: Readiness probe failed: refused"},
		"of a start that may take longer": {[]corev1.Event{probe("web-canary-1-a", "Startup probe failed: refused", 29)}, ""},
		"of a start that has failed":      {[]corev1.Event{probe("web-canary-1-a", "Startup probe failed: refused", 30)}, "Unhealthy: Startup probe failed: refused"},
		"liveness":                        {[]corev1.Event{probe("web-canary-1-a", "Liveness probe failed: refused", 1)}, "Unhealthy: Liveness probe failed: refused"},
		"after another warning":           {[]corev1.Event{first, probe("web-canary-1-a", "Readiness probe failed: refused", 1)}, ""},
		"after a warning about another":   {[]corev1.Event{first, probe("web-canary-1-b", "Readiness probe failed: refused", 1)}, "FailedScheduling: 0/3 nodes are available"},
	} {
		t.Run(name, func(t *testing.T) { NewWithT(t).Expect(lastProblem(c.events, canary)).To(Equal(c.want)) })
	}
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
