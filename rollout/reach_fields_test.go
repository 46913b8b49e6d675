package rollout

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"sluice.dev/sluice/api/v1alpha1"
)

// governed are the fields of a policy that can name another namespace, and what decides about each. docs/explanation/security.md
// has the same list.
var governed = map[string]string{
	"service.primaryBackend.backendRef.namespace":                       "target.NamedBackends",
	"service.primaryBackend.filters.requestMirror.backendRef.namespace": "target.NamedBackends",
	"service.primaryBackend.filters.externalAuth.backendRef.namespace":  "target.NamedBackends",
	"service.canaryBackend.filters.externalAuth.backendRef.namespace":   "target.NamedBackends",
	"service.canaryBackend.backendRef.namespace":                        "target.NamedBackends",
	"service.canaryBackend.filters.requestMirror.backendRef.namespace":  "target.NamedBackends",
	"service.mirror.backendRef.namespace":                               "target.NamedBackends",
	"service.gatewayRefs.namespace":                                     "the Gateway's allowedRoutes",
	"service.match.sourceNamespace":                                     "not supported",
	"analysis.match.sourceNamespace":                                    "not supported",
	"analysis.metrics.templateRef.namespace":                            "reader.outOfReach",
	"analysis.alerts.providerRef.namespace":                             "alerts are not sent",
}

// TestEveryFieldThatNamesANamespaceIsGoverned fails when a field is added that names a namespace and nothing decides about it.
func TestEveryFieldThatNamesANamespaceIsGoverned(t *testing.T) {
	found := namespacesIn(reflect.TypeFor[v1alpha1.PolicySpec](), "")
	slices.Sort(found)
	for _, field := range slices.Compact(found) {
		if governed[field] == "" {
			t.Errorf("%s names a namespace: say what decides whether a policy may reach it", field)
		}
	}
	for field := range governed {
		if !slices.Contains(found, field) {
			t.Errorf("%s is no field of a policy", field)
		}
	}
}

// namespacesIn are the paths of the fields of a type that name a namespace.
func namespacesIn(kind reflect.Type, path string) (found []string) {
	for slices.Contains([]reflect.Kind{reflect.Pointer, reflect.Slice, reflect.Map}, kind.Kind()) {
		kind = kind.Elem()
	}
	if kind.Kind() != reflect.Struct || strings.Count(path, ".") > 8 {
		return nil
	}
	for i := range kind.NumField() {
		field := kind.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		at := strings.TrimPrefix(path+"."+name, ".")
		switch {
		case strings.Contains(options, "inline"):
			at = path
		case name == "" || name == "-":
			continue
		case strings.HasSuffix(strings.ToLower(name), "namespace"):
			found = append(found, at)
		}
		found = append(found, namespacesIn(field.Type, at)...)
	}
	return found
}
