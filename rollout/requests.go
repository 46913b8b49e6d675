package rollout

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
)

// Meant reports whether a request is for this candidate: the same template, attempt and act of asking. A template that
// is asked for again later is another candidate, although its hash is the same.
func Meant(request *v1alpha1.Request, candidate *workload.Candidate) bool {
	if request == nil || candidate == nil || request.Candidate != candidate.Hash {
		return false
	}
	var attempt int32
	if request.Attempt != nil {
		attempt = *request.Attempt
	}
	return attempt == candidate.Attempt && (request.At == nil || !request.At.Time.Before(candidate.At.Truncate(time.Second)))
}

// asksAbort reports whether the candidate in flight is to be stopped.
func (t *tick) asksAbort() bool {
	return Meant(t.o.Spec.Abort, t.o.inFlight())
}

// asksRetry reports whether a candidate that failed or was aborted is to be judged again.
func (t *tick) asksRetry() bool {
	return t.o.Candidate != nil && t.o.Candidate.Mark != workload.MarkNone && Meant(t.o.Spec.Retry, t.o.Candidate)
}

// asksPromotion is the request to promote the candidate in flight early, nil when there is none.
func (t *tick) asksPromotion() *v1alpha1.PromoteRequest {
	promote := t.o.Spec.Promote
	if promote == nil || !Meant(&promote.Request, t.o.inFlight()) {
		return nil
	}
	return promote
}

// unjudged begins the reason of a promotion that no checks have decided.
const unjudged = "promoted without judging it, asked "

// skipsAnalysis says why the candidate is promoted without judging; empty when it is judged.
func (t *tick) skipsAnalysis() string {
	if promote := t.asksPromotion(); promote != nil && promote.SkipAnalysis {
		return "by " + whoAndWhy(promote.By, promote.Reason)
	}
	if t.policy.SkipAnalysis {
		return "by " + t.switchedBy("skipAnalysis")
	}
	return ""
}

// pausedBy says why no step may be taken and how to go on; empty when steps may be taken.
func (t *tick) pausedBy() string {
	o := t.o
	switch pause := o.Spec.Paused; {
	case o.Primary == nil:
		return ""
	case pause != nil:
		return fmt.Sprintf("paused by %s; kubectl sluice resume %s goes on", whoAndWhy(pause.By, pause.Reason), o.Name)
	case o.Primary.Spec.Paused:
		return "paused by spec.paused of the Deployment; kubectl rollout resume goes on"
	case t.policy.Suspend:
		return fmt.Sprintf("suspended by %s; suspend: false goes on", t.switchedBy("suspend"))
	}
	return ""
}

// switchedBy names where the value of a switch comes from: switches act at once, so that the present policy says it.
func (t *tick) switchedBy(field string) string {
	policy := t.o.Policy
	if policy == nil {
		policy = t.before.Policy
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

// whoAndWhy names the user of a request, and the reason where one was given.
func whoAndWhy(user, reason string) string {
	if user == "" {
		user = "somebody"
	}
	if reason == "" {
		return user
	}
	return user + ": " + reason
}

// named is a request with the word for it.
type named struct {
	verb    string
	request *v1alpha1.Request
	obeyed  bool
}

func (t *tick) requests() []named {
	list := []named{
		{"abort", t.o.Spec.Abort, t.asksAbort()},
		{"retry", t.o.Spec.Retry, t.asksRetry()},
		{"reset", t.o.Spec.Reset, t.asksReset()},
	}
	if t.o.Spec.Promote != nil {
		list = append(list, named{"promote", &t.o.Spec.Promote.Request, t.asksPromotion() != nil})
	}
	return list
}

// noticeRequests tells of the requests that are new and for nothing that is there.
func (t *tick) noticeRequests() {
	last := t.plan.Next.LastRequest
	for _, r := range t.requests() {
		if r.request == nil || r.request.At == nil || (t.before.LastRequest != nil && !t.before.LastRequest.Before(r.request.At)) {
			continue
		}
		if !r.obeyed {
			t.event(requestIgnored(r.verb, r.request, t.present()))
		}
		if last == nil || last.Before(r.request.At) {
			last = &metav1.Time{Time: r.request.At.Time}
		}
	}
	t.plan.Next.LastRequest = last
}

// present tells what a request could be for.
func (t *tick) present() string {
	candidate := t.o.Candidate
	if candidate == nil {
		return "there is no candidate"
	}
	state := "is in flight"
	if candidate.Mark != workload.MarkNone {
		state = "is " + string(candidate.Mark)
	}
	return fmt.Sprintf("candidate %s, attempt %d, %s", candidate.Hash, candidate.Attempt, state)
}

// noticePause tells once that the rollout is paused, and once that it goes on.
func (t *tick) noticePause() {
	next := &t.plan.Next
	next.Paused = t.pausedBy()
	switch next.Paused {
	case t.pausedBefore():
	case "":
		t.event(resumed())
	default:
		t.event(paused(next.Paused))
	}
}
