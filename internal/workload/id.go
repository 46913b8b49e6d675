package workload

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/config"
)

// shortLength is the number of hex digits of a hash that people see.
const shortLength = 8

// Short returns the first 8 digits of a hash, for people. Nothing is compared by them: another template with the same first
// digits can be found within a minute.
func Short(hash string) string {
	return hash[:min(len(hash), shortLength)]
}

// ID tells a candidate apart from every other: a retry is another attempt, and a template that is requested again is later.
// Records of promotions and of direct changes have one too.
type ID struct {
	// Hash is the whole hash of a template.
	Hash string
	// Attempt is the number of earlier attempts at the candidate.
	Attempt int32
	// At is when the candidate was requested. It counts in microseconds, because the status records no less.
	At time.Time
}

// Is reports whether two IDs are the same.
func (id ID) Is(other ID) bool {
	return id.Hash == other.Hash && id.Attempt == other.Attempt &&
		id.At.Truncate(time.Microsecond).Equal(other.At.Truncate(time.Microsecond))
}

// String returns the three parts with spaces between them, as ParseID reads them.
func (id ID) String() string {
	return fmt.Sprintf("%s %d %s", id.Hash, id.Attempt, id.At.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano))
}

// Requested returns the time as the status and requests state it.
func (id ID) Requested() string { return id.At.UTC().Format(metav1.RFC3339Micro) }

// ParseID reads an ID as String writes it, and returns the text after it.
func ParseID(text string) (id ID, rest string, ok bool) {
	parts := append(strings.SplitN(text, " ", 4), "", "", "")
	attempt, attemptErr := strconv.ParseInt(parts[1], 10, 32)
	at, atErr := time.Parse(time.RFC3339Nano, parts[2])
	if attemptErr != nil || atErr != nil {
		return ID{}, "", false
	}
	return ID{Hash: parts[0], Attempt: int32(attempt), At: at}, parts[3], true
}

// ID returns what tells this candidate apart from every other.
func (c Candidate) ID() ID { return ID{Hash: c.Hash, Attempt: c.Attempt, At: c.At} }

// ID returns what tells this template apart from every other that a promotion has replaced: its hash, and which promotion.
func (p Previous) ID() ID { return ID{Hash: p.Hash, Attempt: p.Attempt, At: p.At} }

// PromotedID returns the ID of the candidate that was promoted.
func (p Previous) PromotedID() ID { return ID{Hash: p.Promoted, Attempt: p.Attempt, At: p.At} }

// ID returns what tells this direct change apart from every other.
func (d Direct) ID() ID { return ID{Hash: d.Hash, At: d.At} }

// CanaryID returns the ID of the candidate that a canary was created from. It is empty for any other Deployment.
func CanaryID(deployment *appsv1.Deployment) ID {
	id, _, _ := ParseID(deployment.Annotations[config.AnnotationTemplateHash])
	return id
}
