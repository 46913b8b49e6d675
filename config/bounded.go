package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Limits of the JSON in an annotation or in a policy's patch, which anyone may have written. Decoded JSON can need hundreds of times the
// memory of its text, so its length alone limits nothing.
const (
	// MostJSON is the largest size of the text in bytes, decompressed.
	MostJSON = 1 << 20
	// MostJSONValues is the largest number of values: objects, lists, and what they contain.
	MostJSONValues = 20000
	// MostJSONLevels is how deep objects and lists are nested at most.
	MostJSONLevels = 100
	// MostObjectValues is the largest number of values in an object that admission reads, managed fields included.
	MostObjectValues = 100_000
)

// ErrJSON is returned for JSON that exceeds the limits.
var ErrJSON = errors.New("too much JSON")

// ReadJSON reads JSON to its end. It stops with ErrJSON as soon as the text exceeds a limit. It does not check the syntax.
func ReadJSON(from io.Reader) ([]byte, error) {
	limited := &jsonReader{from: from, mostValues: MostJSONValues}
	var text bytes.Buffer
	if _, err := text.ReadFrom(limited); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

// CheckJSON returns ErrJSON for a text that ReadJSON would not read.
func CheckJSON(text []byte) error {
	return (&jsonReader{mostValues: MostJSONValues}).count(text)
}

// CheckObject returns ErrJSON for an object with more values or levels than admission reads. Its caller limits its size.
func CheckObject(text []byte) error {
	return (&jsonReader{mostValues: MostObjectValues, bytes: -len(text)}).count(text)
}

// jsonReader counts what it reads.
type jsonReader struct {
	from                  io.Reader
	mostValues            int
	bytes, values, levels int
	inString, escaped     bool
}

// Read reads from the source and fails once a limit is exceeded.
func (r *jsonReader) Read(into []byte) (int, error) {
	n, err := r.from.Read(into)
	if over := r.count(into[:n]); over != nil {
		return 0, over
	}
	return n, err
}

func (r *jsonReader) count(text []byte) error {
	r.bytes += len(text)
	for _, char := range text {
		r.see(char)
		if r.values > r.mostValues || r.levels > MostJSONLevels {
			break
		}
	}
	switch {
	case r.bytes > MostJSON:
		return fmt.Errorf("%w: more than %d KiB", ErrJSON, MostJSON>>10)
	case r.values > r.mostValues:
		return fmt.Errorf("%w: more than %d values", ErrJSON, r.mostValues)
	case r.levels > MostJSONLevels:
		return fmt.Errorf("%w: more than %d levels", ErrJSON, MostJSONLevels)
	}
	return nil
}

// see counts a character: an object or a list opens, or a comma separates a value from the next.
func (r *jsonReader) see(char byte) {
	switch {
	case r.escaped:
		r.escaped = false
	case r.inString:
		r.escaped, r.inString = char == '\\', char != '"'
	case char == '"':
		r.inString = true
	case char == '{', char == '[':
		r.values, r.levels = r.values+1, r.levels+1
	case char == '}', char == ']':
		r.levels--
	case char == ',':
		r.values++
	}
}
