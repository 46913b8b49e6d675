package rollout

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/events"
)

// Meant reports whether a request is for this very candidate. A request that does not say when its candidate was requested is
// for no candidate that was requested after it.
func Meant(request *v1alpha1.Request, candidate *workload.Candidate) bool {
	if request == nil || candidate == nil || request.Candidate != candidate.Hash || ptr.Deref(request.Attempt, 0) != candidate.Attempt {
		return false
	}
	if request.Requested != "" {
		return request.Requested == candidate.ID().Requested()
	}
	return request.At == nil || !request.At.Time.Before(candidate.At.Truncate(time.Second))
}

// asksAbort reports whether a user asks to abort the candidate in flight.
func (f Facts) asksAbort() bool {
	return Meant(f.o.Spec.Abort, f.o.InFlight())
}

// asksResume reports whether a user asks to let the candidate in flight go on that the guard has paused.
func (f Facts) asksResume() bool {
	return Meant(f.o.Spec.Resume, f.o.InFlight())
}

// asksRetry reports whether a user asks to retry a candidate that failed or was aborted.
func (f Facts) asksRetry() bool {
	return f.o.Candidate != nil && f.o.Candidate.Mark != workload.MarkNone && Meant(f.o.Spec.Retry, f.o.Candidate)
}

// asksPromotion is the request to promote the candidate in flight early; nil when there is none.
func (f Facts) asksPromotion() *v1alpha1.PromoteRequest {
	promote := f.o.Spec.Promote
	if promote == nil || !Meant(&promote.Request, f.o.InFlight()) {
		return nil
	}
	return promote
}

// unjudged begins the reason of a promotion that no check has decided.
const unjudged = "promoted without analysis, requested "

// skipsAnalysis says why the candidate is promoted without checks; empty when it is judged.
func (f Facts) skipsAnalysis() string {
	if promote := f.asksPromotion(); promote != nil && promote.SkipAnalysis {
		return "by " + events.Who(promote.By, promote.Reason)
	}
	if f.policy.SkipAnalysis {
		return "by " + f.switchedBy("skipAnalysis")
	}
	return ""
}

// pausedBy says why no step may be taken, apart from a Freeze; nil when steps may be taken.
func (f Facts) pausedBy() *v1alpha1.PauseCause {
	o := f.o
	switch pause := o.Spec.Paused; {
	case o.Primary == nil:
		return nil
	case pause != nil:
		return pausedAs(v1alpha1.PauseRequest, "paused by %s; to resume: kubectl sluice resume %s", events.Who(pause.By, pause.Reason), o.Name)
	case o.Primary.Spec.Paused:
		return pausedAs(v1alpha1.PauseDeployment, "paused by spec.paused of the Deployment; to resume: kubectl rollout resume")
	case f.policy.Suspend:
		return pausedAs(v1alpha1.PausePolicy, "suspended by %s; to resume, set suspend: false", f.switchedBy("suspend"))
	}
	return f.pausedByGuard()
}

func pausedAs(kind v1alpha1.PauseKind, format string, args ...any) *v1alpha1.PauseCause {
	return &v1alpha1.PauseCause{Kind: kind, Text: fmt.Sprintf(format, args...)}
}

// switchedBy names the source of a switch. The present policy says it, because switches act at once.
func (f Facts) switchedBy(field string) string {
	policy := f.o.Policy
	if policy == nil {
		policy = f.before.Policy
	}
	if policy != nil {
		for _, source := range policy.Sources {
			if source.Field == field {
				return source.From
			}
		}
	}
	return "its policy"
}

// named is a request with its verb.
type named struct {
	verb    string
	request *v1alpha1.Request
	obeyed  bool
}

func (f Facts) requests() []named {
	list := []named{
		{"abort", f.o.Spec.Abort, f.asksAbort()},
		{"resume", f.o.Spec.Resume, f.asksResume()},
		{"retry", f.o.Spec.Retry, f.asksRetry()},
		{"reset", f.o.Spec.Reset, f.asksReset()},
	}
	if f.o.Spec.Promote != nil {
		list = append(list, named{"promote", &f.o.Spec.Promote.Request, f.asksPromotion() != nil})
	}
	return list
}

// noticeRequests reports new requests that match nothing present.
func noticeRequests(t *tick) {
	last := t.plan.Next.LastRequest
	for _, r := range t.requests() {
		if r.request == nil || r.request.At == nil || (t.before.LastRequest != nil && !t.before.LastRequest.Before(r.request.At)) {
			continue
		}
		if !r.obeyed {
			emit(t, events.RequestIgnored(r.verb, r.request, t.present()))
		}
		if last == nil || last.Before(r.request.At) {
			last = &metav1.Time{Time: r.request.At.Time}
		}
	}
	t.plan.Next.LastRequest = last
}

// present says what a request could be for.
func (f Facts) present() string {
	candidate := f.o.Candidate
	if candidate == nil {
		return "there is no candidate"
	}
	state := "is in flight"
	if candidate.Mark != workload.MarkNone {
		state = "is " + string(candidate.Mark)
	}
	return fmt.Sprintf("candidate %s, attempt %d, %s", workload.Short(candidate.Hash), candidate.Attempt, state)
}

// noticePause reports once that the rollout is paused, and once that it continues.
func noticePause(t *tick) {
	if t.before.Phase == v1alpha1.PhaseOptedOut && !t.o.OptedIn() {
		return
	}
	next := &t.plan.Next
	next.Paused = t.pausedBy()
	switch before := t.pausedBefore(); {
	case ptr.Equal(next.Paused, before):
	case next.Paused == nil:
		emit(t, events.Resumed())
	default:
		emit(t, events.Paused(next.Paused.Text))
	}
}

// asksReset reports whether a user asks to forget the candidate, in flight or failed.
func (f Facts) asksReset() bool {
	return f.o.Candidate != nil && Meant(f.o.Spec.Reset, f.o.Candidate)
}
