package workload

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"sluice.dev/sluice/config"
)

const suffix = "-canary"

// CanaryName returns the name of a Deployment's canary. It leaves room for the hashes in the names of its pods.
func CanaryName(primary string) string {
	return withSuffix(primary, validation.DNS1123SubdomainMaxLength-len("-7c9e41d2ab-x7k2p"))
}

// CanaryServiceName returns the name of the Service of the canary's pods.
func CanaryServiceName(service string) string {
	return withSuffix(service, validation.DNS1035LabelMaxLength)
}

// canaryValue returns the canary's value of a rewritten label.
func canaryValue(value string) string {
	return withSuffix(value, validation.LabelValueMaxLength)
}

func withSuffix(name string, most int) string {
	return shortened(name, most-len(suffix)) + suffix
}

// LabelValue turns a name into a label value. Names longer than 63 characters are shortened with a hash.
func LabelValue(name string) string {
	return shortened(name, validation.LabelValueMaxLength)
}

func shortened(name string, most int) string {
	if len(name) <= most {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	hash := hex.EncodeToString(sum[:])[:hashLength]
	return strings.TrimRight(name[:most-hashLength-1], "-._") + "-" + hash
}

// TemplateHashOf returns the hash of the candidate that a canary was created from. It returns an empty string for any other
// Deployment.
func TemplateHashOf(deployment *appsv1.Deployment) string {
	return deployment.Annotations[config.AnnotationTemplateHash]
}
