package reconciler

import (
	"errors"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/internal/workload"
)

// refusals remembers of which candidates the API server refuses the canary as invalid. Losing that costs one more attempt to
// create it.
type refusals struct {
	of kept[refusal]
	// forbidden is what it last said when it forbade any object of a canary for now, such as by a quota.
	forbidden kept[string]
}

// refusal is what the API server says of one candidate.
type refusal struct {
	candidate workload.ID
	text      string
}

// note remembers the result of a write of the canary's Deployment.
func (r *refusals) note(key types.NamespacedName, candidate *workload.Candidate, err error) {
	if candidate == nil || !namesField(err) || isForAnother(err) {
		r.of.forget(key)
		return
	}
	r.of.put(key, refusal{candidate.ID(), wordsOf(err)})
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
	if !refused(err) {
		r.forbidden.forget(key)
		return
	}
	r.forbidden.put(key, wordsOf(err))
}

// forbids returns what the API server said when it last forbade an object of a canary; empty if it did not.
func (r *refusals) forbids(key types.NamespacedName) string {
	said, _ := r.forbidden.get(key)
	return said
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
	if known, refused := r.of.get(key); refused && candidate != nil && known.candidate.Is(candidate.ID()) {
		return known.text
	}
	return ""
}

func (r *refusals) forget(key types.NamespacedName) {
	r.of.forget(key)
	r.forbidden.forget(key)
}
