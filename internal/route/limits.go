package route

import "fmt"

// Limits of the Gateway API.
const (
	mostRules        = 16
	mostMatches      = 64
	mostMatchesInAll = 128
	mostEntries      = 16
	mostText         = 4096
)

// checkLimits returns an error for a rendered route that the API server would refuse, in terms of what a user can change.
func checkLimits(rendered Route) error {
	if n := len(rendered.Rules); n > mostRules {
		return tooMany("spec.rules", "rules", n, mostRules)
	}
	all := 0
	for i, rule := range rendered.Rules {
		matches := listOf(asMap(rule), "matches")
		all += len(matches)
		where := fmt.Sprintf("spec.rules[%d]", i)
		if isOurs(asMap(rule)) {
			where += " (" + text(asMap(rule), "name", "") + ")"
		}
		if n := len(matches); n > mostMatches {
			return tooMany(where+".matches", "matches", n, mostMatches)
		}
		if err := checkRule(where, asMap(rule)); err != nil {
			return err
		}
	}
	if all > mostMatchesInAll {
		return tooMany("spec.rules[].matches", "matches in all rules", all, mostMatchesInAll)
	}
	return nil
}

func checkRule(where string, rule map[string]any) error {
	for i, match := range listOf(rule, "matches") {
		for _, field := range []string{"headers", "queryParams"} {
			if err := checkEntries(fmt.Sprintf("%s.matches[%d].%s", where, i, field), field, listOf(asMap(match), field)); err != nil {
				return err
			}
		}
	}
	refs := listOf(rule, "backendRefs")
	if err := checkEntries(where+".backendRefs", "backends", refs); err != nil {
		return err
	}
	if err := checkFilters(where, rule); err != nil {
		return err
	}
	for i, ref := range refs {
		if err := checkFilters(fmt.Sprintf("%s.backendRefs[%d]", where, i), asMap(ref)); err != nil {
			return err
		}
	}
	return nil
}

func checkFilters(where string, holder map[string]any) error {
	filters := listOf(holder, "filters")
	if err := checkEntries(where+".filters", "filters", filters); err != nil {
		return err
	}
	for i, filter := range filters {
		for _, modifier := range []string{"requestHeaderModifier", "responseHeaderModifier"} {
			for _, field := range []string{"set", "add"} {
				path := fmt.Sprintf("%s.filters[%d].%s.%s", where, i, modifier, field)
				if err := checkEntries(path, "headers", listOf(asMap(asMap(filter)[modifier]), field)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// checkEntries checks the length of a list and of the values in it.
func checkEntries(where, what string, entries []any) error {
	if n := len(entries); n > mostEntries {
		return tooMany(where, what, n, mostEntries)
	}
	for _, entry := range entries {
		if value := text(asMap(entry), "value", ""); len(value) > mostText {
			return fmt.Errorf("%s: the rollout needs a value of %d characters, but the Gateway API allows %d: shorten it", where, len(value), mostText)
		}
	}
	return nil
}

func tooMany(where, what string, needed, allowed int) error {
	return fmt.Errorf("%s: the rollout needs %d %s, but the Gateway API allows %d: divide the route, or use fewer matches, cohorts and cookies",
		where, needed, what, allowed)
}
