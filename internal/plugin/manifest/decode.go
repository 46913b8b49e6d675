package manifest

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"sluice.dev/sluice/config"
)

// Decode decodes an object into a typed one. It reports every unknown field, with the nearest known ones, and every value of a
// wrong type, with full paths. Everything else is decoded all the same.
func Decode(content map[string]any, into any) field.ErrorList {
	content = maps.Clone(content)
	errs := mismatches(nil, content, reflect.TypeOf(into).Elem())
	for _, err := range errs {
		if err.Type != field.ErrorTypeForbidden {
			return errs
		}
	}
	text, err := json.Marshal(content)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		errs = append(errs, field.InternalError(nil, err))
	}
	return errs
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// mismatches compares a value with the type into which it is decoded.
func mismatches(path *field.Path, value any, as reflect.Type) field.ErrorList {
	if as.Kind() == reflect.Pointer {
		as = as.Elem()
	}
	object, isObject := value.(map[string]any)
	list, isList := value.([]any)
	switch {
	case value == nil:
		return nil
	case isOpaque(as):
		return mismatch(path, value, as)
	case isObject && as.Kind() == reflect.Struct:
		return mismatchesOfFields(path, object, as)
	case isObject && as.Kind() == reflect.Map:
		var errs field.ErrorList
		for _, key := range slices.Sorted(maps.Keys(object)) {
			errs = append(errs, mismatches(path.Key(key), object[key], as.Elem())...)
		}
		return errs
	case isList && as.Kind() == reflect.Slice:
		return mismatchesOfEntries(path, list, as)
	}
	return mismatch(path, value, as)
}

func mismatchesOfEntries(path *field.Path, list []any, as reflect.Type) field.ErrorList {
	var errs field.ErrorList
	for i := range list {
		errs = append(errs, mismatches(path.Index(i), list[i], as.Elem())...)
	}
	return errs
}

// isOpaque reports whether a type decodes itself.
func isOpaque(as reflect.Type) bool { return reflect.PointerTo(as).Implements(unmarshaler) }

func mismatchesOfFields(path *field.Path, object map[string]any, as reflect.Type) field.ErrorList {
	fields := fieldsOf(as)
	names := slices.Sorted(maps.Keys(fields))
	var errs field.ErrorList
	for _, key := range slices.Sorted(maps.Keys(object)) {
		at := field.NewPath(key)
		if path != nil {
			at = path.Child(key)
		}
		if inner, known := fields[key]; known {
			errs = append(errs, mismatches(at, object[key], inner)...)
			continue
		}
		errs = append(errs, field.Forbidden(at, "no such field"+config.Nearest(key, names)))
	}
	return errs
}

// fieldsOf are the fields of a struct by JSON name.
func fieldsOf(as reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for i := range as.NumField() {
		each := as.Field(i)
		name, options, _ := strings.Cut(each.Tag.Get("json"), ",")
		if each.Anonymous && (name == "" || options == "inline") {
			maps.Copy(fields, fieldsOf(each.Type))
			continue
		}
		fields[name] = each.Type
	}
	return fields
}

// mismatch reports a value that cannot be decoded into a type.
func mismatch(path *field.Path, value any, as reflect.Type) field.ErrorList {
	text, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(text, reflect.New(as).Interface())
	}
	if err == nil {
		return nil
	}
	return field.ErrorList{field.Invalid(path, value, "must be "+nameOf(as))}
}

func nameOf(as reflect.Type) string {
	switch {
	case as == reflect.TypeFor[metav1.Duration]():
		return "a duration such as 30s or 1m30s"
	case as.Kind() == reflect.Bool:
		return "true or false"
	case as.Kind() == reflect.String:
		return "a string: put it in quotes"
	case as.Kind() == reflect.Slice:
		return "a list"
	case as.Kind() == reflect.Map || as.Kind() == reflect.Struct:
		return "an object"
	case as.Kind() >= reflect.Int && as.Kind() <= reflect.Uint64:
		return "a whole number"
	}
	return "a number"
}
