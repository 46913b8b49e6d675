package admission

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
)

// RenderCanary returns the spec of a Canary to store. New or changed requests record who made them and when; the others keep
// their record. An error rejects a request that cannot have an effect.
func RenderCanary(old, updated v1alpha1.Canary, request Request) (v1alpha1.CanarySpec, []string, error) {
	spec := *updated.Spec.DeepCopy()
	s := &stamper{status: old.Status, now: metav1.NewTime(request.Now), user: strings.ToValidUTF8(request.User, "?")}
	if spec.Paused != nil {
		spec.Paused.Stamp = s.pause(old.Spec.Paused, *spec.Paused)
	}
	s.translate(updated.Annotations, &spec)
	path := field.NewPath("spec")
	s.request(path.Child("reset"), old.Spec.Reset, spec.Reset, s.resettable)
	s.request(path.Child("abort"), old.Spec.Abort, spec.Abort, s.inFlight)
	s.request(path.Child("resume"), old.Spec.Resume, spec.Resume, s.inFlight)
	s.request(path.Child("retry"), old.Spec.Retry, spec.Retry, s.ended)
	if spec.Promote != nil {
		was := &v1alpha1.Request{}
		if before := old.Spec.Promote; before != nil && before.SkipAnalysis == spec.Promote.SkipAnalysis {
			was = &before.Request
		}
		s.request(path.Child("promote"), was, &spec.Promote.Request, s.inFlight)
	}
	return spec, s.warnings, s.problems.ToAggregate()
}

// stamper goes through the requests of one spec and records who made them.
type stamper struct {
	status   v1alpha1.CanaryStatus
	now      metav1.Time
	user     string
	warnings []string
	problems field.ErrorList
}

func (s *stamper) pause(was *v1alpha1.Pause, is v1alpha1.Pause) v1alpha1.Stamp {
	if was != nil && is.Stamp != (v1alpha1.Stamp{}) && was.Reason == is.Reason {
		return was.Stamp
	}
	return v1alpha1.Stamp{By: s.user, At: &s.now}
}

// request stamps one request in place. A request that is the same as before keeps its stamp; leaving out the stamp
// repeats the request.
func (s *stamper) request(path *field.Path, was, is *v1alpha1.Request, possible func(*v1alpha1.Request) string) {
	if is == nil {
		return
	}
	if !s.complete(path, was, is) {
		return
	}
	if was != nil && is.Stamp != (v1alpha1.Stamp{}) && equality.Semantic.DeepEqual(unstamped(*was), unstamped(*is)) {
		is.Stamp = was.Stamp
		return
	}
	is.Stamp = v1alpha1.Stamp{By: s.user, At: &s.now}
	if !s.isCurrent(*is) {
		s.warnings = append(s.warnings, fmt.Sprintf("%s: the Canary's status shows %s; this request has no effect unless its candidate has become that since",
			path, s.current()))
		return
	}
	s.bind(is)
	if why := possible(is); why != "" {
		s.problems = append(s.problems, field.Invalid(path.Child("candidate"), is.Candidate, why))
	}
}

// bind makes a request one for the very candidate that the status shows.
func (s *stamper) bind(request *v1alpha1.Request) {
	if request.Attempt == nil {
		attempt := s.status.Candidate.Attempt
		request.Attempt = &attempt
	}
	request.Requested = s.requested()
	// Clocks of replicas may differ: a request for a candidate was made after the candidate.
	if since := s.status.Candidate.Requested; since != nil && since.At != nil && request.At.Time.Before(since.At.Time) {
		request.At = &metav1.Time{Time: since.At.Time}
	}
}

// hashLength is the number of digits of a whole hash.
const hashLength = 64

// complete replaces the first digits of a hash by the whole hash, and reports whether it is whole. What is stored names one
// template only, so a beginning that fits neither the current candidate nor the stored request is refused.
func (s *stamper) complete(path *field.Path, was, is *v1alpha1.Request) bool {
	switch current := s.status.Candidate.Hash; {
	case len(is.Candidate) >= hashLength:
	case strings.HasPrefix(current, is.Candidate):
		is.Candidate = current
	case was != nil && strings.HasPrefix(was.Candidate, is.Candidate):
		is.Candidate = was.Candidate
	default:
		s.problems = append(s.problems, field.Invalid(path.Child("candidate"), is.Candidate,
			fmt.Sprintf("must be the hash of the candidate, or at least its first 8 digits; the Canary's status shows %s", s.current())))
		return false
	}
	return true
}

// isCurrent reports whether a request is for the candidate that the status shows, as far as it says.
func (s *stamper) isCurrent(request v1alpha1.Request) bool {
	current := s.status.Candidate
	if request.Candidate != current.Hash {
		return false
	}
	return request.Requested == "" || request.Requested == s.requested()
}

// requested is when the candidate that the status shows was requested; empty if it does not say.
func (s *stamper) requested() string {
	if since := s.status.Candidate.Requested; since != nil && since.At != nil {
		return workload.ID{At: since.At.Time}.Requested()
	}
	return ""
}

// current names the candidate that the status shows.
func (s *stamper) current() string {
	if s.status.Candidate.Hash == "" {
		return "no candidate"
	}
	return "candidate " + workload.Short(s.status.Candidate.Hash)
}

func unstamped(request v1alpha1.Request) v1alpha1.Request {
	request.Stamp = v1alpha1.Stamp{}
	return request
}

// alreadyRuns is why a promoted candidate can no longer be aborted or reset.
const alreadyRuns = "the primary already runs this candidate; to go back, apply the previous template"

// inFlight says why a candidate can be neither aborted nor promoted; empty if it can, or if that is not known.
func (s *stamper) inFlight(request *v1alpha1.Request) string {
	if *request.Attempt != s.status.Candidate.Attempt {
		return ""
	}
	switch s.status.Phase {
	case v1alpha1.PhaseWaiting, v1alpha1.PhaseProgressing, v1alpha1.PhaseWaitingPromotion:
		return ""
	case v1alpha1.PhasePromoting:
		if s.status.Open().Promotion.Applied == nil {
			return ""
		}
		return alreadyRuns
	}
	return "this candidate is not in flight: " + standing(s.status)
}

// ended says why a candidate cannot be retried; empty if it can, or if that is not known.
func (s *stamper) ended(request *v1alpha1.Request) string {
	if *request.Attempt != s.status.Candidate.Attempt {
		return ""
	}
	switch s.status.Candidate.Outcome {
	case v1alpha1.OutcomeFailed, v1alpha1.OutcomeAborted:
		return ""
	}
	return "only a candidate that failed or was aborted can be retried: " + standing(s.status)
}

// standing says how far the candidate of a status has come.
func standing(status v1alpha1.CanaryStatus) string {
	switch status.Candidate.Outcome {
	case "":
		return fmt.Sprintf("it is in phase %s", status.Phase)
	case v1alpha1.OutcomeSucceeded:
		return "it was promoted"
	case v1alpha1.OutcomeFailed, v1alpha1.OutcomeAborted:
		return "it was rolled back: " + status.Candidate.Reason
	}
	return "its rollout was " + strings.ToLower(string(status.Candidate.Outcome)) + ": " + status.Candidate.Reason
}
