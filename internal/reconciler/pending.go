package reconciler

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"sluice.dev/sluice/internal/workload"
)

const (
	// lookPeriod is how often the same thing is asked of the API server for a message.
	lookPeriod = 10 * time.Second
	// mostEvents limits the events that are read for a message.
	mostEvents = 500
)

// readPodProblem returns what Kubernetes last reported about pods of a canary that is not available: the words of the scheduler,
// or why a volume or an image is missing. It reads events, not pods. It is empty if there is nothing or it may not be read,
// because a message must never hold a rollout.
func (r *reader) readPodProblem(ctx context.Context, canary *appsv1.Deployment) string {
	if canary == nil || canary.Status.AvailableReplicas >= workload.Replicas(canary) {
		return ""
	}
	key := client.ObjectKeyFromObject(canary)
	return r.memory.problems.get(key, func() string {
		limited, cancel := context.WithTimeout(ctx, optionalLimit)
		defer cancel()
		var events corev1.EventList
		err := r.live.List(limited, &events, client.InNamespace(canary.Namespace), client.Limit(mostEvents),
			client.MatchingFields{"involvedObject.kind": "Pod", "type": corev1.EventTypeWarning})
		if err != nil {
			noteUnread(ctx, err, "events")
			return ""
		}
		return lastProblem(events.Items, canary)
	})
}

func noteUnread(ctx context.Context, err error, what string) {
	if !apierrors.IsForbidden(err) && !apierrors.IsNotFound(err) {
		log.FromContext(ctx).Info("messages go on without what could not be read", "what", what, "because", err.Error())
	}
}

// lastProblem returns the last warning about a pod of a canary since that was made. A probe that fails less often than it may is
// no warning: a pod that starts is not ready at once.
func lastProblem(events []corev1.Event, canary *appsv1.Deployment) string {
	// A Deployment may be called like another one and a suffix, so the name of a pod must end where it should.
	pod := regexp.MustCompile(`^` + regexp.QuoteMeta(canary.Name) + `-[a-z0-9]+-[a-z0-9]+$`)
	about := slices.DeleteFunc(slices.Clone(events), func(event corev1.Event) bool {
		return !pod.MatchString(event.InvolvedObject.Name) || timeOf(event).Before(canary.CreationTimestamp.Time)
	})
	slices.SortStableFunc(about, func(a, b corev1.Event) int { return timeOf(a).Compare(timeOf(b)) })
	failures, problems := map[string]int32{}, map[string]string{}
	for _, event := range about {
		failures[event.InvolvedObject.Name+" "+probeOf(event)] += timesOf(event)
	}
	last := ""
	for _, event := range about {
		name, probe := event.InvolvedObject.Name, probeOf(event)
		// A pod that is probed runs: earlier warnings about it are over.
		delete(problems, name)
		if probe == "" || failures[name+" "+probe] >= toleratedBy(canary, probe) {
			problems[name] = event.Reason + ": " + strings.TrimSpace(event.Message)
		}
		if problems[name] != "" || problems[last] == "" {
			last = name
		}
	}
	return problems[last]
}

// Probes as the kubelet calls them, of those that may fail while a pod starts.
const (
	readinessProbe = "Readiness"
	startupProbe   = "Startup"
)

// probeOf is the probe whose failure an event reports; empty if it reports something else.
func probeOf(event corev1.Event) string {
	for _, probe := range []string{readinessProbe, startupProbe} {
		if event.Reason == "Unhealthy" && strings.HasPrefix(event.Message, probe+" probe ") {
			return probe
		}
	}
	return ""
}

// toleratedBy is how many failures of a probe make the kubelet act, at most: the largest failureThreshold of the containers.
func toleratedBy(canary *appsv1.Deployment, probe string) int32 {
	most := int32(0)
	spec := canary.Spec.Template.Spec
	for _, container := range slices.Concat(spec.InitContainers, spec.Containers) {
		found := container.ReadinessProbe
		if probe == startupProbe {
			found = container.StartupProbe
		}
		if found != nil {
			most = max(most, found.FailureThreshold)
		}
	}
	return most
}

// timesOf returns how often an event has happened. Either kind of events has its own field.
func timesOf(event corev1.Event) int32 {
	times := max(1, event.Count)
	if event.Series != nil {
		times = max(times, event.Series.Count)
	}
	return times
}

// timeOf returns when an event last happened. Either kind of events has its own field.
func timeOf(event corev1.Event) time.Time {
	last := event.LastTimestamp.Time
	if event.EventTime.After(last) {
		last = event.EventTime.Time
	}
	if event.Series != nil && event.Series.LastObservedTime.After(last) {
		last = event.Series.LastObservedTime.Time
	}
	return last
}

// readClaims returns the access modes of the PersistentVolumeClaims that a candidate names and that exist and may be read.
func (r *reader) readClaims(ctx context.Context, namespace string, candidate *workload.Candidate) map[string][]corev1.PersistentVolumeAccessMode {
	if candidate == nil {
		return nil
	}
	pod, err := candidate.Template.Pod()
	if err != nil {
		return nil
	}
	found := map[string][]corev1.PersistentVolumeAccessMode{}
	for _, name := range workload.ClaimsOf(pod.Spec) {
		key := types.NamespacedName{Namespace: namespace, Name: name}
		if modes := r.memory.claims.get(key, func() []corev1.PersistentVolumeAccessMode {
			var claim corev1.PersistentVolumeClaim
			if err := r.live.Get(ctx, key, &claim); err != nil {
				noteUnread(ctx, err, "PersistentVolumeClaim "+key.String())
				return nil
			}
			return claim.Spec.AccessModes
		}); len(modes) > 0 {
			found[name] = modes
		}
	}
	return found
}

// recent remembers for a period what was read for an object.
type recent[T any] struct {
	mu    sync.Mutex
	known map[types.NamespacedName]reply[T]
}

type reply[T any] struct {
	value T
	until time.Time
}

// get returns what was read within the period, or reads it. Everything that is out of date is forgotten.
func (r *recent[T]) get(key types.NamespacedName, read func() T) T {
	r.mu.Lock()
	known, has := r.known[key]
	r.mu.Unlock()
	if has && time.Now().Before(known.until) {
		return known.value
	}
	value := read()
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	for other, reply := range r.known {
		if !now.Before(reply.until) {
			delete(r.known, other)
		}
	}
	if r.known == nil {
		r.known = map[types.NamespacedName]reply[T]{}
	}
	r.known[key] = reply[T]{value, now.Add(lookPeriod)}
	return value
}
