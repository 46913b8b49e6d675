package admission

import (
	"fmt"
	"strings"

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

// letThroughUnserved stores the candidate as the template at once, because the reconciler has seen for long enough that the primary
// serves nobody: a broken primary must be repairable. One instant of a status, which others may write, proves nothing.
func letThroughUnserved(s *subject) (workload.Template, bool, error) {
	order, asked := s.takeOrder(config.AnnotationLetThrough)
	if !asked {
		return nil, false, nil
	}
	candidate := s.inFlight()
	if candidate == nil {
		return nil, false, fmt.Errorf("let through %s: there is no candidate in flight", order)
	}
	if !order.means(*candidate) {
		return nil, false, fmt.Errorf("let through %s: the candidate is now %s", order, candidate.ID())
	}
	reason := "no replica of the primary was available"
	if candidate.AtZero {
		reason = "the Deployment was scaled to 0"
	}
	s.putAround(candidate.Around, order.rest)
	s.record(workload.Direct{Hash: candidate.Template.KnownHash(), How: workload.DirectUnavailable, Reason: reason, By: candidate.By})
	s.candidate = nil
	return candidate.Template, true, nil
}

// isZero reports whether an object has no replicas.
func isZero(object map[string]any) bool {
	replicas, set, _ := unstructured.NestedInt64(object, "spec", "replicas")
	return set && replicas == 0
}

// warnOfUnavailable says what becomes of a change that is held back while the primary may be broken.
func (s *subject) warnOfUnavailable() {
	available, _, _ := unstructured.NestedInt64(s.old, "status", "availableReplicas")
	ready, _, _ := unstructured.NestedInt64(s.old, "status", "readyReplicas")
	if available > 0 || ready > 0 || s.annotations[config.AnnotationWhenUnavailable] == config.WhenUnavailableCanary {
		return
	}
	if s.candidate.AtZero {
		s.warn("the Deployment is scaled to 0, so this change rolls out directly, without a canary, unless a Freeze or other rollouts hold it")
		return
	}
	s.warn("no replica of the primary is available; if that lasts, this change rolls out directly; to let it through at once: %s", config.AnnotationBypass)
}

// restarted lets kubectl rollout restart through if the user has chosen that. A candidate in flight stays as it is.
func restarted(s *subject) (workload.Template, bool, error) {
	if s.annotations[config.AnnotationRestart] != config.RestartDirect || !isRestart(s.live, s.requested) {
		return nil, false, nil
	}
	s.recordOwn(s.requested.Template, workload.DirectRestart, "restart")
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
	if err := s.letAroundThrough(); err != nil {
		return nil, false, err
	}
	s.recordOwn(meant.Template, how, reason)
	s.candidate, s.previous = nil, nil
	s.warn("%s, so this change rolls out directly, without a canary", because)
	return meant.Template, true, nil
}

// recordOwn notes that the requester changed the template directly and why, for the reconciler to report.
func (s *subject) recordOwn(template workload.Template, how workload.DirectWay, reason string) {
	s.record(workload.Direct{Hash: template.KnownHash(), How: how, Reason: reason, By: strings.ToValidUTF8(s.request.User, "?")})
}

// record adds a direct change that is made now to those that the reconciler has not reported yet.
func (s *subject) record(change workload.Direct) {
	change.At, change.Reason = s.request.Now, readable(change.Reason)
	s.directs = s.directs.With(change)
}

// warnOfChange warns if the request changes the template.
func (s *subject) warnOfChange(format string, args ...any) {
	if !s.requested.Equal(s.live) {
		s.warn(format, args...)
	}
}
