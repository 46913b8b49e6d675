package admission

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// order is a request about one candidate, or about one of the other records.
type order struct {
	// id is what it is about. Users mean the current candidate; they name it by nothing or by the first digits of its hash.
	id workload.ID
	// user is who asks.
	user string
	// rest is what follows the ID in an order of the reconciler: the user in whose name it asks, or a field that stays.
	rest string
}

// means reports whether the order is about this candidate.
func (o order) means(candidate workload.Candidate) bool { return o.id.Is(candidate.ID()) }

// String is the ID.
func (o order) String() string { return o.id.String() }

// takeOrder reads an annotation that only the reconciler sets. One that it did not write as it should is about nothing.
func (s *subject) takeOrder(key string) (order, bool) {
	value, asked := s.take(key)
	if !asked {
		return order{}, false
	}
	id, rest, ok := workload.ParseID(value)
	if !ok {
		return order{id: workload.ID{Hash: value}}, true
	}
	return order{id: id, rest: rest}, true
}

// firstDigits is how a user names a candidate.
var firstDigits = regexp.MustCompile(`^[0-9a-f]{8,64}$`)

// takeAsked reads an annotation with which a user asks for a mark: "true" means the current candidate, anything else is how its
// hash begins. Only the reconciler gives a whole ID, and can add the user in whose name it asks.
func (s *subject) takeAsked(key string, current *workload.Candidate) (order, bool, error) {
	if s.request.Reconciler {
		asked, set := s.takeOrder(key)
		asked.user = cmp.Or(asked.rest, s.request.User)
		return asked, set, nil
	}
	value, asked := s.take(key)
	if !asked {
		return order{}, false, nil
	}
	if value != "true" && !firstDigits.MatchString(value) {
		return order{}, false, field.Invalid(annotations.Key(key), value, `must be "true", or the hash of the candidate or at least its first 8 digits`)
	}
	if ignored, err := s.isPinned(key, value, current); ignored || err != nil {
		return order{}, false, err
	}
	if current == nil {
		return order{user: s.request.User}, true, nil
	}
	return order{id: current.ID(), user: s.request.User}, true, nil
}

// isPinned reports whether a request is ignored because it stands in a manifest for longer than its candidate: it was applied
// before, or means another candidate. Such a request must not block the template of the manifest. Where it comes alone, a hash of
// another candidate is a mistake, and refused.
func (s *subject) isPinned(key, value string, current *workload.Candidate) (bool, error) {
	repeated, err := s.appliedBefore(key, value, current)
	if err != nil {
		return false, err
	}
	if repeated {
		s.warn("%s=%s was in the manifest before and asks for nothing again; remove it from the manifest", key, value)
		return true, nil
	}
	if value == "true" || current == nil || strings.HasPrefix(current.Hash, value) {
		return false, nil
	}
	states, err := s.statesTemplate()
	if err != nil {
		return false, err
	}
	if !states && s.requested.Equal(s.live) {
		return false, field.Invalid(annotations.Key(key), value, fmt.Sprintf(`the candidate is %s; set "true" to mean it`, workload.Short(current.Hash)))
	}
	s.warn("%s=%s is not the candidate, which is %s, and asks for nothing; remove it from the manifest", key, value, workload.Short(current.Hash))
	return true, nil
}

// appliedBefore reports whether the request is an apply, and the manifest that the requester applied last had the same annotation.
// Requests are never stored, so each apply sets them again. Nothing tells what a manifest had that was put in as a whole. Field
// owners do not tell values: a hash that fits can be new, unless its candidate was retried since or is made anew by each reset.
func (s *subject) appliedBefore(key, value string, current *workload.Candidate) (bool, error) {
	if s.isManifest() {
		return false, nil
	}
	if _, _, applies := s.clientSideApply(); applies {
		before, after := annotationsIn(s.storedAnnotations[corev1.LastAppliedConfigAnnotation]), annotationsIn(s.annotations[corev1.LastAppliedConfigAnnotation])
		return before[key] == value && after[key] == value, nil
	}
	entry, err := s.serverSideApply()
	if err != nil || entry == nil {
		return false, err
	}
	if value != "true" && key != config.AnnotationReset && (current == nil || current.Attempt == 0) {
		return false, nil
	}
	before := entryOf(s.old, s.request.Manager, metav1.ManagedFieldsOperationApply)
	return ownAll([]*metav1.ManagedFieldsEntry{before, entry}, fieldpath.MakePathOrDie("metadata", "annotations", key))
}

// ownAll reports whether every one of the applies has a field.
func ownAll(applies []*metav1.ManagedFieldsEntry, path fieldpath.Path) (bool, error) {
	for _, applied := range applies {
		if owned, err := ownedBy(applied); err != nil || !owned.Has(path) {
			return false, err
		}
	}
	return true, nil
}
