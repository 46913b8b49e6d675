package rollout

import (
	"fmt"
	"regexp"
)

// unknownField is how the API server names a field that its schema does not have.
var unknownField = regexp.MustCompile(`\.(spec[^ ]*): field not declared in schema`)

// GeneratedRefused says why a generated object cannot be made, and what to do.
func GeneratedRefused(kind, name string, err error) string {
	made := GeneratedKey{kind, name}
	if found := unknownField.FindStringSubmatch(err.Error()); found != nil {
		return fmt.Sprintf("%s cannot be made: the cluster's CRD of %ss has no field %s; install the Gateway API CRDs that have it "+
			"(some are only in the experimental channel), or leave it out of the policy", made, kind, found[1])
	}
	return fmt.Sprintf("%s cannot be made of the policy: %v", made, err)
}
