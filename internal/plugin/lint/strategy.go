package lint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/config/policy"
	"sluice.dev/sluice/internal/plugin/manifest"
	"sluice.dev/sluice/rollout/strategy"
)

func strategyOf(object manifest.Object, present policy.Present) Strategy {
	s := Strategy{Namespace: object.Namespace(), Name: object.Name(), Summary: summary(present.Policy)}
	if present.Status.Name != "" {
		s.Policies = append(s.Policies, present.Status.Name)
	}
	for _, source := range present.Status.Sources {
		if source.From != policy.FromBuiltIn && !slices.Contains(s.Policies, source.From) {
			s.Policies = append(s.Policies, source.From)
		}
	}
	if len(s.Policies) == 0 {
		s.Policies = []string{policy.FromBuiltIn}
	}
	return s
}

func joined(names []string) string { return strings.Join(names, ", ") }

// summary is a short form of the steps of a policy.
func summary(p config.Policy) string {
	chosen := strategy.Of(p)
	text := fmt.Sprintf("%s %s every %s", chosen.Name, joined(texts(chosen.Steps(p), p.Interval)), p.Interval)
	switch {
	case p.SkipAnalysis:
		text = "promoted without analysis as soon as the canary is ready"
	case p.Guard.Ladder:
		text = fmt.Sprintf("%s %s, each until the guard accepts it or for %s", chosen.Name, joined(texts(chosen.Steps(p), p.Guard.MaxDwell)), p.Guard.MaxDwell)
	}
	if p.Suspend {
		text += ", suspended"
	}
	return text
}

// Iterations is a number of iterations in words.
func Iterations(number int) string {
	if number == 1 {
		return "1 iteration"
	}
	return fmt.Sprintf("%d iterations", number)
}

// texts are the steps in order. Iterations are counted; weights have a duration if it is not the interval.
func texts(steps []strategy.Step, interval time.Duration) []string {
	var list []string
	for i := 0; i < len(steps); {
		run := i
		for run < len(steps) && steps[run].Weight == 0 {
			run++
		}
		if run > i {
			list = append(list, Iterations(run-i))
			i = run
			continue
		}
		text := strconv.FormatFloat(steps[i].Weight, 'f', -1, 64) + "%"
		if duration := steps[i].Duration.Duration; duration != interval {
			text += " for " + duration.String()
		}
		list = append(list, text)
		i++
	}
	const most = 10
	if len(list) > most {
		list = append(append(list[:3:3], "…"), list[len(list)-1])
	}
	return list
}
