package rule

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice.dev/sluice/internal/simulate/traffic"
)

// settings are what users may write after the name of a rule, with the values that hold unless they do.
type settings struct {
	interval  traffic.Seconds
	threshold int
	points    int
	weight    float64
	least     float64
	shares    []float64
}

// set are the settings by name. Each returns what was expected instead; empty if it could read the value.
var set = map[string]func(*settings, string) string{
	"interval": func(s *settings, text string) string {
		duration, err := time.ParseDuration(text)
		if err != nil || duration < time.Second || duration > 24*time.Hour {
			return "a duration from 1s to 24h"
		}
		s.interval = int64(duration / time.Second)
		return ""
	},
	"threshold": func(s *settings, text string) string { return whole(text, &s.threshold, 1) },
	"limit":     func(s *settings, text string) string { return whole(text, &s.threshold, 0) },
	"points":    func(s *settings, text string) string { return whole(text, &s.points, fewestPoints) },
	"weight":    func(s *settings, text string) string { return percentage(text, &s.weight) },
	"success":   func(s *settings, text string) string { return percentage(text, &s.least) },
}

// known are the rules by name: the settings that they have, their defaults, and how they are made.
var known = map[string]struct {
	settings []string
	interval traffic.Seconds
	borne    int
	rule     func(settings) Rule
}{
	"checks": {[]string{"interval", "threshold", "success"}, 30, 5, func(s settings) Rule {
		of := SlidingDefaults()
		return Checks{Interval: s.interval, Threshold: s.threshold, Shares: s.shares, Least: s.least, Requests: of.Requests, Deadline: of.Deadline}
	}},
	"flagger": {[]string{"interval", "threshold", "success"}, 60, 5, func(s settings) Rule {
		return Flagger{Interval: s.interval, Threshold: s.threshold, Shares: s.shares, Least: s.least}
	}},
	"argo": {[]string{"interval", "limit", "success"}, 60, 0, func(s settings) Rule {
		return Argo{Interval: s.interval, FailureLimit: s.threshold, Shares: s.shares, Least: s.least}
	}},
	"kayenta": {[]string{"interval", "points", "weight"}, 60, 0, func(s settings) Rule {
		return Kayenta{Interval: s.interval, Points: s.points, Share: s.weight / 100}
	}},
	"sliding": {[]string{"interval", "threshold", "success"}, 30, 5, func(s settings) Rule {
		sliding := SlidingDefaults()
		sliding.Interval, sliding.Threshold, sliding.Shares, sliding.Least = s.interval, s.threshold, s.shares, s.least
		sliding.Window = max(sliding.Window, s.interval)
		return sliding
	}},
}

// Names are the rules that Parse knows.
func Names() []string { return slices.Sorted(maps.Keys(known)) }

// Given is what the policy says that a rule is compared with.
type Given struct {
	// Shares are the weights, 0 to 1.
	Shares []float64
	// Interval and Threshold are the time between checks and the failed checks that roll back; 0 for the rule's own.
	Interval  traffic.Seconds
	Threshold int
}

// Parse reads a rule as users write it, such as flagger:interval=60s,threshold=5. What it leaves out is as the policy says.
func Parse(text string, given Given) (Rule, error) {
	name, rest, _ := strings.Cut(text, ":")
	kind, is := known[name]
	if !is {
		return nil, fmt.Errorf("%q is no rule: must be one of %s", name, strings.Join(Names(), ", "))
	}
	s := settings{interval: cmp.Or(given.Interval, kind.interval), threshold: kind.borne, points: 30, weight: 10, least: 99, shares: given.Shares}
	if slices.Contains(kind.settings, "threshold") {
		s.threshold = cmp.Or(given.Threshold, kind.borne)
	}
	for pair := range strings.SplitSeq(rest, ",") {
		key, value, _ := strings.Cut(pair, "=")
		switch {
		case pair == "":
		case !slices.Contains(kind.settings, key):
			return nil, fmt.Errorf("%s has no setting %q: must be one of %s", name, key, strings.Join(kind.settings, ", "))
		default:
			if expected := set[key](&s, value); expected != "" {
				return nil, fmt.Errorf("%s: %s=%s must be %s", name, key, value, expected)
			}
		}
	}
	return kind.rule(s), nil
}

func whole(text string, into *int, least int) string {
	value, err := strconv.Atoi(text)
	if err != nil || value < least || value > 1000 {
		return fmt.Sprintf("a whole number from %d to 1000", least)
	}
	*into = value
	return ""
}

func percentage(text string, into *float64) string {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil || !(value > 0 && value <= 100) {
		return "a percentage above 0, up to 100"
	}
	*into = value
	return ""
}
