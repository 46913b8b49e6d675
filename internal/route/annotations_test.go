package route

import (
	"errors"
	"strings"
	"testing"

	"sluice.dev/sluice/config"
)

func TestAnnotationsOfRoutesAreReadUpToTheirLimits(t *testing.T) {
	annotations := map[string]string{}
	for _, key := range []string{config.AnnotationSplit, config.AnnotationCohorts} {
		annotations[key] = "[" + strings.Repeat("{},", config.MostJSONValues) + "{}]"
	}
	_, splits := SplitsOf(annotations)
	_, cohorts := CohortsOf(annotations)
	if !errors.Is(splits, config.ErrJSON) || !errors.Is(cohorts, config.ErrJSON) {
		t.Errorf("got %v and %v", splits, cohorts)
	}
}
