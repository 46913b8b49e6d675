package reconciler

import (
	"errors"
	"slices"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/internal/workload"
)

// refusals remembers of which candidates the API server refuses the canary as invalid. Losing that costs one more attempt to
// create it.
type refusals struct {
	mu sync.Mutex
	of map[types.NamespacedName]refusal
	// forbidden is what it last said when it forbade any object of a canary for now, such as by a quota.
	forbidden map[types.NamespacedName]string
}

// refusal is what the API server says of one candidate.
type refusal struct {
	candidate workload.ID
	text      string
}

// note remembers the result of a write of the canary's Deployment.
func (r *refusals) note(key types.NamespacedName, candidate *workload.Candidate, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if candidate == nil || !namesField(err) || isForAnother(err) {
		delete(r.of, key)
		return
	}
	if r.of == nil {
		r.of = map[types.NamespacedName]refusal{}
	}
	r.of[key] = refusal{candidate.ID(), wordsOf(err)}
}

// wordsOf are the API server's own words.
func wordsOf(err error) string {
	if status := apierrors.APIStatus(nil); errors.As(err, &status) {
		return status.Status().Message
	}
	return err.Error()
}

// noteForbidden remembers the result of writing all objects of a canary.
func (r *refusals) noteForbidden(key types.NamespacedName, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !refused(err) {
		delete(r.forbidden, key)
		return
	}
	if r.forbidden == nil {
		r.forbidden = map[types.NamespacedName]string{}
	}
	r.forbidden[key] = wordsOf(err)
}

// forbids returns what the API server said when it last forbade an object of a canary; empty if it did not.
func (r *refusals) forbids(key types.NamespacedName) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.forbidden[key]
}

// namesField reports whether the API server's own validation refuses an object: it names the fields. A policy of the cluster
// refuses with the same status and without a field, perhaps only because what it compares with cannot be read just now.
func namesField(err error) bool {
	status := apierrors.APIStatus(nil)
	if !apierrors.IsInvalid(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return false
	}
	return slices.ContainsFunc(status.Status().Details.Causes, func(cause metav1.StatusCause) bool { return cause.Field != "" })
}

// get returns what the API server says of the canary of a candidate. It is empty if it does not refuse it.
func (r *refusals) get(key types.NamespacedName, candidate *workload.Candidate) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, refused := r.of[key]; refused && candidate != nil && known.candidate.Is(candidate.ID()) {
		return known.text
	}
	return ""
}

func (r *refusals) forget(key types.NamespacedName) {
	r.note(key, nil, nil)
	r.noteForbidden(key, nil)
}
