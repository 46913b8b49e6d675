package workload

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"sluice.dev/sluice/config"
)

// Mark says why a candidate is no longer being judged.
type Mark string

const (
	// MarkNone is the mark of a candidate that is to be judged.
	MarkNone Mark = ""
	// MarkFailed is the mark of a candidate that was rolled back.
	MarkFailed Mark = "failed"
	// MarkAborted is the mark of a candidate whose rollout a user stopped.
	MarkAborted Mark = "aborted"
)

var marks = []Mark{MarkNone, MarkFailed, MarkAborted}

// Candidate is a template that is held back, and who requested it. It is stored in an annotation of the primary.
type Candidate struct {
	// Hash is the hash of Template.
	Hash string `json:"hash"`
	// Template is the requested template.
	Template Template `json:"template"`
	// Around are fields beside the template that the same request changed. They are held back with it.
	Around Around `json:"around,omitempty"`
	// By is the user who made the request.
	By string `json:"by,omitempty"`
	// At is when the request was made.
	At time.Time `json:"at"`
	// Manager is the field manager of the request.
	Manager string `json:"manager,omitempty"`
	// AtZero is set if the Deployment was scaled to 0 before the request and stayed so.
	AtZero bool `json:"atZero,omitempty"`
	// Mark is set on a candidate that failed or was aborted. MarkedBy and MarkedAt say who set it and when.
	Mark     Mark       `json:"mark,omitempty"`
	MarkedBy string     `json:"markedBy,omitempty"`
	MarkedAt *time.Time `json:"markedAt,omitempty"`
	// Attempt counts how often the same candidate has been retried. RetriedBy is the user who requested the last retry.
	Attempt   int32  `json:"attempt,omitempty"`
	RetriedBy string `json:"retriedBy,omitempty"`
	// Restored is the hash of the template that the primary got back while this was the candidate. It tells a restore from the
	// end of a promotion.
	Restored string `json:"restored,omitempty"`
}

// InFlight reports whether there is a candidate that has neither failed nor been aborted.
func (c *Candidate) InFlight() bool { return c != nil && c.Mark == MarkNone }

// Previous is the template that a promotion replaced. It is stored in an annotation of the primary until the promotion has
// settled.
type Previous struct {
	// Hash is the hash of Template.
	Hash string `json:"hash"`
	// Template is what the primary ran before.
	Template Template `json:"template"`
	// Around are the fields beside the template that the promotion has changed.
	Around Around `json:"around,omitempty"`
	// Promoted is the hash of the candidate that replaced it. Attempt, By and At are those of that candidate.
	Promoted string    `json:"promoted"`
	Attempt  int32     `json:"attempt,omitempty"`
	By       string    `json:"by,omitempty"`
	At       time.Time `json:"at"`
}

const (
	// plainLimit is the size in bytes above which an annotation is compressed.
	plainLimit = 64 << 10
	// annotationLimit is the largest size of one of Sluice's annotations, in bytes. The API server allows 256 KiB for all
	// annotations of an object. kubectl's own may be as large as the template, and two of Sluice's can exist at once.
	annotationLimit = 110 << 10
	// compressedPrefix marks a compressed annotation.
	compressedPrefix = "gzip:"
)

// Encode returns the annotation's value. The error says how large the template is and what to do.
func (c Candidate) Encode() (string, error) { return encode(c) }

// Encode returns the annotation's value. The error says how large the template is and what to do.
func (p Previous) Encode() (string, error) { return encode(p) }

func encode(value any) (string, error) {
	plain, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("encode the pod template: %w", err)
	}
	if err := config.CheckJSON(plain); err != nil {
		return "", fmt.Errorf("the pod template is too large to hold back: %w; make it smaller, or opt out by setting the annotation %s to \"false\"",
			err, config.AnnotationCanary)
	}
	if len(plain) <= plainLimit {
		return string(plain), nil
	}
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := writer.Write(plain); err != nil {
		return "", fmt.Errorf("compress the pod template: %w", err)
	}
	if err := writer.Close(); err != nil {
		return "", fmt.Errorf("compress the pod template: %w", err)
	}
	text := compressedPrefix + base64.StdEncoding.EncodeToString(packed.Bytes())
	if len(text) > annotationLimit {
		return "", fmt.Errorf("the pod template is too large to hold back: it has %d KiB as JSON and %d KiB compressed, and an annotation holds at most %d KiB; "+
			"make it smaller, or opt out by setting the annotation %s to \"false\"", len(plain)>>10, len(text)>>10, annotationLimit>>10, config.AnnotationCanary)
	}
	return text, nil
}

// DecodeCandidate reads the annotation's value, which anyone may have written.
func DecodeCandidate(value string) (Candidate, error) {
	var candidate Candidate
	if err := decode(value, &candidate); err != nil {
		return Candidate{}, err
	}
	if candidate.Template == nil || candidate.Hash == "" {
		return Candidate{}, fmt.Errorf("must have a hash and a template")
	}
	if candidate.Attempt < 0 || !slices.Contains(marks, candidate.Mark) {
		return Candidate{}, fmt.Errorf("must have no mark or the mark %s or %s, and no negative attempt", MarkFailed, MarkAborted)
	}
	return candidate, matches(candidate.Hash, candidate.Template)
}

// DecodePrevious reads the annotation's value, which anyone may have written.
func DecodePrevious(value string) (Previous, error) {
	var previous Previous
	if err := decode(value, &previous); err != nil {
		return Previous{}, err
	}
	if previous.Template == nil || previous.Hash == "" || previous.Promoted == "" {
		return Previous{}, fmt.Errorf("must have a hash, a template and the hash of what was promoted")
	}
	return previous, matches(previous.Hash, previous.Template)
}

// matches refuses a record whose template is not the one of its hash.
func matches(hash string, template Template) error {
	if template.Hash() != hash {
		return fmt.Errorf("hash %s does not match the template", Short(hash))
	}
	return nil
}

// decoding has a place for each compressed record that is decoded at the same time. A record needs up to a few megabytes
// meanwhile, and admission answers many requests at once.
var decoding = make(chan struct{}, 4)

func decode(value string, into any) error {
	var source io.Reader = strings.NewReader(value)
	if packed, ok := strings.CutPrefix(value, compressedPrefix); ok {
		decoding <- struct{}{}
		defer func() { <-decoding }()
		unpacked, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(packed)))
		if err != nil {
			return fmt.Errorf("must be JSON or %s and base64: %w", compressedPrefix, err)
		}
		source = unpacked
	}
	content, err := config.ReadJSON(source)
	if err != nil {
		return fmt.Errorf("must be JSON as Sluice writes it, plain or %s and base64: %w", compressedPrefix, err)
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("must be JSON as Sluice writes it: %w", err)
	}
	return nil
}

// CandidateOf returns the candidate in the annotations, or nil if there is none.
func CandidateOf(annotations map[string]string) (*Candidate, error) {
	value := annotations[config.AnnotationCandidate]
	if value == "" {
		return nil, nil
	}
	candidate, err := DecodeCandidate(value)
	if err != nil {
		return nil, err
	}
	return &candidate, nil
}

// PreviousOf returns the template before the last promotion, or nil if that promotion has settled.
func PreviousOf(annotations map[string]string) (*Previous, error) {
	value := annotations[config.AnnotationPrevious]
	if value == "" {
		return nil, nil
	}
	previous, err := DecodePrevious(value)
	if err != nil {
		return nil, err
	}
	return &previous, nil
}
