package webhook

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
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
	return s.store(s.live.Template)
}

// row is one way of changing a Deployment. It reports done when it has decided which template is stored.
type row func(*subject) (template workload.Template, done bool, err error)

// rows are in the order of their priority; the last one holds back.
var rows = []row{
	reserved,
	notOptedIn,
	newlyOptedIn,
	promote,
	restore,
	settle,
	fail,
	reset,
	abort,
	retry,
	bypassed,
	unavailable,
	restarted,
	hold,
}

// reserved refuses what only the reconciler may state, from anybody else.
func reserved(s *subject) (workload.Template, bool, error) {
	if s.request.Reconciler {
		return nil, false, nil
	}
	for _, key := range config.Reserved() {
		if value, set := s.brought[key]; set && s.before[key] != value {
			return nil, false, fmt.Errorf("metadata.annotations[%s]: only sluice itself may set it, not %s; to ask for something: kubectl sluice promote, abort or retry %s -n %s",
				key, s.request.User, s.name(), s.namespace())
		}
	}
	return nil, false, nil
}

// notOptedIn lets the request through. A candidate stays parked, so that the next apply, which was written against it,
// can be read.
func notOptedIn(s *subject) (workload.Template, bool, error) {
	if config.OptedIn(s.annotations) {
		return nil, false, nil
	}
	s.previous, s.direct = nil, nil
	if s.candidate == nil {
		return s.asked.Template, true, nil
	}
	if config.OptedIn(s.before) {
		s.warn("opted out; template %s, which was held back, is not running: apply it again to roll it out", s.candidate.Hash)
		return s.asked.Template, true, nil
	}
	meant, changed, err := s.meaning()
	if err != nil || !changed {
		return s.live.Template, true, err
	}
	s.candidate = nil
	return meant.Template, true, nil
}

func newlyOptedIn(s *subject) (workload.Template, bool, error) {
	if config.OptedIn(s.before) {
		return nil, false, nil
	}
	if !s.asked.Equal(s.live) {
		s.warn("opted in by the same request that changes the pod template: this change rolls out directly, the next one as a canary")
		s.candidate = nil
		return s.asked.Template, true, nil
	}
	return s.live.Template, true, nil
}

// hold keeps the stored template and remembers what was asked for as the candidate.
func hold(s *subject) (workload.Template, bool, error) {
	meant, changed, err := s.meaning()
	if err != nil || !changed {
		return s.live.Template, true, err
	}
	switch {
	case s.isTakenBack(meant):
		if s.inFlight() != nil {
			s.warn("taken back: %s is no longer rolled out", s.candidate.Hash)
		}
		s.candidate = nil
	case s.candidate != nil && meant.Equal(workload.ComparableOf(s.candidate.Template)):
	default:
		if err := complete(meant.Template); err != nil {
			return nil, false, err
		}
		s.holdBack(meant)
	}
	return s.live.Template, true, nil
}

// isTakenBack reports whether what is asked for is what the primary runs, apart from restarts where those go to the primary
// directly.
func (s *subject) isTakenBack(meant workload.Comparable) bool {
	return meant.Equal(s.live) ||
		s.candidate != nil && s.annotations[config.AnnotationRestart] == config.RestartDirect && workload.Equal(meant.WithoutRestart(), s.live.WithoutRestart())
}

// complete refuses what changes by several managers can leave over and the API server would refuse, were it live: it only
// validates the template that is stored.
func complete(template workload.Template) error {
	for _, list := range []string{"initContainers", "containers"} {
		value, found, err := unstructured.NestedFieldNoCopy(template, "spec", list)
		containers, ok := value.([]any)
		if err != nil || found && !ok {
			return fmt.Errorf("spec.template.spec.%s: must be a list of containers", list)
		}
		for i, item := range containers {
			container, _ := item.(map[string]any)
			if image, _ := container["image"].(string); image == "" {
				return fmt.Errorf("spec.template.spec.%s[%d].image: Required value: container %v has lost its image, which somebody else had set; name it, or remove the container", list, i, container["name"])
			}
		}
	}
	return nil
}

func (s *subject) holdBack(meant workload.Comparable) {
	if replaced := s.inFlight(); replaced != nil && s.isWhole(false) {
		s.warn("this replaces %s, which was in flight; to stop a rollout instead: kubectl sluice abort %s -n %s", replaced.Hash, s.name(), s.namespace())
	}
	s.candidate = &workload.Candidate{
		Hash: meant.Hash(), Template: meant.Template, At: s.request.Now,
		By: strings.ToValidUTF8(s.request.User, "?"), Manager: strings.ToValidUTF8(s.request.Manager, "?"),
	}
	s.warn("held back as canary %s, the Deployment itself does not roll; follow it with: kubectl sluice watch %s -n %s, or: kubectl get canaries.sluice.dev %s -n %s -w",
		s.candidate.Hash, s.name(), s.namespace(), s.name(), s.namespace())
	s.warn("stop it with: kubectl sluice abort %s -n %s, or: kubectl annotate deployment %s -n %s %s=true",
		s.name(), s.namespace(), s.name(), s.namespace(), config.AnnotationAbort)
}
