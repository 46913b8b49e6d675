package policy

import (
	"slices"
	"strings"
)

// policyKinds are the kinds of objects that a value of a policy can come from.
var policyKinds = []string{"CanaryPolicy", "ClusterCanaryPolicy"}

// IsPolicy reports whether a source, such as CanaryPolicy/standard, is a policy and no annotation.
func IsPolicy(source string) bool {
	kind, name, found := strings.Cut(source, "/")
	return found && name != "" && slices.Contains(policyKinds, kind)
}
