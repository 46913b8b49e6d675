package observed

import "time"

// GeneratedKey names a generated object.
type GeneratedKey struct{ Kind, Name string }

// String returns the kind and name.
func (k GeneratedKey) String() string { return k.Kind + " " + k.Name }

// Applied is the result of applying a generated object.
type Applied struct {
	// Hash of the applied object, and when it was applied.
	Hash string
	At   time.Time
	// Refused says why the API server rejected the object or did not keep it, and what to do; empty when all is well.
	Refused string
}
