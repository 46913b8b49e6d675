package admission

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// bypassed lets a change through while a bypass with a reason is in force.
func bypassed(s *subject) (workload.Template, bool, error) {
	bypass, problem := config.BypassOf(s.annotations, s.request.Now)
	if bypass == nil || problem != nil {
		if _, set := s.annotations[config.AnnotationBypass]; set && problem == nil {
			s.warnOfChange("the bypass in %s has expired, so this change is held back", config.AnnotationBypass)
		}
		return nil, false, nil
	}
	return s.letThrough(workload.DirectBypass, bypass.Reason, "bypassed ("+bypass.Reason+")")
}

// unavailable lets a change through if the primary has no available replica, because a broken primary must be repairable. While
// a promotion is open, the primary may have no pods for a moment; that does not count.
func unavailable(s *subject) (workload.Template, bool, error) {
	if s.previous != nil || s.annotations[config.AnnotationWhenUnavailable] == config.WhenUnavailableCanary || servesSomebody(s.old, s.new) {
		return nil, false, nil
	}
	return s.letThrough(workload.DirectUnavailable, "no replica of the primary was available", "no replica is available")
}

func servesSomebody(old, updated map[string]any) bool {
	available, _, _ := unstructured.NestedInt64(old, "status", "availableReplicas")
	replicas, set, _ := unstructured.NestedInt64(updated, "spec", "replicas")
	return available > 0 && (!set || replicas > 0)
}

// restarted lets kubectl rollout restart through if the user has chosen that. A candidate in flight stays as it is.
func restarted(s *subject) (workload.Template, bool, error) {
	if s.annotations[config.AnnotationRestart] != config.RestartDirect || !isRestart(s.live, s.requested) {
		return nil, false, nil
	}
	s.record(s.requested.Template, workload.DirectRestart, "restart")
	return s.requested.Template, true, nil
}

// isRestart reports whether two templates differ only in the time of the last kubectl rollout restart.
func isRestart(live, asked workload.Comparable) bool {
	return !live.Equal(asked) && workload.Equal(live.WithoutRestart(), asked.WithoutRestart())
}

// letThrough stores a change as the template at once and drops the candidate.
func (s *subject) letThrough(how workload.DirectWay, reason, because string) (workload.Template, bool, error) {
	meant, changed, err := s.meaning()
	if err != nil || !changed || meant.Equal(s.live) {
		return nil, false, err
	}
	if kept := s.candidate; kept != nil && kept.Mark != workload.MarkNone && meant.Equal(workload.ComparableOf(kept.Template)) {
		// Tools apply the same manifest again and again, even while the only pod of the primary is being replaced.
		s.warn("%s is marked as %s and does not roll out directly; to try it again: kubectl annotate deployment %s -n %s %s=true",
			workload.Short(kept.Hash), kept.Mark, s.name(), s.namespace(), config.AnnotationRetry)
		return nil, false, nil
	}
	s.record(meant.Template, how, reason)
	s.candidate, s.previous = nil, nil
	s.warn("%s, so this change rolls out directly, without a canary", because)
	return meant.Template, true, nil
}

// record notes who changed the template directly and why, for the reconciler to report.
func (s *subject) record(template workload.Template, how workload.DirectWay, reason string) {
	s.direct = &workload.Direct{Hash: template.KnownHash(), How: how, Reason: reason, By: s.request.User, At: s.request.Now}
}

// warnOfChange warns if the request changes the template.
func (s *subject) warnOfChange(format string, args ...any) {
	if !s.requested.Equal(s.live) {
		s.warn(format, args...)
	}
}
