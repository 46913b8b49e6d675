package workload

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"sluice.dev/sluice/config"
)

// Mark says that a candidate is no longer being judged.
type Mark string

const (
	// MarkNone is on a candidate that is to be judged.
	MarkNone Mark = ""
	// MarkFailed is on a candidate that was rolled back.
	MarkFailed Mark = "failed"
	// MarkAborted is on a candidate that somebody stopped.
	MarkAborted Mark = "aborted"
)

// Candidate is a template that is held back, and who asked for it. It lives in an annotation of the primary.
type Candidate struct {
	// Hash of Template.
	Hash string `json:"hash"`
	// Template that was asked for.
	Template Template `json:"template"`
	// By is the user of the request.
	By string `json:"by,omitempty"`
	// At is when it was asked for.
	At time.Time `json:"at"`
	// Manager is the field manager of the request.
	Manager string `json:"manager,omitempty"`
	// Mark is set on a candidate that failed or was aborted, with who set it and when.
	Mark     Mark       `json:"mark,omitempty"`
	MarkedBy string     `json:"markedBy,omitempty"`
	MarkedAt *time.Time `json:"markedAt,omitempty"`
	// Attempt counts how often the same candidate has been tried again, RetriedBy is who asked for the last time.
	Attempt   int32  `json:"attempt,omitempty"`
	RetriedBy string `json:"retriedBy,omitempty"`
}

// InFlight reports whether there is a candidate that has neither failed nor was aborted.
func (c *Candidate) InFlight() bool { return c != nil && c.Mark == MarkNone }

// Previous is the template that a promotion replaced. It lives in an annotation of the primary until the promotion has
// settled.
type Previous struct {
	// Hash of Template.
	Hash string `json:"hash"`
	// Template that the primary ran before.
	Template Template `json:"template"`
	// Promoted is the hash of the candidate that replaced it, By who had asked for that.
	Promoted string `json:"promoted"`
	By       string `json:"by,omitempty"`
}

const (
	// plainLimit is the size in bytes from which an annotation is compressed.
	plainLimit = 64 << 10
	// annotationLimit is the size in bytes that one of our annotations may have: the API server allows 256 KiB for all
	// of an object, of which kubectl's own may need as much as the template, and two of ours can be there at once.
	annotationLimit = 110 << 10
	// decodedLimit is the size in bytes that a compressed annotation may grow to, as large as an object may be at all.
	decodedLimit = 3 << 20
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
		return "", fmt.Errorf("the pod template is too large to be held back: %d KiB as JSON, %d KiB compressed, at most %d KiB fit into an annotation; "+
			"make it smaller, or opt out by setting the annotation %s to \"false\"", len(plain)>>10, len(text)>>10, annotationLimit>>10, config.AnnotationCanary)
	}
	return text, nil
}

// DecodeCandidate reads the annotation's value, which may have been written by anybody.
func DecodeCandidate(value string) (Candidate, error) {
	var candidate Candidate
	if err := decode(value, &candidate); err != nil {
		return Candidate{}, err
	}
	if candidate.Template == nil || candidate.Hash == "" {
		return Candidate{}, fmt.Errorf("must have a hash and a template")
	}
	return candidate, nil
}

// DecodePrevious reads the annotation's value, which may have been written by anybody.
func DecodePrevious(value string) (Previous, error) {
	var previous Previous
	if err := decode(value, &previous); err != nil {
		return Previous{}, err
	}
	if previous.Template == nil || previous.Hash == "" || previous.Promoted == "" {
		return Previous{}, fmt.Errorf("must have a hash, a template and the hash of what was promoted")
	}
	return previous, nil
}

func decode(value string, into any) error {
	content := []byte(value)
	if packed, ok := strings.CutPrefix(value, compressedPrefix); ok {
		reader, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(packed)))
		if err != nil {
			return fmt.Errorf("must be JSON or %s and base64: %w", compressedPrefix, err)
		}
		content, err = io.ReadAll(io.LimitReader(reader, decodedLimit+1))
		if err != nil || len(content) > decodedLimit {
			return fmt.Errorf("must be at most %d MiB of gzip and base64: %w", decodedLimit>>20, err)
		}
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("must be JSON as sluice writes it: %w", err)
	}
	return nil
}

// CandidateOf returns the candidate that annotations hold, nil when there is none.
func CandidateOf(annotations map[string]string) (*Candidate, error) {
	value, set := annotations[config.AnnotationCandidate]
	if !set {
		return nil, nil
	}
	candidate, err := DecodeCandidate(value)
	if err != nil {
		return nil, err
	}
	return &candidate, nil
}

// PreviousOf returns the template before the last promotion, nil when that has settled.
func PreviousOf(annotations map[string]string) (*Previous, error) {
	value, set := annotations[config.AnnotationPrevious]
	if !set {
		return nil, nil
	}
	previous, err := DecodePrevious(value)
	if err != nil {
		return nil, err
	}
	return &previous, nil
}
