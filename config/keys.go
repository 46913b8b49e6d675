package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// prefix is what every key of ours begins with.
const prefix = "sluice.dev/"

// others are the keys on a Deployment that are not settings.
var others = []string{
	AnnotationAbort, AnnotationRetry,
	AnnotationTemplateHash, AnnotationCandidate, AnnotationPrevious, AnnotationPromote, AnnotationRestore, AnnotationFail, AnnotationSettle,
}

// unknownKeys reports annotations that begin like ours and mean nothing: mostly typing mistakes, which would otherwise
// leave a default in force without a word.
func unknownKeys(path *field.Path, annotations map[string]string) field.ErrorList {
	known := slices.Clone(others)
	names := make([]string, 0, len(settings))
	for _, s := range settings {
		known = append(known, s.key)
		names = append(names, strings.TrimPrefix(s.key, prefix))
	}
	var errs field.ErrorList
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if strings.HasPrefix(key, prefix) && !slices.Contains(known, key) {
			errs = append(errs, field.Invalid(path.Key(key), annotations[key],
				fmt.Sprintf("no such setting; after %s there is %s", prefix, strings.Join(names, ", "))))
		}
	}
	return errs
}
