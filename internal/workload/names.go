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

// CanaryName is the name of the canary copy of a Deployment. It leaves room for the hashes of its pods' names.
func CanaryName(primary string) string {
	return withSuffix(primary, validation.DNS1123SubdomainMaxLength-len("-7c9e41d2ab-x7k2p"))
}

// CanaryServiceName is the name of the Service of the canary's pods.
func CanaryServiceName(service string) string {
	return withSuffix(service, validation.DNS1035LabelMaxLength)
}

// canaryValue is what a rewritten label says.
func canaryValue(value string) string {
	return withSuffix(value, validation.LabelValueMaxLength)
}

func withSuffix(name string, most int) string {
	return shortened(name, most-len(suffix)) + suffix
}

// LabelValue is a name as a label value: names longer than 63 characters are shortened with a hash.
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

// TemplateHashOf is the hash of the candidate that a canary copy was made from, empty for anything else.
func TemplateHashOf(deployment *appsv1.Deployment) string {
	return deployment.Annotations[config.AnnotationTemplateHash]
}
