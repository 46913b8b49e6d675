package workload

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"sluice.dev/sluice/config"
)

// suffixes of the names of copies, by their role.
var suffixes = map[string]string{config.RoleCanary: "-canary", config.RoleControl: "-baseline"}

// CanaryName returns the name of a Deployment's canary. It leaves room for the hashes in the names of its pods.
func CanaryName(primary string) string { return nameOf(config.RoleCanary, primary) }

// ControlName returns the name of a Deployment's control. It leaves room for the hashes in the names of its pods.
func ControlName(primary string) string { return nameOf(config.RoleControl, primary) }

// nameOf returns the name of the copy of an object with a role.
func nameOf(role, name string) string {
	return withSuffix(role, name, validation.DNS1123SubdomainMaxLength-len("-7c9e41d2ab-x7k2p"))
}

// CanaryServiceName returns the name of the Service of the canary's pods.
func CanaryServiceName(service string) string { return serviceNameOf(config.RoleCanary, service) }

// ControlServiceName returns the name of the Service of the control's pods.
func ControlServiceName(service string) string { return serviceNameOf(config.RoleControl, service) }

func serviceNameOf(role, service string) string {
	return withSuffix(role, service, validation.DNS1035LabelMaxLength)
}

// canaryValue returns the canary's value of a rewritten label.
func canaryValue(value string) string { return valueOf(config.RoleCanary, value) }

// valueOf returns the value of a rewritten label of a copy with a role.
func valueOf(role, value string) string {
	return withSuffix(role, value, validation.LabelValueMaxLength)
}

func withSuffix(role, name string, most int) string {
	suffix := suffixes[role]
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
