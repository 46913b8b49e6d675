package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Prefix is the prefix of every key of Sluice.
const Prefix = "sluice.dev/"

// Reserved are the annotations by which the reconciler asks admission for something; only it may set them.
func Reserved() []string {
	return slices.Clone(reserved)
}

// Requests are the annotations that ask for something once and are never stored.
func Requests() []string {
	return slices.Clone(requests)
}

// SettingKeys are the annotations that a user writes on a Deployment and that stay there.
func SettingKeys() []string {
	return slices.Clone(stays)
}

// RecordKeys are the annotations that admission keeps on a Deployment.
func RecordKeys() []string {
	return slices.Clone(records)
}

// TemplateKeys returns the keys of the records that contain a pod template. An empty value is no record.
func TemplateKeys() []string { return []string{AnnotationCandidate, AnnotationPrevious} }

// UnknownKeys reports annotations with the prefix of Sluice that mean nothing on a Deployment: mostly typing mistakes,
// which would silently leave a default in effect.
func UnknownKeys(path *field.Path, annotations map[string]string) field.ErrorList {
	var errs field.ErrorList
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if strings.HasPrefix(key, Prefix) && !slices.Contains(known, key) {
			errs = append(errs, field.Invalid(path.Key(key), annotations[key], "unknown setting"+meant(strings.TrimPrefix(key, Prefix))))
		}
	}
	return errs
}

// meant names the settings that were probably meant, or all settings if none is similar.
func meant(name string) string {
	if nearest := Nearest(name, asked); nearest != "" {
		return nearest
	}
	return fmt.Sprintf("; the settings of %s are %s", Prefix, strings.Join(asked, ", "))
}
