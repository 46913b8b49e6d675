package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// specPath is where the policies of all errors are.
var specPath = field.NewPath("spec")

// Bounds of lists and cookies, which the schema has too.
const (
	mostListed    = 100
	mostHooks     = 50
	mostMatches   = 16
	mostCookieAge = 34560000
)

const tokenHelp = "must be a name of letters, digits and - or _, without spaces"

// Validate checks one layer, which may be a part of a policy: each value, and values that exclude each other.
// The errors carry full paths such as spec.analysis.steps[2].duration, the value and what is allowed.
func Validate(spec v1alpha1.PolicySpec) field.ErrorList {
	c := &checker{}
	c.values(spec)
	if spec.Analysis != nil {
		c.mirrorsBesideWeights(specPath.Child("analysis"), *spec.Analysis)
	}
	return c.sorted()
}

// values checks each value, and values that exclude each other in any policy.
func (c *checker) values(spec v1alpha1.PolicySpec) {
	c.foreign(spec)
	c.count(specPath.Child("progressDeadlineSeconds"), spec.ProgressDeadlineSeconds, 1, config.MostDeadline)
	c.count(specPath.Child("unavailableAfterSeconds"), spec.UnavailableAfterSeconds, config.LeastUnavailable, config.MostDeadline)
	choice(c, specPath.Child("traffic"), spec.Traffic, v1alpha1.TrafficRoutes, v1alpha1.TrafficNone)
	if spec.AutoscalerRef != nil {
		c.autoscaler(specPath.Child("autoscalerRef"), *spec.AutoscalerRef)
	}
	if spec.Canary != nil {
		c.canary(specPath.Child("canary"), *spec.Canary)
	}
	if spec.Service != nil {
		c.service(specPath.Child("service"), *spec.Service)
	}
	if spec.Analysis != nil {
		c.analysis(specPath.Child("analysis"), *spec.Analysis)
	}
}

// checker collects what is wrong.
type checker struct{ errs field.ErrorList }

// sorted returns the errors in a stable order. The schema's messages begin with the name of the field, which the path of an error
// already has.
func (c *checker) sorted() field.ErrorList {
	for _, err := range c.errs {
		err.Detail = strings.TrimPrefix(err.Detail, err.Field[strings.LastIndex(err.Field, ".")+1:]+": ")
	}
	slices.SortStableFunc(c.errs, func(a, b *field.Error) int { return cmp.Compare(a.Error(), b.Error()) })
	return c.errs
}

func (c *checker) wrong(path *field.Path, value any, help string) {
	c.errs = append(c.errs, field.Invalid(path, value, help))
}

func (c *checker) must(holds bool, path *field.Path, value any, help string) {
	if !holds {
		c.wrong(path, value, help)
	}
}

// can reports the error of the parser of a value.
func (c *checker) can(err error, path *field.Path, value any) {
	if err != nil {
		c.wrong(path, value, err.Error())
	}
}

func (c *checker) count(path *field.Path, value *int32, least, most int32) {
	if value != nil && (*value < least || *value > most) {
		c.wrong(path, *value, fmt.Sprintf("must be a whole number from %d to %d", least, most))
	}
}

func (c *checker) weight(path *field.Path, value *float64, least float64) {
	if value != nil && (!(*value >= least && *value <= 100) || !config.IsFine(*value)) {
		c.wrong(path, *value, fmt.Sprintf("must be a percentage from %v to 100 with at most two decimals", least))
	}
}

func (c *checker) duration(path *field.Path, value *metav1.Duration, least time.Duration) {
	if value != nil && value.Duration < least {
		c.wrong(path, value.Duration.String(), fmt.Sprintf("must be a duration of at least %s, such as 30s or 1m30s", least))
	}
}

func (c *checker) most(path *field.Path, length, most int) {
	if length > most {
		c.errs = append(c.errs, field.TooMany(path, length, most))
	}
}

func choice[T ~string](c *checker, path *field.Path, value *T, allowed ...T) {
	if value == nil {
		return
	}
	var words []string
	for _, word := range allowed {
		if *value == word {
			return
		}
		if word != "" {
			words = append(words, string(word))
		}
	}
	c.wrong(path, *value, "must be one of "+strings.Join(words, ", "))
}

// unique reports missing and duplicate names in a list.
func (c *checker) unique(path *field.Path, names []string) {
	seen := map[string]bool{}
	for i, name := range names {
		switch at := path.Index(i).Child("name"); {
		case name == "":
			c.errs = append(c.errs, field.Required(at, "give it a name"))
		case seen[name]:
			c.errs = append(c.errs, field.Duplicate(at, name))
		}
		seen[name] = true
	}
}
