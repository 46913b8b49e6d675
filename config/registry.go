package config

import (
	"slices"
	"strings"
)

// Kind says who writes an annotation, where, and why.
type Kind string

const (
	// KindSetting is written by the user on the Deployment and stays there.
	KindSetting Kind = "setting"
	// KindOnce asks for something once: the user writes it on the Deployment, where it is never stored.
	KindOnce Kind = "once"
	// KindOrder is how the reconciler asks admission for something on the Deployment; it is never stored.
	KindOrder Kind = "order"
	// KindRecord is what admission keeps on the Deployment.
	KindRecord Kind = "record"
	// KindRoute is written by the reconciler on the route.
	KindRoute Kind = "route"
	// KindMade is written by the reconciler on what it makes.
	KindMade Kind = "made"
)

// Annotation describes one key.
type Annotation struct {
	Key  string
	Kind Kind
	// Values says which are allowed.
	Values string
	// Default is the value that means the same as no annotation; empty where Without says what happens then.
	Default, Without string
	// Sentence says what the annotation does.
	Sentence string
	// Example is one value that is allowed.
	Example string
	// read takes a value into the settings; the error says what is allowed. Nil where admission alone looks at the value.
	read func(to *Settings, value string) error
}

// Read takes a value into the settings; the error says what is allowed. What only admission looks at is not read.
func (a Annotation) Read(to *Settings, value string) error {
	if a.read == nil {
		return nil
	}
	return a.read(to, value)
}

// Annotations are all annotations that Sluice knows, the settings first.
func Annotations() []Annotation {
	return slices.Concat(settings, written)
}

// keysOf are the keys of some kinds, in the order of the registry.
func keysOf(kinds ...Kind) []string {
	var keys []string
	for _, annotation := range Annotations() {
		if slices.Contains(kinds, annotation.Kind) {
			keys = append(keys, annotation.Key)
		}
	}
	return keys
}

// Parts of the registry that admission looks at with every request; asked are the names of what a user may write.
var (
	reserved = keysOf(KindOrder)
	requests = keysOf(KindOrder, KindOnce)
	stays    = keysOf(KindSetting)
	records  = keysOf(KindRecord)
	known    = keysOf(KindSetting, KindOrder, KindOnce, KindRecord, KindMade)
	asked    = strings.Split(strings.ReplaceAll(strings.Join(keysOf(KindSetting, KindOnce), " "), Prefix, ""), " ")
)
