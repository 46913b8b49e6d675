package webhook

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/workload"
)

// Render is what becomes of an update of a Deployment: the template is kept back, put in or left alone. The objects are
// decoded JSON and are not changed. An error is an update that must be rejected; it says why.
func Render(old, updated map[string]any, request Request) (Result, error) {
	s, err := newSubject(old, updated, request)
	if err != nil {
		return Result{}, err
	}
	for _, row := range rows {
		template, done, err := row(s)
		if err != nil {
			return Result{}, err
		}
		if done {
			return s.store(template)
		}
	}
	return s.store(s.live)
}

// row is one way of changing a Deployment. It reports done when it has decided which template is stored.
type row func(*subject) (template workload.Template, done bool, err error)

// rows are in the order of their priority; the last one holds back.
var rows = []row{
	notOptedIn,
	newlyOptedIn,
	promote,
	restore,
	settle,
	fail,
	abort,
	retry,
	unavailable,
	hold,
}

// notOptedIn lets the request through. A candidate stays parked, so that the next apply, which was written against it,
// can be read.
func notOptedIn(s *subject) (workload.Template, bool, error) {
	if config.OptedIn(s.annotations) {
		return nil, false, nil
	}
	s.previous = nil
	if s.candidate == nil {
		return s.asked, true, nil
	}
	if config.OptedIn(s.before) {
		s.warn("opted out; template %s, which was held back, is not running: apply it again to roll it out", s.candidate.Hash)
		return s.asked, true, nil
	}
	meant, changed, err := s.meaning()
	if err != nil || !changed {
		return s.live, true, err
	}
	s.candidate = nil
	return meant, true, nil
}

func newlyOptedIn(s *subject) (workload.Template, bool, error) {
	if config.OptedIn(s.before) {
		return nil, false, nil
	}
	if !workload.Equal(s.live, s.asked) {
		s.warn("opted in by the same request that changes the pod template: this change rolls out directly, the next one as a canary")
		s.candidate = nil
		return s.asked, true, nil
	}
	return s.live, true, nil
}

func promote(s *subject) (workload.Template, bool, error) {
	hash, asked := s.take(config.AnnotationPromote)
	if !asked {
		return nil, false, nil
	}
	candidate := s.inFlight()
	if candidate == nil {
		return nil, false, fmt.Errorf("promote %s: there is no candidate in flight", hash)
	}
	if candidate.Hash != hash {
		return nil, false, fmt.Errorf("promote %s: the candidate is now %s", hash, candidate.Hash)
	}
	s.previous = &workload.Previous{Hash: s.live.Hash(), Template: s.live, Promoted: hash, By: candidate.By}
	s.candidate = nil
	return candidate.Template, true, nil
}

// restore swaps a promotion back. A newer candidate that came meanwhile stays the candidate.
func restore(s *subject) (workload.Template, bool, error) {
	hash, asked := s.take(config.AnnotationRestore)
	if !asked {
		return nil, false, nil
	}
	if s.previous == nil || s.previous.Hash != hash {
		return nil, false, fmt.Errorf("restore %s: no such template is kept in %s", hash, config.AnnotationPrevious)
	}
	previous := s.previous
	s.previous = nil
	if s.inFlight() == nil {
		s.candidate = s.marked(workload.Candidate{
			Hash: previous.Promoted, Template: s.live, By: previous.By, At: s.request.Now,
		}, workload.MarkFailed, s.request.User)
	}
	return previous.Template, true, nil
}

func settle(s *subject) (workload.Template, bool, error) {
	hash, asked := s.take(config.AnnotationSettle)
	if asked && s.previous != nil && s.previous.Hash == hash {
		s.previous = nil
	}
	return nil, false, nil
}

// unavailable lets a change of a primary straight through that serves nobody: a broken primary must be fixable. While a
// promotion is open the primary may have no pods for a moment, which is no reason.
func unavailable(s *subject) (workload.Template, bool, error) {
	available, _, _ := unstructured.NestedInt64(s.old, "status", "availableReplicas")
	replicas, set, _ := unstructured.NestedInt64(s.new, "spec", "replicas")
	if s.previous != nil || (available > 0 && (!set || replicas > 0)) {
		return nil, false, nil
	}
	meant, changed, err := s.meaning()
	if err != nil || !changed {
		return nil, false, err
	}
	s.candidate = nil
	s.warn("no replica is available, so this change rolls out directly and is not judged as a canary")
	return meant, true, nil
}

// hold keeps the stored template and remembers what was asked for as the candidate.
func hold(s *subject) (workload.Template, bool, error) {
	meant, changed, err := s.meaning()
	if err != nil || !changed {
		return s.live, true, err
	}
	switch {
	case workload.Equal(meant, s.live):
		if s.inFlight() != nil {
			s.warn("taken back: %s is no longer rolled out", s.candidate.Hash)
		}
		s.candidate = nil
	case s.candidate != nil && workload.Equal(meant, s.candidate.Template):
	default:
		s.candidate = &workload.Candidate{
			Hash: meant.Hash(), Template: meant, At: s.request.Now,
			By: strings.ToValidUTF8(s.request.User, "?"), Manager: strings.ToValidUTF8(s.request.Manager, "?"),
		}
		s.warn("held back as canary %s, the Deployment itself does not roll; follow it with: kubectl get canary %s -n %s -w", s.candidate.Hash, s.name(), s.namespace())
		s.warn("stop it with: kubectl annotate deployment %s -n %s %s=true", s.name(), s.namespace(), config.AnnotationAbort)
	}
	return s.live, true, nil
}
