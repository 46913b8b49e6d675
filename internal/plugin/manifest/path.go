package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// parts splits a path such as metadata.annotations[sluice.dev/canary] or spec.steps[2].duration.
func parts(path string) []string {
	var found []string
	for path != "" {
		if key, rest, closed := strings.Cut(strings.TrimPrefix(path, "["), "]"); path[0] == '[' && closed {
			found, path = append(found, key), strings.TrimPrefix(rest, ".")
			continue
		}
		end := strings.IndexAny(path, ".[")
		if end <= 0 {
			return append(found, path)
		}
		found, path = append(found, path[:end]), strings.TrimPrefix(path[end:], ".")
	}
	return found
}

// Get returns the value at a path.
func Get(object map[string]any, path string) (value any, found bool) {
	value = object
	for _, part := range parts(path) {
		switch inner := value.(type) {
		case map[string]any:
			if value, found = inner[part]; !found {
				return nil, false
			}
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(inner) {
				return nil, false
			}
			value = inner[i]
		default:
			return nil, false
		}
	}
	return value, true
}

// Remove removes the value at a path or, if there is none, its nearest parent, and returns the path of what it removed.
// Entries of a list that follow move up.
func Remove(object map[string]any, path string) (removed string) {
	all := parts(path)
	for len(all) > 0 {
		above, found := Get(object, joined(all[:len(all)-1]))
		last := all[len(all)-1]
		if _, is := Get(object, joined(all)); found && is {
			switch inner := above.(type) {
			case map[string]any:
				delete(inner, last)
			case []any:
				i, _ := strconv.Atoi(last)
				put(object, all[:len(all)-1], slices.Delete(slices.Clone(inner), i, i+1))
			}
			return joined(all)
		}
		all = all[:len(all)-1]
	}
	return ""
}

// put replaces an existing value.
func put(object map[string]any, path []string, value any) {
	above, _ := Get(object, joined(path[:len(path)-1]))
	last := path[len(path)-1]
	switch inner := above.(type) {
	case map[string]any:
		inner[last] = value
	case []any:
		i, _ := strconv.Atoi(last)
		inner[i] = value
	}
}

// joined joins parts to a path, with indices and special names in brackets.
func joined(parts []string) string {
	var b strings.Builder
	for i, part := range parts {
		_, err := strconv.Atoi(part)
		switch {
		case err == nil || strings.ContainsAny(part, ".["):
			b.WriteString("[" + part + "]")
		case i == 0:
			b.WriteString(part)
		default:
			b.WriteString("." + part)
		}
	}
	return b.String()
}

// Value is a value and its path.
type Value struct {
	Path  string
	Value any
}

// Children are the values in an object or a list, in order; none for any other value.
func Children(path string, value any) []Value {
	var found []Value
	switch inner := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(inner)) {
			found = append(found, Value{joined(append(parts(path), key)), inner[key]})
		}
	case []any:
		for i := range inner {
			found = append(found, Value{fmt.Sprintf("%s[%d]", path, i), inner[i]})
		}
	}
	return found
}
