package migrate

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config/policy"
	"sluice.dev/sluice/internal/plugin/manifest"
)

// rejected removes what a CanaryPolicy cannot have, with the messages of the validation that rejects it. The rest can be
// applied.
func (p *canaryPolicy) rejected() {
	for {
		errs := p.problems()
		if len(errs) == 0 {
			break
		}
		for _, err := range errs {
			removed := manifest.Remove(p.object, err.Field)
			if removed == "" || removed == "spec" {
				p.fail("no valid field is left: "+err.Error(), "spec")
				return
			}
			p.note("dropped: "+messageOf(err), removed)
		}
	}
	if match, set := get[[]any](p.object, analysis+".match"); set && len(match) == 0 {
		p.remove("dropped: no entry is left, so this is no longer an A/B test; add another match", analysis+".match")
	}
}

// problems are the errors of the policy as it is.
func (p *canaryPolicy) problems() field.ErrorList {
	var made v1alpha1.CanaryPolicy
	spec := map[string]any{"spec": p.object["spec"]}
	errs := manifest.Decode(spec, &made)
	if len(errs) == 0 {
		_, errs = policy.Parse(made.Spec)
	}
	return backwards(errs)
}

// backwards sorts errors so that the last entries of lists come first and the others keep their index, with one error per
// field.
func backwards(errs field.ErrorList) field.ErrorList {
	slices.SortStableFunc(errs, func(a, b *field.Error) int { return -cmp.Compare(ordered(a.Field), ordered(b.Field)) })
	return slices.CompactFunc(errs, func(a, b *field.Error) bool { return a.Field == b.Field })
}

var index = regexp.MustCompile(`\[([0-9]+)\]`)

// ordered is a path that sorts by the indices of entries.
func ordered(path string) string {
	return index.ReplaceAllStringFunc(path, func(each string) string { return fmt.Sprintf("[%8s", each[1:]) })
}

// messageOf is the message of an error, without its path.
func messageOf(err *field.Error) string {
	if err.Type == field.ErrorTypeForbidden {
		return err.Detail
	}
	return err.ErrorBody()
}
