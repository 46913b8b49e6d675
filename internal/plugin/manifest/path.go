package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// parts takes a path such as metadata.annotations[sluice.dev/canary] or spec.steps[2].duration apart.
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

// Get returns the value with a path; found is false where there is none.
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

// Remove takes the value with a path out, and returns the path of what it has taken out: where there is no value, the
// nearest above it. A list from which an entry goes is shortened.
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

// put replaces a value that is there.
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

// joined is the path of parts, with what is no plain name in brackets.
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

// Value is one value in another, with its path.
type Value struct {
	Path  string
	Value any
}

// Children are the values in an object or a list, in order; none of anything else.
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
