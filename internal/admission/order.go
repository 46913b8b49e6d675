package admission

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

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
	path := annotations.Key(key)
	switch {
	case !asked:
		return order{}, false, nil
	case value != "true" && !firstDigits.MatchString(value):
		return order{}, false, field.Invalid(path, value, `must be "true", or the hash of the candidate or at least its first 8 digits`)
	case current == nil:
		return order{user: s.request.User}, true, nil
	case value != "true" && !strings.HasPrefix(current.Hash, value):
		return order{}, false, field.Invalid(path, value, fmt.Sprintf(`the candidate is %s; set "true" to mean it`, workload.Short(current.Hash)))
	}
	return order{id: current.ID(), user: s.request.User}, true, nil
}
