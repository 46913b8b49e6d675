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

// records are the annotations in which admission keeps what it needs on a Deployment.
var records = []string{AnnotationCandidate, AnnotationPrevious, AnnotationDirect}

// Reserved are the annotations by which the reconciler asks admission for something; nobody else may set them.
func Reserved() []string {
	return []string{AnnotationPromote, AnnotationRestore, AnnotationFail, AnnotationSettle}
}

// Requests are the annotations that ask for something once and are never stored.
func Requests() []string {
	return append(Reserved(), AnnotationAbort, AnnotationRetry)
}

// unknownKeys reports annotations that begin like ours and mean nothing: mostly typing mistakes, which would otherwise
// leave a default in force without a word.
func unknownKeys(path *field.Path, annotations map[string]string) field.ErrorList {
	known := slices.Concat(records, Requests(), []string{AnnotationBypass, AnnotationTemplateHash})
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
