package workload

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
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
	hash := Short(hex.EncodeToString(sum[:]))
	return strings.TrimRight(name[:most-len(hash)-1], "-._") + "-" + hash
}
