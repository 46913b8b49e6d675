package plugin

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"sluice.dev/sluice/internal/workload"
)

// difference is one field that two templates do not share.
type difference struct {
	path     string
	old, new string
}

const absent = "(none)"

// differences lists what a candidate changes, by field path. Items of lists are told apart by their name, where they have
// one.
func differences(old, updated workload.Template) []difference {
	return compare("", map[string]any(old), map[string]any(updated))
}

func compare(path string, old, updated any) []difference {
	if reflect.DeepEqual(old, updated) {
		return nil
	}
	oldFields, oldIsMap := fieldsOf(old)
	newFields, newIsMap := fieldsOf(updated)
	if !oldIsMap || !newIsMap {
		return []difference{{path: path, old: shown(old), new: shown(updated)}}
	}
	all := maps.Clone(oldFields)
	maps.Copy(all, newFields)
	var found []difference
	for _, key := range slices.Sorted(maps.Keys(all)) {
		found = append(found, compare(joined(path, key), oldFields[key], newFields[key])...)
	}
	return found
}

// fieldsOf are the parts of a value by which it is compared: the fields of an object, or the items of a list that all
// have names.
func fieldsOf(value any) (map[string]any, bool) {
	switch v := value.(type) {
	case map[string]any:
		return v, true
	case []any:
		items := make(map[string]any, len(v))
		for _, item := range v {
			fields, isMap := item.(map[string]any)
			name, named := fields["name"].(string)
			if !isMap || !named {
				return nil, false
			}
			items["["+name+"]"] = fields
		}
		return items, len(v) > 0
	}
	return nil, false
}

func joined(path, key string) string {
	if path == "" || key[0] == '[' {
		return path + key
	}
	return path + "." + key
}

// longest is how many letters of a value are shown: the view must fit on a screen.
const longest = 60

func shown(value any) string {
	if value == nil {
		return absent
	}
	text, isText := value.(string)
	if !isText {
		content, err := json.Marshal(value)
		if err != nil {
			return fmt.Sprint(value)
		}
		text = string(content)
	}
	if letters := []rune(text); len(letters) > longest {
		return string(letters[:longest]) + "…"
	}
	return text
}
