package observed

import "time"

// GeneratedKey names a generated object.
type GeneratedKey struct{ Kind, Name string }

// String is how the object is called.
func (k GeneratedKey) String() string { return k.Kind + " " + k.Name }

// Applied is what became of applying a generated object.
type Applied struct {
	// Hash of what was applied, and when.
	Hash string
	At   time.Time
	// Refused says why the API server did not take it, or that it did not keep it, and what to do; empty when all is well.
	Refused string
}
