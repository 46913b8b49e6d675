package route

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Types of conditions.
const (
	typeExact             = "Exact"
	typePathPrefix        = "PathPrefix"
	typeRegularExpression = "RegularExpression"
)

// matchesWith returns the rule's matches, each combined with each of the entries. It leaves out combinations that no request
// can match. The error names a pair of conditions that one match cannot hold.
func (b builder) matchesWith(entries []Match) ([]any, error) {
	matches := listOf(b.rule, "matches")
	if len(matches) == 0 {
		matches = []any{map[string]any{}}
	}
	var combined []any
	for i, match := range matches {
		for _, entry := range entries {
			both, possible, err := b.and(asMap(match), entry)
			if err != nil {
				return nil, fmt.Errorf("spec.rules[%d].matches[%d]%w", b.index, i, err)
			}
			if possible {
				combined = append(combined, both)
			}
		}
	}
	return combined, nil
}

// and asks for what a match and an entry ask for. It is impossible where no request can have both.
func (b builder) and(match map[string]any, entry Match) (both map[string]any, possible bool, err error) {
	both = copied(match)
	if both == nil {
		both = map[string]any{}
	}
	for _, field := range []struct {
		name   string
		wanted []ValueMatch
		same   func(a, b string) bool
	}{{"headers", entry.Headers, strings.EqualFold}, {"queryParams", entry.QueryParams, func(a, b string) bool { return a == b }}} {
		if len(field.wanted) == 0 {
			continue
		}
		values, possible, err := andValues(listOf(both, field.name), field.wanted, field.same)
		if err != nil {
			return nil, false, fmt.Errorf(".%s: %w", field.name, err)
		}
		if !possible {
			return nil, false, nil
		}
		both[field.name] = values
	}
	if b.route.Kind == GRPC {
		return both, true, nil
	}
	possible, err = b.andRequest(both, entry)
	return both, possible, err
}

// andRequest adds the method and the path of an entry.
func (b builder) andRequest(both map[string]any, entry Match) (possible bool, err error) {
	method := text(both, "method", entry.Method)
	if entry.Method != "" && method != entry.Method {
		return false, nil
	}
	if method != "" {
		both["method"] = method
	}
	path := PathMatch{Type: text(asMap(both["path"]), "type", typePathPrefix), Value: text(asMap(both["path"]), "value", "/")}
	path, possible, err = andPath(path, entry.Path)
	both["path"] = map[string]any{"type": path.Type, "value": path.Value}
	if err == nil && possible && entry.Path != nil && path.Type != typePathPrefix && replacesPrefix(b.rule) {
		err = fmt.Errorf(".path: the rule rewrites the path prefix, which needs a match of type PathPrefix: leave path out of match")
	}
	return possible, err
}

// andValues combines all conditions. The Gateway API allows a name only once.
func andValues(present []any, wanted []ValueMatch, same func(a, b string) bool) (values []any, possible bool, err error) {
	values = slices.Clone(present)
	for _, want := range wanted {
		if want.Type == "" {
			want.Type = typeExact
		}
		at := slices.IndexFunc(values, func(value any) bool { return same(text(asMap(value), "name", ""), want.Name) })
		if at == -1 {
			values = append(values, map[string]any{"type": want.Type, "name": want.Name, "value": want.Value})
			continue
		}
		have := ValueMatch{Name: want.Name, Type: text(asMap(values[at]), "type", typeExact), Value: text(asMap(values[at]), "value", "")}
		both, possible, err := andValue(have, want)
		if err != nil || !possible {
			return nil, false, err
		}
		if both != have {
			values[at] = map[string]any{"type": both.Type, "name": both.Name, "value": both.Value}
		}
	}
	return values, true, nil
}

func andValue(have, want ValueMatch) (both ValueMatch, possible bool, err error) {
	if have.Type == want.Type {
		if have.Type == typeRegularExpression && have.Value != want.Value {
			return both, false, fmt.Errorf("%s must match two regular expressions, %q and %q, but a match can hold only one: use an exact value or another name for one of them",
				have.Name, have.Value, want.Value)
		}
		return have, have.Value == want.Value, nil
	}
	exact, expression := have, want
	if have.Type == typeRegularExpression {
		exact, expression = want, have
	}
	fits, err := wholly(expression.Value, exact.Value)
	return exact, fits, err
}

// wholly reports whether an expression matches all of a value.
func wholly(expression, value string) (bool, error) {
	compiled, err := regexp.Compile("^(?:" + expression + ")$")
	if err != nil {
		return false, fmt.Errorf("%q is not a regular expression that can be compared with %q: %w", expression, value, err)
	}
	return compiled.MatchString(value), nil
}

// andPath returns the narrower of two conditions.
func andPath(have PathMatch, want *PathMatch) (both PathMatch, possible bool, err error) {
	everything := PathMatch{Type: typePathPrefix, Value: "/"}
	switch {
	case want == nil || have == *want || *want == everything:
		return have, true, nil
	case have == everything:
		return *want, true, nil
	case have.Type == typeExact:
		fits, err := want.fits(have.Value)
		return have, fits, err
	case want.Type == typeExact:
		fits, err := have.fits(want.Value)
		return *want, fits, err
	case have.Type == typePathPrefix && want.Type == typePathPrefix:
		if under(want.Value, have.Value) {
			return *want, true, nil
		}
		return have, under(have.Value, want.Value), nil
	}
	return have, false, fmt.Errorf(".path: %s %q and %s %q cannot be combined in one match: leave path out of match", have.Type, have.Value, want.Type, want.Value)
}

// fits reports whether an exact path meets the condition.
func (p PathMatch) fits(path string) (bool, error) {
	switch p.Type {
	case typeExact:
		return p.Value == path, nil
	case typeRegularExpression:
		return wholly(p.Value, path)
	}
	return under(path, p.Value), nil
}

// under reports whether a path is a prefix or lies below it, element by element.
func under(path, prefix string) bool {
	prefix = strings.TrimSuffix(prefix, "/")
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}
