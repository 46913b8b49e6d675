package config

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
)

func readRoutes(to *[]string, value string) error {
	*to = listed(value)
	for _, name := range *to {
		if _, err := ParseRoute(name); err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
	}
	return nil
}

func readCohort(to *[]string, value string) error {
	*to = listed(value)
	for _, member := range *to {
		if _, err := ParseMember(member); err != nil {
			return fmt.Errorf("%q: %w", member, err)
		}
	}
	return nil
}

const weightsHelp = "must be rising percentages from 0.01 to 100, separated by commas, such as 1,5,25,50, each with a duration or without, such as 1@10m,5"

// readWeights reads weights, and steps where one of them has a duration.
func readWeights(to *Settings, value string) error {
	var plain []float64
	var steps []v1alpha1.StepSpec
	timed := false
	for _, part := range listed(value) {
		text, duration, has := strings.Cut(part, "@")
		weight, err := weightOf(text, Finest)
		if err != nil || len(plain) > 0 && weight <= plain[len(plain)-1] {
			return fmt.Errorf("%q: %s", part, weightsHelp)
		}
		step := v1alpha1.StepSpec{Weight: weight}
		if has {
			parsed, err := durationOf(duration, ShortestStep)
			if err != nil {
				return fmt.Errorf("%q: the duration %w", part, err)
			}
			step.Duration, timed = &metav1.Duration{Duration: parsed}, true
		}
		plain, steps = append(plain, weight), append(steps, step)
	}
	if timed {
		to.analysis().Steps = steps
		return nil
	}
	to.analysis().StepWeights = plain
	return nil
}

// readMatch reads one match for each part. A request needs to match only one of them.
func readMatch(to *[]v1alpha1.HTTPMatch, value string) error {
	for _, part := range listed(value) {
		name, exact, has := strings.Cut(part, "=")
		kind, inner, qualified := strings.Cut(name, ":")
		if !qualified {
			kind, inner = "header", name
		}
		match, values := v1alpha1.HTTPMatch{}, map[string]v1alpha1.StringMatch{inner: {Exact: exact}}
		switch kind {
		case "header":
			match.Headers = values
		case "cookie":
			match.Cookies = values
		case "query":
			match.QueryParams = values
		default:
			has = false
		}
		if !has || exact == "" || !IsToken(inner) {
			return fmt.Errorf("%q: must be header=value, cookie:name=value or query:name=value, such as x-canary=true; a CanaryPolicy can say more", part)
		}
		*to = append(*to, match)
	}
	return nil
}
