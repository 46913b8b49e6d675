package route

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
)

// These are the types of filters that Sluice merges into.
const (
	requestHeaders  = "RequestHeaderModifier"
	responseHeaders = "ResponseHeaderModifier"
	requestMirror   = "RequestMirror"
	setCookie       = "Set-Cookie"
)

// canaryRef returns the reference to the canary that goes beside one to the primary, with the mark.
func (s Split) canaryRef(primary map[string]any) map[string]any {
	ref := copied(primary)
	if s.CanaryBackend == nil {
		ref["name"] = s.Canary
	} else {
		ref = s.ownCanaryBackend()
		delete(ref, "weight")
		if weight, set := number(primary, "weight"); set {
			ref["weight"] = weight
		}
	}
	if s.Mark != nil {
		setRequestHeader(ref, *s.Mark)
	}
	return ref
}

// ownCanaryBackend returns a copy of the canary's backend for a route. A route of another namespace would take a missing namespace
// for its own.
func (s Split) ownCanaryBackend() map[string]any {
	ref := copied(s.CanaryBackend)
	if s.Namespace == "" {
		return ref
	}
	for _, one := range append(backendsOfFilters(ref), ref) {
		if text(one, "namespace", "") == "" {
			one["namespace"] = s.Namespace
		}
	}
	return ref
}

// modifierOf returns the header modifier of a rule or a reference, and adds one if there is none. The Gateway API allows one
// of each type.
func modifierOf(holder map[string]any, kind string) map[string]any {
	field := strings.ToLower(kind[:1]) + kind[1:]
	for _, filter := range listOf(holder, "filters") {
		if text(asMap(filter), "type", "") == kind && asMap(asMap(filter)[field]) != nil {
			return asMap(asMap(filter)[field])
		}
	}
	modifier := map[string]any{}
	holder["filters"] = append(slices.Clone(listOf(holder, "filters")), map[string]any{"type": kind, field: modifier})
	return modifier
}

// isHeader reports whether an entry of a modifier is about the header: {name, value} in set and add, a name in remove.
func isHeader(entry any, name string) bool {
	word, isName := entry.(string)
	if !isName {
		word = text(asMap(entry), "name", "")
	}
	return strings.EqualFold(word, name)
}

// setRequestHeader sets a header, regardless of what the user's modifier does to it.
func setRequestHeader(ref map[string]any, header Header) {
	modifier := modifierOf(ref, requestHeaders)
	about := func(entry any) bool { return isHeader(entry, header.Name) }
	for _, field := range []string{"set", "add", "remove"} {
		rest := slices.DeleteFunc(slices.Clone(listOf(modifier, field)), about)
		modifier[field] = rest
		if field == "set" {
			modifier[field] = append(rest, map[string]any{"name": header.Name, "value": header.Value})
		} else if len(rest) == 0 {
			delete(modifier, field)
		}
	}
}

// addCookie makes a rule or a reference set a cookie. A header can be added only once, so a second cookie is an error.
func addCookie(holder map[string]any, cookie string) error {
	modifier := modifierOf(holder, responseHeaders)
	for _, field := range []string{"set", "add", "remove"} {
		if slices.ContainsFunc(listOf(modifier, field), func(entry any) bool { return isHeader(entry, setCookie) }) {
			return fmt.Errorf("the %s already has Set-Cookie in %q, which session affinity needs, and the Gateway API allows it only once: "+
				"remove it, or leave session affinity out", responseHeaders, field)
		}
	}
	modifier["add"] = append(slices.Clone(listOf(modifier, "add")), map[string]any{"name": setCookie, "value": cookie})
	return nil
}

// removeCookie undoes addCookie.
func removeCookie(holder map[string]any, cookie string) {
	added := map[string]any{"name": setCookie, "value": cookie}
	for i, filter := range listOf(holder, "filters") {
		modifier := asMap(asMap(filter)["responseHeaderModifier"])
		add := listOf(modifier, "add")
		at := slices.IndexFunc(add, func(entry any) bool { return equality.Semantic.DeepEqual(entry, any(added)) })
		if at == -1 {
			continue
		}
		modifier["add"] = slices.Delete(slices.Clone(add), at, at+1)
		if len(add) == 1 {
			delete(modifier, "add")
		}
		if len(modifier) == 0 {
			removeFilter(holder, i)
		}
		return
	}
}

func removeFilter(holder map[string]any, at int) {
	filters := listOf(holder, "filters")
	holder["filters"] = slices.Delete(slices.Clone(filters), at, at+1)
	if len(filters) == 1 {
		delete(holder, "filters")
	}
}
