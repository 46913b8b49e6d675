package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Prefix is what every key of ours begins with.
const Prefix = "sluice.dev/"

// Reserved are the annotations by which the reconciler asks admission for something; nobody else may set them.
func Reserved() []string {
	return slices.Clone(reserved)
}

// Requests are the annotations that ask for something once and are never stored.
func Requests() []string {
	return slices.Clone(requests)
}

// UnknownKeys reports annotations that begin like ours and mean nothing on a Deployment: mostly typing mistakes, which
// would otherwise leave a default in force without a word.
func UnknownKeys(path *field.Path, annotations map[string]string) field.ErrorList {
	var errs field.ErrorList
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if strings.HasPrefix(key, Prefix) && !slices.Contains(known, key) {
			errs = append(errs, field.Invalid(path.Key(key), annotations[key], "no such setting"+meant(strings.TrimPrefix(key, Prefix))))
		}
	}
	return errs
}

// meant says which setting was meant, or all that there are where none is alike.
func meant(name string) string {
	if nearest := Nearest(name, asked); nearest != "" {
		return nearest
	}
	return fmt.Sprintf("; after %s there is %s", Prefix, strings.Join(asked, ", "))
}
